// datecast.mjs over a stand-in for WebSocket: loops, events, bounds. `node --test client/tests`.

import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { DatecastRefused, datecast, read } from "../datecast.mjs";
import { FakeStream, until } from "./fakes.mjs";

const URL_OF_STREAM = "ws://stream.test/";
const texts = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);
let server;
let opened;

beforeEach(() => {
  server = new FakeStream();
  opened = [];
  globalThis.self = globalThis;
  globalThis.WebSocket = server.WebSocket;
});
afterEach(() => opened.forEach((stream) => stream.close()));

function open(options = {}) {
  const stream = datecast(URL_OF_STREAM, { transports: "websocket", ...options });
  opened.push(stream);
  return stream;
}

function record(stream) {
  const events = [];
  for (const type of ["message", "notice", "gap", "resume", "source", "state"]) {
    stream.addEventListener(type, (event) => events.push({ ...event, type, isTrusted: undefined }));
  }
  return events;
}

test("a loop gets each message once and in order, over a cut", async () => {
  const stream = open();
  server.publish();
  const seen = [];
  for await (const { id, text } of stream) {
    seen.push([id, text]);
    if (seen.length === 1) {
      server.publish();
      server.cut();
      server.publish();
    }
    if (seen.length === 3) {
      break;
    }
  }
  assert.deepEqual(seen, [1, 2, 3].map((number) => [server.idOf(number), `line ${number}`]));
  assert.equal(stream.state, "closed");
  assert.equal(server.sockets.length, 0);
});

test("events tell the same as a loop, and more", async () => {
  const stream = open();
  const events = record(stream);
  await until(() => stream.state === "open");
  server.publish();
  server.sockets[0].onmessage({ data: "\t17 disconnected" });
  server.sockets[0].onmessage({ data: "!\t{\"source\":\"ended\",\"said\":\"it ended\"}" });
  const of = (wanted) => events.filter(({ type }) => type === wanted);
  assert.deepEqual(of("message").map(({ id, text }) => [id, text]), [[server.idOf(1), "line 1"]]);
  assert.deepEqual(of("notice").map(({ text }) => text), ["17 disconnected"]);
  assert.deepEqual(of("source").map(({ source, text }) => [source, text]), [["ended", "it ended"]]);
  assert.deepEqual(of("state").map(({ state, transport, role }) => [state, transport, role]), [["connecting", "websocket", "alone"], ["open", "websocket", "alone"]]);
  server.cut();
  server.publish();
  await until(() => of("resume").length === 1);
  assert.equal(of("resume")[0].after, server.idOf(1));
  assert.equal(stream.last, server.idOf(2));
});

test("it connects once somebody listens, and misses nothing until then", async () => {
  const stream = open();
  await new Promise((done) => { setTimeout(done, 5); });
  assert.equal(server.opened, 0);
  assert.equal(stream.state, "idle");
  server.publish();
  stream.addEventListener("message", () => {});
  await until(() => stream.last === server.idOf(1));
});

test("a gap is told by an event, and by the message behind it", async () => {
  server.history = server.greet = 2;
  texts(1, 10).forEach(() => server.publish());
  const stream = open({ since: server.idOf(3) });
  const events = record(stream);
  const loop = stream.values();
  assert.deepEqual((await loop.next()).value, { id: server.idOf(9), text: "line 9", gap: { missed: 5, stream: "same", next: server.idOf(9) } });
  assert.deepEqual((await loop.next()).value, { id: server.idOf(10), text: "line 10" });
  assert.equal(events.filter(({ type }) => type === "gap").length, 1);
});

