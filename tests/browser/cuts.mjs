// datecast.js by each transport, and datecast.mjs, in real browsers, against real servers that crash, behind proxies that cut: every line comes once and in order,
// or a gap is told. `node cuts.mjs`; SEED=7 chooses the faults. Prints one line a check, and `NOT RUN: reason` for a browser that is not there.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { binaries, mustBeBuilt } from "./binaries.mjs";
import { BROWSERS, launch } from "./browsers.mjs";
import { clientSite } from "./client-site.mjs";
import { start, stop, stopAll, until } from "./daemons.mjs";
import { FaultyProxy, faultsOf } from "./faults.mjs";
import { sharesOneSocket, survivesWhatTabsDo } from "./shared-tabs.mjs";
import { Tally } from "./tally.mjs";

const { wsServer, datecast } = binaries;
const seed = Number(process.env.SEED ?? 1);
// A page behind others draws no frames.
const PATIENCE = { timeout: 240_000, polling: 100 };
/** Each has a proxy of its own, and in it its own faults. A poll is silent for 25 s, which is longer than this test may last. */
const READERS = { websocket: { silence: true }, sse: { silence: true }, stream: { silence: true }, poll: {}, jsonp: {}, module: { silence: true } };

/** Numbered lines for a server that crashes now and then. */
class Feed {
  number = 0;
  port = 0;
  #child = null;
  #timer = null;

  async begin() {
    ({ child: this.#child, port: this.port } = await start(wsServer, ["--listen", `127.0.0.1:${this.port}`, "--source", "-"], { stdin: "pipe" }));
    this.#child.stdin.on("error", () => {});
    this.#timer = setInterval(() => this.write(), 25);
  }

  write() {
    this.number += 1;
    this.#child.stdin.write(`line ${this.number}\n`);
  }

  async crash() {
    clearInterval(this.#timer);
    await stop(this.#child, "SIGKILL");
  }
}

/** Runs in the page: reads by `name`, and keeps what comes. */
async function read(name, url) {
  const said = [];
  (window.readers ??= {})[name] = said;
  const keep = (kind) => (event) => said.push({ kind, id: event.id, text: event.text, stream: event.stream, state: event.state, reason: event.reason });
  if (name === "module") {
    const { datecast: open } = await import("/datecast.mjs");
    const stream = open(url, { heartbeat: 1 });
    stream.addEventListener("state", keep("state"));
    (async () => {
      for await (const message of stream) {
        if (message.gap !== undefined) {
          keep("gap")(message.gap);
        }
        keep("message")(message);
      }
    })();
  } else {
    window.datecast(url, { transports: name, heartbeat: 1, onmessage: keep("message"), ongap: keep("gap"), onstate: keep("state") });
  }
}

const isAt = (page, names, number) => page.waitForFunction((all, least) => all.every((name) => {
  const last = window.readers[name].findLast(({ kind }) => kind === "message");
  return last !== undefined && Number(last.text.slice(5)) >= least;
}), PATIENCE, names, number);

/** Every line once and in order, or a gap that was told in its place. */
function checkReader(said) {
  let before = null;
  let isTold = false;
  const ids = new Set();
  for (const { kind, id, text } of said) {
    if (kind === "gap") {
      isTold = true;
    } else if (kind === "message") {
      const number = Number(text.slice(5));
      assert.ok(!ids.has(id), `${text} came twice, as ${id}`);
      assert.ok(before === null || number > before, `${text} came behind line ${before}`);
      assert.ok(before === null || isTold || number === before + 1, `${text} came behind line ${before}, and nothing was said`);
      ids.add(id);
      before = number;
      isTold = false;
    }
  }
  assert.ok(ids.size > 20, `${ids.size} lines`);
}

async function survivesCuts({ browser, check }) {
  const feed = new Feed();
  await feed.begin();
  const site = await clientSite();
  const names = Object.keys(READERS);
  const proxies = await Promise.all(names.map((name, index) => new FaultyProxy(feed.port, faultsOf(seed * 100 + index, READERS[name])).open()));
  const page = await browser.newPage();
  await page.goto(site.url);
  for (const [index, name] of names.entries()) {
    await page.evaluate(read, name, `ws://127.0.0.1:${proxies[index].port}/`);
  }
  await check("each reader comes through its faults, and two crashes of the server", async () => {
    await isAt(page, names, 20);
    await feed.crash();
    await feed.begin();
    await until(() => proxies.every(({ left }) => left === 0), () => `faults left: ${proxies.map(({ left }) => left)}`);
    await feed.crash();
    await feed.begin();
    proxies.forEach((proxy) => proxy.cut());
    await isAt(page, names, feed.number + 1);
  });
  const readers = await page.evaluate(() => window.readers);
  for (const name of names) {
    await check(`every line comes once and in order, or a gap is told: ${name}`, () => {
      checkReader(readers[name]);
      assert.ok(readers[name].some(({ kind, stream }) => kind === "gap" && stream === "new"), "no crash was told");
    });
  }
  await page.close();
  proxies.forEach((proxy) => proxy.close());
  site.close();
  await feed.crash();
}

// ---- all of it

const tally = new Tally();

/** One after the other: fifty tabs leave a slow machine no time for anything else. */
async function runIn(name) {
  const { executablePath } = BROWSERS[name];
  if (!existsSync(executablePath)) {
    tally.skip(name, `there is no ${executablePath}`, 1);
    return;
  }
  const browser = await launch(name);
  try {
    const given = { name, browser, datecast, check: tally.checker(`${name}, seed ${seed}`) };
    await survivesCuts(given);
    await survivesWhatTabsDo(given);
    await sharesOneSocket(given);
  } catch (error) {
    tally.fail(`${name}: ${error.stack}`);
  } finally {
    await browser.close();
  }
}

mustBeBuilt();
await Promise.all(Object.keys(BROWSERS).map(runIn));
await stopAll();
tally.end();
