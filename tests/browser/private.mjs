// A page of another site, in a real browser, tries everything that a page can to read what is piped into `datecast`, and to learn
// anything about it. As a control it tries the same with a public ws-server, whose stream it can read.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { start, stop } from "./daemons.mjs";

const SECRET = "the secret line";
const EMPTY = "<!doctype html><meta charset=utf-8><title>a page</title>";

/** An empty page at whatever Host a browser asks for. */
async function otherSite() {
  const server = http.createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(EMPTY);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, close: () => server.close() };
}

/** Runs in the page: each way to an answer of `origin`, and what the page gets by it. */
async function tryEverything(origin, wanted) {
  const soon = (promise) => Promise.race([promise, new Promise((done) => { setTimeout(done, 5000, "nothing"); })]);
  const element = (name, fields) => soon(new Promise((done) => {
    const made = document.createElement(name);
    made.onload = () => done("loaded");
    made.onerror = () => done("an error");
    document.head.append(Object.assign(made, fields));
  }));
  const fetched = (target, options) => soon(fetch(target, options).then(async (response) => {
    if (response.type === "opaque") {
      return "an opaque answer";
    }
    let text = "";
    const decoder = new TextDecoder();
    for (const reader = response.body.getReader(); !text.includes(wanted);) {
      const { done, value } = await reader.read();
      if (done) {
        break;
      }
      text += decoder.decode(value, { stream: true });
    }
    return text.includes(wanted) ? "the secret" : `an answer: ${response.status}`;
  }, () => "an error"));
  const events = (target) => soon(new Promise((done) => {
    const source = new EventSource(target);
    source.onmessage = () => { source.close(); done("the secret"); };
    source.onerror = () => { source.close(); done("an error"); };
  }));
  const socket = (target) => soon(new Promise((done) => {
    const made = new WebSocket(target);
    made.onmessage = () => { made.close(); done("the secret"); };
    made.onerror = () => done("an error");
  }));
  const framed = (target) => soon(new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.onload = () => {
      let text = "";
      try {
        text = frame.contentDocument.body.textContent;
      } catch {
        // Of another origin, or an error.
      }
      done(text.includes(wanted) ? "the secret" : "an error");
    };
    frame.src = target;
    document.body.append(frame);
  }));
  const part = `${origin}/stream?since=0&until=1`;
  const found = {
    "fetch": await fetched(`${origin}/stream`),
    "fetch with cookies": await fetched(part, { credentials: "include" }),
    "fetch after a preflight": await fetched(part, { headers: { "Last-Event-ID": "0" } }),
    "fetch, unread": await fetched(part, { mode: "no-cors" }),
    "fetch of the page": await fetched(`${origin}/`),
    "fetch of the page, unread": await fetched(`${origin}/`, { mode: "no-cors" }),
    "event stream": await events(`${origin}/stream`),
    "WebSocket": await socket(`${origin.replace("http", "ws")}/stream`),
    "frame": await framed(part),
  };
  for (const [name, field] of [["script", "src"], ["img", "src"], ["video", "src"], ["link", "href"]]) {
    found[name] = await element(name, { [field]: part, rel: "stylesheet" });
  }
  return found;
}

const isRefused = (answer) => answer === "an error" || answer === "an answer: 403";

/** Starts `datecast` with these first arguments, and gives it the secret. */
async function withSecret(binaries, args) {
  const server = await start(binaries.datecast, [...args, "--listen", "127.0.0.1:0", "--log-level", "info"], { stdin: "pipe" });
  server.child.stdin.write(`${SECRET}\n`);
  return server;
}

export async function keepsToItself({ page, check, binaries }) {
  const [site, own, open] = await Promise.all([otherSite(), withSecret(binaries, []),
    withSecret(binaries, ["ws-server", "--source", "-"])]);
  const foreign = `http://evil.localhost:${site.port}/`;
  await check("a page of another site reads and loads nothing of a private stream", async () => {
    await page.goto(foreign);
    const found = await page.evaluate(tryEverything, `http://127.0.0.1:${own.port}`, SECRET);
    assert.deepEqual(Object.entries(found).filter(([, answer]) => !isRefused(answer)), []);
  });
  await check("the same page reads a public stream by the same means", async () => {
    const found = await page.evaluate(tryEverything, `http://127.0.0.1:${open.port}`, SECRET);
    for (const way of ["fetch", "fetch after a preflight", "event stream", "WebSocket"]) {
      assert.equal(found[way], "the secret", `${way}: ${JSON.stringify(found)}`);
    }
  });
  await check("a site whose name leads to this machine gets a sentence that names --host", async () => {
    const response = await page.goto(`http://evil.localhost:${own.port}/`);
    assert.equal(response.status(), 403);
    assert.match(await response.text(), /^Host: evil\.localhost:\d+ is no name .* --host evil\.localhost\n$/);
    const found = await page.evaluate(tryEverything, `http://evil.localhost:${own.port}`, SECRET);
    assert.deepEqual(Object.entries(found).filter(([, answer]) => !isRefused(answer)), []);
  });
  await check("a link from another site opens the page, which reads its own stream by every way", async () => {
    await page.goto(foreign);
    const target = `http://localhost:${own.port}/`;
    const opened = page.waitForNavigation();
    await page.evaluate((href) => {
      const link = document.createElement("a");
      document.body.append(Object.assign(link, { href }));
      link.click();
    }, target);
    assert.equal((await opened).status(), 200);
    const found = await page.evaluate(tryEverything, target.slice(0, -1), SECRET);
    for (const way of ["fetch", "fetch after a preflight", "event stream", "WebSocket"]) {
      assert.equal(found[way], "the secret", `${way}: ${JSON.stringify(found)}`);
    }
  });
  site.close();
  await Promise.all([stop(own.child), stop(open.child)]);
}