test("a loop that is too slow holds no more than its bound, and loses nothing", async () => {
  const stream = open({ buffer: 8 });
  const events = record(stream);
  const loop = stream.values();
  await until(() => stream.state === "open");
  texts(1, 100).forEach(() => server.publish());
  assert.equal(stream.state, "paused");
  assert.equal(events.filter(({ type }) => type === "message").length, 8);
  assert.equal(server.sockets.length, 0);
  const seen = [];
  while (seen.length < 100) {
    seen.push((await loop.next()).value.text);
  }
  assert.deepEqual(seen, texts(1, 100));
  assert.ok(events.some(({ type, state, reason }) => type === "state" && state === "paused" && reason === "a loop is too slow"));
  assert.ok(server.opened < 100 / 6 + 2, `${server.opened} connections`);
});

test("a slow loop misses only what the history does not keep, and is told of it", async () => {
  server.history = server.greet = 5;
  const stream = open({ buffer: 4 });
  const loop = stream.values();
  await until(() => stream.state === "open");
  texts(1, 20).forEach(() => server.publish());
  const seen = [];
  while (seen.at(-1)?.text !== "line 20") {
    seen.push((await loop.next()).value);
  }
  assert.deepEqual(seen.map(({ text }) => text), [...texts(1, 4), ...texts(16, 20)]);
  assert.deepEqual(seen[4].gap, { missed: 11, stream: "same", next: server.idOf(16) });
});

test("long messages count by their length", async () => {
  const stream = open();
  stream.values();
  await until(() => stream.state === "open");
  for (let count = 0; count < 17; count += 1) {
    server.publish("x".repeat(1024 * 1024));
  }
  assert.equal(stream.state, "paused");
  assert.equal(stream.last, server.idOf(16));
});

test("two loops get the same, each at its own pace", async () => {
  const stream = open();
  const [one, other] = [stream.values(), stream.values()];
  server.publish();
  server.publish();
  assert.equal((await one.next()).value.text, "line 1");
  assert.equal((await one.next()).value.text, "line 2");
  assert.equal((await other.next()).value.text, "line 1");
  await one.return();
  assert.equal(stream.state, "open");
  await other.return();
  assert.equal(stream.state, "closed");
  assert.deepEqual(await other.next(), { value: undefined, done: true });
});

test("leaving a loop with preventCancel keeps the stream open", async () => {
  const stream = open();
  server.publish();
  for await (const { text } of stream.values({ preventCancel: true })) {
    assert.equal(text, "line 1");
    break;
  }
  assert.equal(stream.state, "open");
});

test("close gives loops what they hold, and ends them; nothing comes afterwards", async () => {
  const stream = open();
  const events = record(stream);
  const [loop, waiting] = [stream.values(), stream.values()];
  await until(() => stream.state === "open");
  server.publish();
  server.publish();
  const socket = server.sockets[0];
  stream.addEventListener("message", () => stream.close(), { once: true });
  server.publish();
  socket.onmessage({ data: `${server.idOf(4)}\tline 4` });
  for (const each of [loop, waiting]) {
    const seen = [];
    for (let next = await each.next(); !next.done; next = await each.next()) {
      seen.push(next.value.text);
    }
    assert.deepEqual(seen, texts(1, 3));
  }
  assert.equal(events.at(-1).state, "closed");
  assert.deepEqual((await stream.values().next()), { value: undefined, done: true });
  stream.connect();
  assert.equal(server.sockets.length, 0);
});

test("a signal ends loops for its reason, at once", async () => {
  const ending = new AbortController();
  const stream = open({ signal: ending.signal });
  const loop = stream.values();
  server.publish();
  server.publish();
  await loop.next();
  ending.abort(new Error("enough"));
  await assert.rejects(loop.next(), /^Error: enough$/);
  assert.deepEqual(await loop.next(), { value: undefined, done: true });
  assert.equal(stream.state, "closed");
  assert.throws(() => datecast(URL_OF_STREAM, { signal: ending.signal }), /^Error: enough$/);
});

