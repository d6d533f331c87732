// How quick the view of lines is with a million lines in it while 3,000 a second arrive: `node measure-lines.mjs`.
// `tests/README.md` says what is measured, and how. Prints the figures, and fails if one of them is far off.

import { binaries, mustBeBuilt } from "./binaries.mjs";
import { launch } from "./browsers.mjs";
import { start, stopAll } from "./daemons.mjs";

const { staticServer, wsServer } = binaries;
const LINES = Number(process.env.LINES ?? 1_000_000);
const A_SECOND = 3_000;
const WINDOWS = 5;
const SECONDS = Number(process.env.SECONDS ?? 10);
const FIGURES = { heap: 250, p99: 8, frames: 0.9 };
/** What each frame leaves in a trace. */
const MARK = "frame";
const A_STEP = 10_000;
const PATIENCE = 300_000;
/** A machine that does other work besides may be off a figure by this factor. */
const GENEROUS = 2;

/** A line as a log has them: a date, a level in colour now and then, some words. */
function line(number) {
  const level = number % 10 === 0 ? "\x1b[33mWARN\x1b[0m" : "INFO";
  return `2026-11-26T03:${String(number % 60).padStart(2, "0")}:07.512Z ${level} worker-${number % 4}: request ${number} took ${number % 997} ms, sent ${number * 7} bytes\n`;
}

/** Feeds lines at an even rate, or as fast as the pipe takes them up to `fast`. */
class Feeder {
  #stdin;
  #number = 0;
  #timer = null;

  constructor(stdin) {
    this.#stdin = stdin;
    stdin.on("error", () => {});
  }

  async fast(count) {
    for (const end = this.#number + count; this.#number < end;) {
      if (!this.#stdin.write(this.#lines(Math.min(2_000, end - this.#number)))) {
        await new Promise((done) => { this.#stdin.once("drain", done); });
      }
    }
  }

  begin() {
    const started = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - started) * A_SECOND) / 1000);
      this.#stdin.write(this.#lines(due - sent));
      sent = due;
    }, 10);
  }

  end() {
    clearInterval(this.#timer);
  }

  #lines(count) {
    return Array.from({ length: count }, () => line((this.#number += 1))).join("");
  }
}

/** Frames a second that the page in front gets. */
async function frames(page, seconds) {
  await page.bringToFront();
  return page.evaluate((wanted, MARK) => new Promise((done) => {
    let count = 0;
    let from = null;
    const frame = (now) => {
      from ??= now;
      count += 1;
      performance.mark(MARK);
      if (now - from < wanted * 1000) {
        requestAnimationFrame(frame);
      } else {
        done(((count - 1) * 1000) / (now - from));
      }
    };
    requestAnimationFrame(frame);
  }), seconds, MARK);
}

const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)];

/** The main thread's work between two beginnings of a frame, in milliseconds: what its tasks took in all, in time and in the processor's time. */
function workAFrame(trace) {
  const isMark = ({ name, cat }) => name === MARK && cat.includes("blink.user_timing");
  const { pid } = trace.find(isMark);
  const main = trace.find(({ name, pid: of, args }) => name === "thread_name" && of === pid && args.name === "CrRendererMain");
  const own = trace.filter((event) => event.pid === pid && event.tid === main.tid);
  const callbacks = own.filter(isMark).map(({ ts }) => ts).sort((a, b) => a - b);
  const tasks = own.filter(({ name, ph }) => name === "ThreadControllerImpl::RunTask" && ph === "X").sort((a, b) => a.ts - b.ts);
  const time = [];
  const processor = [];
  let next = 0;
  for (const { ts, dur, tdur } of tasks) {
    const before = next;
    while (next < callbacks.length && callbacks[next] <= ts + dur) {
      next += 1;
    }
    if (next > before) {
      // The task in which callbacks of a frame run is that frame's first.
      time.push(0);
      processor.push(0);
    }
    if (time.length > 0) {
      time[time.length - 1] += dur / 1000;
      processor[processor.length - 1] += (tdur ?? dur) / 1000;
    }
  }
  return { time: time.slice(1, -1), processor: processor.slice(1, -1) };
}

