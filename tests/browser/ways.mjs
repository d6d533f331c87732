// Each way to the stream in turn, by hiding the better ones: the page says which one it is, dates and lines arrive, and a crash and a stop of the
// server are survived. Without scripts the document is what is left.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { launch } from "./browsers.mjs";
import { PATIENCE, feed, pageServer, phase, streamServer } from "./common.mjs";
import { start, stop } from "./daemons.mjs";
import { oldPage } from "./plain.mjs";

const DATE = /\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000 \(UTC\)/;
/** What is hidden, on which page that shows, and what is between it and the server. */
const WAYS = [
  { way: "event stream", gone: ["WebSocket"] },
  { way: "streaming request", by: "fetch", gone: ["WebSocket", "EventSource"] },
  { way: "streaming request", by: "XMLHttpRequest", gone: ["WebSocket", "EventSource", "fetch", "AbortController"], isPlain: true },
  { way: "long poll", by: "a proxy that holds back what has no end", gone: ["WebSocket", "EventSource"], middle: { holdsBack: true } },
  { way: "long poll", by: "a browser that shows no part of an answer", gone: ["WebSocket", "EventSource", "AbortController", "ProgressEvent"], isPlain: true },
  { way: "JSONP", by: "an origin that lets no other one read it", gone: ["WebSocket"], isPlain: true, middle: { withoutCors: true } },
];

/** An HTTP proxy that may hold back each answer up to its end, and leave out the field that lets pages of other origins read it. No sockets. */
class Middle {
  #server;
  #open = new Set();

  constructor(target, { holdsBack = false, withoutCors = false } = {}) {
    this.#server = http.createServer((request, response) => {
      const upstream = http.request({ host: "127.0.0.1", port: target, method: request.method, path: request.url, headers: request.headers, agent: false }, (answer) => {
        const fields = { ...answer.headers };
        if (withoutCors) {
          delete fields["access-control-allow-origin"];
        }
        const held = [];
        if (!holdsBack) {
          response.writeHead(answer.statusCode, fields).flushHeaders();
        }
        answer.on("data", (chunk) => (holdsBack ? held.push(chunk) : response.write(chunk)));
        answer.on("close", () => {
          if (!answer.complete) {
            response.destroy();
          } else if (holdsBack) {
            response.writeHead(answer.statusCode, fields).end(Buffer.concat(held));
          } else {
            response.end();
          }
        });
      });
      upstream.on("error", () => response.destroy());
      response.on("close", () => upstream.destroy());
      request.pipe(upstream);
    });
    this.#server.on("upgrade", (_, socket) => socket.destroy());
    this.#server.on("connection", (socket) => {
      this.#open.add(socket);
      socket.on("error", () => {}).on("close", () => this.#open.delete(socket));
    });
  }

  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  close() {
    this.#server.close();
    this.#open.forEach((socket) => socket.destroy());
  }
}

/** What a page shows, on either side of the built-in page. */
function shown(page, isPlain) {
  const selector = isPlain ? ".plain-lines .line" : "#messages .message .text";
  const texts = async () => {
    const all = await page.$$eval(selector, (elements) => elements.map((element) => element.textContent));
    // The clock's list has the newest one first.
    return isPlain ? all : all.reverse();
  };
  const more = async (count) => {
    const before = await texts();
    await page.waitForFunction((wanted, last, total) => {
      const all = [...document.querySelectorAll(wanted)];
      return all.length >= total && all.some((element) => element.textContent === last) === (last !== undefined);
    }, PATIENCE, selector, before.at(-1), before.length + count);
  };
  const word = async (pattern) => {
    await page.waitForFunction((wanted, source) => new RegExp(source).test(document.querySelector(wanted)?.textContent), PATIENCE, isPlain ? ".plain [role=status]" : "#detail", pattern.source);
  };
  const isLive = () => (isPlain ? page.waitForFunction(() => document.title.endsWith("· live"), PATIENCE) : phase(page, "open"));
  const isLost = () => (isPlain ? page.waitForFunction(() => !document.title.endsWith("· live"), PATIENCE) : page.waitForFunction(() => document.getElementById("status").dataset.phase !== "open", PATIENCE));
  return { texts, more, word, isLive, isLost };
}

async function open({ browser }, { gone, isPlain }, url) {
  const page = isPlain ? await oldPage(browser, gone) : await browser.newPage();
  if (!isPlain) {
    await page.evaluateOnNewDocument((names) => names.forEach((name) => { window[name] = undefined; }), gone);
  }
  await page.goto(url);
  return page;
}