test("loops throw when the server wants another token, and connect takes one", async () => {
  const stream = open({ token: "old" });
  const loop = stream.values();
  await until(() => stream.state === "open");
  assert.equal(server.sockets[0].url.searchParams.get("token"), "old");
  server.publish();
  server.end(1008, "the token is no longer valid");
  assert.equal(stream.state, "refused");
  assert.equal((await loop.next()).value.text, "line 1");
  await assert.rejects(loop.next(), DatecastRefused);
  stream.connect("new");
  const again = stream.values();
  server.publish();
  assert.equal((await again.next()).value.text, "line 2");
  assert.equal(server.sockets[0].url.searchParams.get("token"), "new");
});

test("where sharing is not possible, the stream says why and connects alone", async () => {
  const stream = open({ shared: true });
  const events = record(stream);
  await until(() => stream.state === "open");
  assert.equal(stream.role, "alone");
  assert.match(stream.unshared, /no Web Locks/);
  assert.equal(events.at(-1).unshared, stream.unshared);
});

/** An HTTP server that answers with these pieces, or by `answer(response)`. */
async function history(t, answer) {
  const requests = [];
  const made = http.createServer((request, response) => {
    requests.push(request);
    if (typeof answer === "function") {
      answer(response);
    } else {
      response.setHeader("Content-Type", "application/x-ndjson");
      answer.forEach((piece) => response.write(piece));
      response.end();
    }
  });
  made.listen(0, "127.0.0.1");
  await once(made, "listening");
  t.after(() => {
    made.closeAllConnections();
    made.close();
  });
  return { requests, url: `ws://127.0.0.1:${made.address().port}/stream?a=1` };
}

test("read gives a part of the history, and the gap before it", async (t) => {
  const text = [
    { id: null, text: "", kind: "gap", missed: 3, stream: "same", next: "01932f5a0c2e_9" }, { id: "01932f5a0c2e_9", text: "grün", kind: "message" },
    { id: null, text: "17 disconnected", kind: "notice" }, { id: "01932f5a0c2e_10", text: "", kind: "message" },
  ].map((line) => `${JSON.stringify(line)}\n`).join("");
  const bytes = Buffer.from(text);
  const { requests, url } = await history(t, [...bytes].map((byte) => Buffer.from([byte])));
  assert.deepEqual(await read(url, { since: "01932f5a0c2e_5", until: "01932f5a0c2e_10", token: "abc" }), {
    messages: [{ id: "01932f5a0c2e_9", text: "grün" }, { id: "01932f5a0c2e_10", text: "" }],
    gap: { missed: 3, stream: "same", next: "01932f5a0c2e_9" },
    more: false,
  });
  assert.equal(requests[0].url, "/stream?a=1&since=01932f5a0c2e_5&until=01932f5a0c2e_10");
  assert.equal(requests[0].headers.accept, "application/x-ndjson");
  assert.equal(requests[0].headers.authorization, "Bearer abc");
});

test("read ends at its limit, and says that there is more", async (t) => {
  const line = (number) => `${JSON.stringify({ id: `01932f5a0c2e_${number}`, text: "x", kind: "message" })}\n`;
  const { url } = await history(t, [1, 2, 3].map(line));
  assert.deepEqual((await read(url, { limit: 2 })).messages.map(({ id }) => id), ["01932f5a0c2e_1", "01932f5a0c2e_2"]);
  assert.equal((await read(url, { limit: 2 })).more, true);
  assert.equal((await read(url, { limit: 3 })).more, false);
});

test("read fails with the status of a refusal, at a server without such answers, and by its signal", async (t) => {
  const refusing = await history(t, (response) => response.writeHead(401).end());
  await assert.rejects(read(refusing.url), ({ status, message }) => status === 401 && /answered 401/.test(message));
  const older = await history(t, (response) => response.writeHead(200, { "Content-Type": "text/plain" }).write("a line\n"));
  await assert.rejects(read(older.url), /answered 200, text\/plain/);
  const mute = await history(t, () => {});
  const ending = new AbortController();
  const reading = read(mute.url, { signal: ending.signal });
  await until(() => mute.requests.length === 1);
  ending.abort(new Error("enough"));
  await assert.rejects(reading, /^Error: enough$/);
});