/** The events of a trace while `body` runs: of tasks and marks alone, since to record more would cost more than what is measured. */
async function traced(page, body) {
  await page.tracing.start({ categories: ["toplevel", "blink.user_timing"] });
  await body();
  return JSON.parse(Buffer.from(await page.tracing.stop()).toString()).traceEvents;
}

const linesOf = (page) => page.$eval(".lines-bar .total", (element) => Number(element.textContent.replace(/\D/g, "")));

/** Fills the view, never further ahead of it than the server keeps. */
async function fill(page, feeder) {
  const deadline = performance.now() + PATIENCE;
  for (let count = 0; count < LINES; count += A_STEP) {
    await feeder.fast(A_STEP);
    while (await linesOf(page) < Math.min(count, LINES - 2_048)) {
      if (performance.now() > deadline) {
        throw new Error(`only ${await linesOf(page)} lines came`);
      }
      await new Promise((done) => { setTimeout(done, 20); });
    }
  }
}

async function heap(session) {
  const { usedSize, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
  return { used: usedSize / 1e6, backing: backingStorageSize / 1e6 };
}

async function measure() {
  const ws = await start(wsServer, ["--listen", "127.0.0.1:0", "--source", "-", "--history", "100000"], { stdin: "pipe" });
  const site = await start(staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${ws.port}/`]);
  const feeder = new Feeder(ws.child.stdin);
  const browser = await launch("chromium");
  try {
    const empty = await browser.newPage();
    await empty.setViewport({ width: 1280, height: 860 });
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 860 });
    await page.goto(`http://127.0.0.1:${site.port}/?view=lines`);
    await feeder.fast(1);
    await page.waitForSelector(".lines .row", { timeout: 20_000 });
    await fill(page, feeder);
    feeder.begin();
    const before = await frames(empty, SECONDS / 2);
    await page.bringToFront();
    const session = await page.createCDPSession();
    const used = [];
    const timer = setInterval(() => { heap(session).then((now) => used.push(now), () => {}); }, 500);
    const withLines = await frames(page, SECONDS);
    clearInterval(timer);
    const after = await frames(empty, SECONDS / 2);
    await page.bringToFront();
    const works = [];
    for (let window = 0; window < WINDOWS; window += 1) {
      works.push(workAFrame(await traced(page, () => frames(page, SECONDS / 2))));
    }
    await session.send("HeapProfiler.collectGarbage");
    const kept = await heap(session);
    feeder.end();
    const lines = await page.$eval(".lines-bar .total", (element) => element.textContent);
    return { before, withLines, after, works, kept, peak: Math.max(...used.map(({ used: bytes, backing }) => bytes + backing)), lines };
  } finally {
    await browser.close();
    await stopAll();
  }
}

const { before, withLines, after, works, kept, peak, lines } = await measure();
const empty = (before + after) / 2;
const share = withLines / empty;
const rounded = (value) => value.toFixed(1);
/** Of each window, in their order. */
const ofWindows = (share, of) => works.map((work) => percentile(work[of], share));
const [p99s, p50s] = [0.99, 0.5].map((part) => ofWindows(part, "processor"));
// The middle one of the windows: the best would be chosen, and the worst is another program's.
const p99 = percentile(p99s, 0.5);
console.log(`lines in the view    ${lines}, ${A_SECOND} more a second`);
console.log(`heap                 ${rounded(kept.used + kept.backing)} MB kept (${rounded(kept.used)} of objects and text, ${rounded(kept.backing)} of typed arrays), ${rounded(peak)} MB at most before a collection`);
console.log(`main thread a frame  ${rounded(p99)} ms of the processor at the 99th percentile, median ${rounded(percentile(p50s, 0.5))}: the middle one of ${WINDOWS} windows`);
console.log(`  all windows        99th percentile ${p99s.map(rounded).join(", ")}; median ${p50s.map(rounded).join(", ")}; by the clock ${ofWindows(0.99, "time").map(rounded).join(", ")}; frames ${works.map(({ time }) => time.length).join(", ")}`);
console.log(`frames a second      ${rounded(withLines)}, an empty page ${rounded(before)} before and ${rounded(after)} after: ${share.toFixed(2)}`);
const isFar = [kept.used + kept.backing > FIGURES.heap, p99 > FIGURES.p99 * GENEROUS, share < FIGURES.frames / GENEROUS];
process.exit(isFar.some(Boolean) ? 1 : 0);