/** Dates go on, behind a crash and behind a stop. Five a second: there is much to wait for. */
async function datesSurvive(context, way) {
  const { binaries } = context;
  const interval = ["--interval", "200ms"];
  let ws = await streamServer(binaries, interval);
  const middle = new Middle(ws.port, way.middle);
  await middle.open();
  const site = await pageServer(binaries, middle.port);
  const page = await open(context, way, `http://127.0.0.1:${site.port}/?view=clock`);
  const { texts, more, word, isLive, isLost } = shown(page, way.isPlain);
  const isNamed = () => word(new RegExp(`by ${way.way}\\b`));
  try {
    await isLive();
    await isNamed();
    await more(3);
    assert.match((await texts()).at(-1), DATE);
    for (const signal of ["SIGKILL", "SIGTERM"]) {
      await stop(ws.child, signal);
      await isLost();
      ws = await start(binaries.wsServer, ["--listen", `127.0.0.1:${ws.port}`, ...interval]);
      await isLive();
      await more(3);
      await isNamed();
    }
  } finally {
    await page.close();
    middle.close();
    await Promise.all([stop(ws.child), stop(site.child)]);
  }
}

/** Lines come once each and in order. */
async function linesArrive(context, way) {
  const { binaries } = context;
  const ws = await streamServer(binaries, ["--source", "-", "--history", "1000"], { stdin: "pipe" });
  const endFeed = feed(ws.child);
  const middle = new Middle(ws.port, way.middle);
  await middle.open();
  const site = await pageServer(binaries, middle.port);
  const page = await open(context, way, `http://127.0.0.1:${site.port}/?view=clock`);
  const { texts, more } = shown(page, way.isPlain);
  try {
    await more(10);
    const numbers = (await texts()).map((text) => Number(text.replace("line ", "")));
    assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index));
  } finally {
    await page.close();
    endFeed();
    middle.close();
    await Promise.all([stop(ws.child), stop(site.child)]);
  }
}

export async function eachWay(context) {
  for (const way of WAYS) {
    const name = `${way.way}${way.by === undefined ? "" : ` (${way.by})`}`;
    await context.check(`dates come by ${name}, across a crash and a stop of the server`, () => datesSurvive(context, way));
    // Behind the proxy each better way has to be waited for first: once is enough.
    if (!way.middle?.holdsBack) {
      await context.check(`lines come by ${name}, each once`, () => linesArrive(context, way));
    }
  }
}

const textOf = (page) => page.evaluate(() => document.body?.innerText ?? "");

/** Waits for this in the text of a page that never ends loading. */
async function reads(page, what, holds) {
  let text = "";
  for (const deadline = Date.now() + 2 * PATIENCE.timeout; Date.now() < deadline;) {
    // Between two documents there is nothing to ask.
    text = await textOf(page).catch(() => "");
    if (holds(text)) {
      return text;
    }
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error(`no ${what} in ${text.slice(-500)}`);
}

const dates = (text) => text.match(new RegExp(DATE, "g")) ?? [];

/** Scripts off: the page leads to the document, which shows dates; behind a stop of the server it goes on by itself. */
export async function withoutScripts({ name, check, binaries }) {
  let ws = await streamServer(binaries, []);
  const site = await pageServer(binaries, ws.port);
  // Firefox has a preference for it, Chromium a switch of each page.
  const browser = await launch(name, "light", { "javascript.enabled": false });
  const page = await browser.newPage();
  if (name === "chromium") {
    await page.setJavaScriptEnabled(false);
  }
  await check("without scripts the page becomes a document that shows the dates", async () => {
    page.goto(`http://127.0.0.1:${site.port}/`).catch(() => {});
    const text = await reads(page, "three dates", (shows) => dates(shows).length >= 3);
    const times = dates(text).map(Date.parse);
    // A busy server skips a second.
    assert.ok(times.every((time, index) => index === 0 || time > times[index - 1]), `each later than the one before: ${text}`);
    assert.equal(await page.evaluate(() => location.href), `http://127.0.0.1:${ws.port}/stream.html`);
  });
  await check("the document goes on behind a stop of the server", async () => {
    const before = dates(await textOf(page)).at(-1);
    await stop(ws.child);
    ws = await start(binaries.wsServer, ["--listen", `127.0.0.1:${ws.port}`]);
    await reads(page, "dates behind the stop", (shows) => dates(shows).filter((date) => Date.parse(date) > Date.parse(before) + 2000).length >= 2);
  });
  await browser.close();
  await Promise.all([stop(ws.child), stop(site.child)]);
}
