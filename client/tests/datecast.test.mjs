// What datecast.js does in one situation after the other, in a browser of virtual time; and how large it is.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { Chance } from "./chance.mjs";
import { Browser, GLOBALS } from "./browser.mjs";
import { ModelServer } from "./model-server.mjs";
import { Network } from "./network.mjs";
import { compile } from "./schedule.mjs";
import { VirtualTime } from "./virtual-time.mjs";

const file = new URL("../datecast.js", import.meta.url);
const text = readFileSync(file, "utf8");
const script = compile(text);
const WAYS = ["websocket", "sse", "stream", "poll", "jsonp"];
const MINUTE = 60_000;

/** A page with a stream, and all that its callbacks heard: `heard` is a list of `[kind, event]`. */
function open({ blocked = {}, mode = "ok", seed = 1, published = 3, prepare = () => {}, url = "/stream", code = script, ...options } = {}) {
  const time = new VirtualTime();
  const chance = new Chance(seed);
  const server = new ModelServer(time);
  const network = Object.assign(new Network(time, chance, server), { blocked, mode });
  const browser = new Browser(network, { random: () => chance.next(), ...options.browser });
  const heard = [];
  const hear = (kind) => (event) => heard.push([kind, event]);
  for (let count = 0; count < published; count += 1) {
    server.publish();
  }
  prepare({ browser, network, server, time });
  const handlers = Object.fromEntries(["message", "notice", "gap", "resume", "source", "state"].map((kind) => [`on${kind}`, hear(kind)]));
  const stream = browser.load(code)(url, { ...handlers, ...options });
  const of = (kind) => heard.filter(([what]) => what === kind).map(([, event]) => event);
  return {
    time, server, network, browser, stream, heard, of,
    states: () => of("state").map(({ state, transport }) => `${state} ${transport}`),
    run: (duration) => time.runUntil(time.now + duration),
  };
}

test("the file is at most 4096 bytes, compressed", () => {
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= 4096, `${length} bytes`);
});

test("it is one function for CommonJS, for a page, and for a module of a page", () => {
  assert.equal(typeof createRequire(import.meta.url)("../datecast.js"), "function");
  for (const code of [text, `"use strict";${text}`]) {
    const page = { self: {} };
    vm.runInNewContext(code, page);
    assert.deepEqual(Object.keys(page.self), ["datecast"]);
    assert.deepEqual(Object.keys(page), ["self"], "and makes no other name");
  }
});

test("a page may have a `self` of its own, and an element with the id `module`", () => {
  for (const names of [{ self: { name: "me" } }, { module: { tagName: "DIV" } }]) {
    const page = { window: {}, ...names };
    vm.runInNewContext(text, page);
    assert.equal(typeof page.window.datecast, "function");
    assert.deepEqual(page, { window: page.window, ...names });
  }
});

test("a page may have a JSON of its own", () => {
  const context = vm.createContext({});
  vm.runInContext("JSON = { encode: function () {}, decode: function () {} }", context);
  for (const transports of ["websocket", "sse", "stream", "poll"]) {
    const { network, server, of, run } = open({
      transports,
      code: vm.compileFunction(text, GLOBALS, { parsingContext: context }),
      prepare: ({ browser }) => { browser.self.JSON = vm.runInContext("JSON", context); },
    });
    run(2000);
    server.restart("new");
    network.cut();
    server.publish();
    run(20_000);
    assert.deepEqual([of("message").length, of("gap").length], [4, 1], transports);
  }
});

test("what a page gave to all objects is no field of a request", () => {
  Object.prototype.toJSONString = function toJSONString() {};
  try {
    const { browser, of, run } = open({ transports: "poll", token: "t" });
    run(5000);
    assert.equal(of("message").length, 3);
    assert.deepEqual([...new Set(browser.sent.map(([name]) => name))], ["Accept", "Authorization"]);
  } finally {
    delete Object.prototype.toJSONString;
  }
});

test("the file may be included twice: polls by script of one and the other have functions of their own", () => {
  const { browser, of, run, server } = open({ transports: "jsonp" });
  const other = [];
  browser.load(script)("/stream", { transports: "jsonp", onmessage: (message) => other.push(message) });
  for (let count = 0; count < 5; count += 1) {
    run(2000);
    server.publish();
  }
  run(2000);
  assert.deepEqual([of("message").length, other.length], [8, 8]);
  assert.deepEqual(of("state").map(({ state }) => state), ["connecting", "open"]);
});

test("each way brings messages, gaps, notices and resumptions in the same words", () => {
  for (const way of WAYS) {
    for (const hasFetch of [true, false]) {
      for (const code of [script, compile(`"use strict";${text}`)]) {
        const { server, network, heard, stream, run, browser } = open({ transports: way, code, browser: { hasFetch } });
        run(5000);
        assert.deepEqual(heard.splice(0).map(([kind]) => kind), ["state", "state", "message", "message", "message"], way);
        network.cut();
        server.publish();
        run(20_000);
        const later = heard.splice(0).filter(([kind]) => kind !== "state");
        const [id, before] = [server.log[3].id, server.log[2].id];
        assert.deepEqual(later, [["resume", { after: before }], ["message", { id, text: server.log[3].text }]], way);
        server.restart("new");
        network.cut();
        server.publish();
        run(20_000);
        assert.deepEqual(heard.splice(0).filter(([kind]) => kind !== "state"), [
          ["gap", { missed: null, stream: "new", next: server.log[4].id }],
          ["message", { id: server.log[4].id, text: server.log[4].text }],
        ], way);
        assert.deepEqual(browser.errors, [], way);
        assert.equal(stream.transport, way);
      }
    }
  }
});

test("the ways are tried in order, each that fails is named with its reason, and what works is kept", () => {
  const { states, of, run, stream, network } = open({ blocked: { websocket: "missing", sse: "throws", stream: "fails", poll: "mute" } });
  run(MINUTE);
  assert.deepEqual(states(), WAYS.slice(0, 4).flatMap((way) => [`connecting ${way}`, `waiting ${way}`]).concat(["connecting jsonp", "open jsonp"]));
  const reasons = of("state").filter(({ state }) => state === "waiting").map(({ reason }) => reason);
  assert.deepEqual(reasons, ["not in this browser: TypeError", "not in this browser: SecurityError", "not opened", "not opened"]);
  network.cut();
  run(MINUTE);
  assert.equal(stream.state, "open");
  assert.ok(of("state").slice(10).every(({ transport }) => transport === "jsonp"));
});

test("a name alone fixes the way", () => {
  const { states, run } = open({ transports: "sse", blocked: { sse: "fails" } });
  run(MINUTE);
  assert.deepEqual([...new Set(states())], ["connecting sse", "waiting sse"]);
});

test("a seventh event stream of one host is named, but not a sixth, nor one after others have ended", () => {
  for (const [count, ended, expected] of [[7, 0, /^no answer: a seventh stream of one host/], [6, 0, /^no answer$/], [8, 2, /^no answer$/]]) {
    const reasons = [];
    const { browser, network, run } = open({ transports: "sse" });
    const others = Array.from({ length: count - 2 }, () => browser.self.datecast("/stream", { transports: "sse" }));
    run(1000);
    others.slice(0, ended).forEach((other) => other.close());
    network.mode = "mute";
    browser.self.datecast("/stream", { transports: "sse", onstate: ({ state, reason }) => state === "waiting" && reasons.push(reason) });
    run(25_000);
    assert.match(reasons[0], expected);
  }
});

test("a server that is away costs no way its place, and one that says why neither", () => {
  for (const mode of ["refused", { status: 503 }, { status: 429, retryAfter: 1 }]) {
    const { network, states, run } = open();
    run(1000);
    network.mode = mode;
    network.cut();
    run(40_000);
    assert.deepEqual([...new Set(states().slice(2))], ["waiting websocket", "connecting websocket"]);
  }
});

test("on a path that lets a way through no more, the next one is tried soon", () => {
  for (const wrong of ["fails", "mute"]) {
    const { network, states, stream, run } = open();
    run(1000);
    network.blocked.websocket = wrong;
    network.cut();
    run(15_000);
    assert.equal(stream.transport, "sse");
    assert.equal(states().pop(), "open sse");
    network.cut();
    run(15_000);
    assert.equal(states().filter((state) => state === "connecting websocket").length, 2, "what works now is kept");
  }
});

test("a way that opens and brings nothing is left; one that is cut before it brought something gets time", () => {
  const silent = open({ transports: ["sse", "poll"], published: 0, prepare: ({ server }) => { server.follow = () => () => {}; } });
  silent.run(MINUTE);
  assert.equal(silent.states().pop(), "open poll");
  const cut = open({ transports: ["websocket", "poll"], published: 0 });
  for (let count = 0; count < 3; count += 1) {
    cut.run(3000);
    cut.network.cut(1012);
  }
  cut.run(3000);
  assert.equal(cut.states().pop(), "open websocket");
});

test("a password of a proxy is no token that is wanted", () => {
  for (const [scheme, expected] of [["Basic realm=proxy", "waiting"], ["Basic, bearer", "refused"]]) {
    const { run, stream, of } = open({ transports: "websocket", mode: { status: 401, fields: { "www-authenticate": scheme } } });
    run(1000);
    assert.match(stream.state, expected === "refused" ? /refused/ : /waiting|connecting/);
    assert.equal(of("state")[1].reason, "status 401");
  }
});

test("an answer that is no stream of datecast is not read", () => {
  for (const hasFetch of [true, false]) {
    const { run, of, browser, states } = open({ transports: "stream", mode: { status: 200, fields: { "content-type": "text/plain" } }, browser: { hasFetch } });
    run(1000);
    assert.ok(states().includes("waiting stream") && !states().includes("open stream"));
    assert.deepEqual([of("message"), browser.errors], [[], []]);
  }
});

/** An XHR that answers each request by `answer(url)`: `{ text, fields }`, or `null` for never. */
const requestsThat = (answer, urls) => ({ browser, time }) => {
  browser.self.XMLHttpRequest = browser.globals.XMLHttpRequest = class {
    open(method, url) {
      urls.push([this.url = url, time.now]);
    }
    setRequestHeader() {}
    send() {
      const { text: responseText, fields } = answer(this.url) ?? {};
      if (fields !== undefined) {
        Object.assign(this, { readyState: 4, status: 200, responseText, getResponseHeader: (name) => ({ "Content-Type": "application/x-ndjson", ...fields })[name] ?? null });
        time.after(5, () => this.onreadystatechange());
      }
    }
    abort() {}
  };
};

test("a poll that brings nothing moves the place, unless its text was cut; and the next one takes its time", () => {
  for (const [length, since] of [["0", "01932f5a0c2e_7"], ["53", null], [undefined, "01932f5a0c2e_7"]]) {
    const urls = [];
    const { run } = open({ transports: "poll", prepare: requestsThat(() => ({ text: "", fields: { "Datecast-Last-Id": "01932f5a0c2e_7", "Content-Length": length } }), urls) });
    run(10_000);
    assert.equal(new URL(urls[1][0]).searchParams.get("since"), since);
    assert.ok(urls.length < 25, `${urls.length} polls in 10 s`);
  }
});

test("the browser waits as `retry:` says, and only then does the script", () => {
  const { network, states, of, run } = open({ transports: "sse" });
  run(1000);
  const { count } = network;
  network.cut();
  run(5000);
  assert.deepEqual(states(), ["connecting sse", "open sse", "connecting sse", "open sse"]);
  assert.deepEqual([of("state")[2].reason, network.count - count], ["the stream ended", 1]);
  network.mode = "refused";
  network.cut();
  run(MINUTE);
  assert.ok(states().includes("waiting sse"));
});

test("an old XHR asks for a heartbeat that comes before its deadline", () => {
  const urls = [];
  const { run } = open({ transports: "stream", browser: { hasFetch: false }, prepare: requestsThat(() => null, urls) });
  run(100);
  assert.equal(new URL(urls[0][0]).searchParams.get("heartbeat"), "5");
});

test("a script that comes too late does nothing", () => {
  const { browser, stream, heard, run } = open({ transports: "jsonp" });
  run(1000);
  stream.connect();
  run(10);
  stream.close();
  heard.length = 0;
  run(MINUTE);
  assert.deepEqual([heard, browser.errors], [[], []]);
});

test("a script that the page removed brings its answer all the same", () => {
  const scripts = [];
  const { of, states, server, run } = open({
    transports: "jsonp",
    prepare: ({ browser }) => {
      const { document } = browser.globals;
      const { createElement } = document;
      document.createElement = (kind) => {
        const element = createElement(kind);
        if (kind !== "a") {
          scripts.push(element);
        }
        return element;
      };
    },
  });
  for (let count = 0; count < 5; count += 1) {
    run(1000);
    scripts.forEach((script) => script.parentNode?.removeChild(script));
    server.publish();
  }
  run(1000);
  assert.deepEqual(states(), ["connecting jsonp", "open jsonp"]);
  assert.equal(of("message").length, 8);
});

test("a script whose end is told only after the next one was asked for has come all the same", () => {
  const { states, of, server, run } = open({
    transports: "jsonp",
    prepare: ({ browser }) => {
      const { document, setTimeout } = browser.globals;
      const { createElement } = document;
      document.createElement = (kind) => {
        let told = null;
        const tellLate = () => setTimeout(told, 50);
        return kind === "a" ? createElement(kind) : { parentNode: null, set onload(then) { told = then; }, get onload() { return tellLate; } };
      };
    },
  });
  for (let count = 0; count < 20; count += 1) {
    run(1000);
    server.publish();
  }
  run(1000);
  assert.deepEqual(states(), ["connecting jsonp", "open jsonp"]);
  assert.equal(of("message").length, 23);
});

test("MozWebSocket is a WebSocket", () => {
  const { states, run } = open({
    transports: "websocket",
    prepare: ({ browser }) => { [browser.self.MozWebSocket, browser.self.WebSocket] = [browser.self.WebSocket, undefined]; },
  });
  run(1000);
  assert.equal(states().pop(), "open websocket");
});

test("a Content-Security-Policy that blocks is named, and the next way tried", () => {
  const { browser, states, of, run } = open({ blocked: { websocket: "mute" } });
  run(100);
  browser.dispatch("securitypolicyviolation", { blockedURI: "https://elsewhere.example/x.js", effectiveDirective: "script-src" });
  browser.dispatch("securitypolicyviolation", { blockedURI: "ws://page.example/stream", effectiveDirective: "connect-src", disposition: "report" });
  assert.deepEqual(states(), ["connecting websocket"], "a policy that only reports blocks nothing");
  browser.dispatch("securitypolicyviolation", { blockedURI: "ws://page.example/stream", effectiveDirective: "connect-src" });
  assert.deepEqual(states(), ["connecting websocket", "waiting websocket"]);
  assert.equal(of("state")[1].reason, "the page's policy blocks it");
  run(5000);
  assert.equal(states().pop(), "open sse");
  browser.dispatch("securitypolicyviolation", { blockedURI: "http://page.example/picture.png", effectiveDirective: "img-src" });
  assert.equal(states().pop(), "open sse", "it is no business of a stream that is open");
});

test("a path that went silent is noticed by the heartbeat that does not come", () => {
  for (const way of WAYS) {
    const { network, of, run, states } = open({ transports: way });
    run(2 * MINUTE);
    assert.deepEqual(states(), [`connecting ${way}`, `open ${way}`], "heartbeats keep it");
    network.silence();
    run(MINUTE + 10_000);
    assert.equal(of("state")[2].reason, "silent", way);
    assert.equal(states().pop(), `open ${way}`);
  }
});

test("without heartbeats nothing is held for silent", () => {
  const { run, states } = open({ transports: "websocket", heartbeat: 0 });
  run(60 * MINUTE);
  assert.deepEqual(states(), ["connecting websocket", "open websocket"]);
});

test("a sleep, a new network and a look at the page probe the path soon", () => {
  for (const event of ["online", "visibilitychange", null]) {
    const { network, time, browser, run, states } = open({ transports: "websocket" });
    run(20_000);
    network.silence();
    if (event === null) {
      time.sleep(10 * MINUTE);
    } else {
      run(14_000);
      browser.dispatch(event);
    }
    run(10_000);
    assert.equal(states().pop(), "open websocket", event);
    assert.equal(states().length, 5, event);
  }
});

test("a page that was hidden for long notices a path that is gone, though all its timers come late", () => {
  for (const way of WAYS) {
    const { network, browser, stream, states, run } = open({ transports: way });
    run(MINUTE);
    browser.isThrottled = true;
    run(10 * MINUTE);
    assert.equal(states().length, 2, "and leaves one alone that is well");
    network.silence();
    run(6 * MINUTE);
    assert.ok(states().length > 4, way);
    assert.equal(stream.state, "open");
  }
});

test("a probe leaves a path alone that is well", () => {
  const { time, browser, run, states } = open({ transports: "websocket" });
  run(20_000);
  browser.dispatch("online");
  run(MINUTE);
  time.sleep(10 * MINUTE);
  run(MINUTE);
  assert.deepEqual(states(), ["connecting websocket", "open websocket"]);
});

test("a new network ends a wait, but not one that the server asked for", () => {
  for (const [mode, expected] of [["refused", "open websocket"], [{ status: 503, retryAfter: 60 }, "waiting websocket"]]) {
    const { network, browser, run, states } = open({ transports: "websocket", mode });
    run(30_000);
    network.mode = "ok";
    while (!states().pop().startsWith("waiting")) {
      run(10);
    }
    browser.dispatch("online");
    run(400);
    assert.equal(states().pop(), expected);
    run(2 * MINUTE);
    assert.equal(states().pop(), "open websocket");
  }
});

test("Retry-After is honoured by every way, in seconds and as a date", () => {
  for (const way of ["websocket", "sse", "stream", "poll"]) {
    for (const retryAfter of [20, new Date(1_285_175_062_000 + 20_000).toUTCString()]) {
      const { of, run, time } = open({ transports: way, mode: { status: 503, retryAfter } });
      const begin = time.now;
      run(5000);
      const [{ state, status, wait }] = of("state").slice(-1);
      assert.deepEqual([state, status], ["waiting", 503]);
      assert.ok(wait >= 19_000 - (time.now - begin - 5000) && wait <= 30_000, `${wait} ms`);
    }
  }
});

test("waits grow to ten seconds, and differ by chance", () => {
  const waits = [1, 2].map((seed) => {
    const { of, run } = open({ transports: "websocket", mode: "refused", seed });
    run(2 * MINUTE);
    return of("state").filter(({ state }) => state === "waiting").map(({ wait }) => wait);
  });
  waits.flat().forEach((wait, index) => assert.ok(wait >= 250 && wait <= 10_000, `${index}: ${wait}`));
  assert.notDeepEqual(waits[0], waits[1]);
  assert.ok(waits[0].slice(6).every((wait) => wait >= 5000) && waits[0][0] <= 500);
});

test("a connection that stood begins the waits anew", () => {
  const { network, of, run } = open({ transports: "websocket", mode: "refused" });
  run(MINUTE);
  network.mode = "ok";
  run(MINUTE);
  network.cut();
  run(100);
  while (of("state").pop().state !== "waiting") {
    run(1);
  }
  assert.ok(of("state").pop().wait <= 500);
});

test("close codes: a revoked token is refused, a full server gets time, and the others are told", () => {
  for (const [code, reason, state, least] of [[1008, "the token was revoked", "refused", 0], [1008, "slow", "waiting", 1], [1013, "", "waiting", 5000], [1012, "restart", "waiting", 1], [1001, "", "waiting", 1]]) {
    const { network, of, run } = open({ transports: "websocket" });
    run(1000);
    network.cut(code, reason);
    run(150);
    const event = of("state")[2];
    assert.equal(event.state, state);
    assert.ok((event.wait ?? 0) >= least, `${code}: ${event.wait}`);
    assert.equal(event.reason, `closed ${code} ${reason}`);
  }
});

test("a token that is wanted is refused by every way that can tell, and connect() takes another", () => {
  for (const way of ["websocket", "sse", "stream", "poll"]) {
    const { network, of, run, stream, states } = open({ transports: way, mode: { status: 401 } });
    run(10 * MINUTE);
    assert.deepEqual(states(), [`connecting ${way}`, `refused ${way}`]);
    assert.equal(of("state")[1].status, 401);
    network.mode = "ok";
    stream.connect("another");
    run(3000);
    assert.equal(stream.state, "open");
    stream.connect();
    run(3000);
    assert.equal(stream.state, "open");
  }
});

test("a page that is put aside holds no connection, and goes on when it comes back", () => {
  const { browser, network, server, heard, run } = open();
  run(1000);
  browser.dispatch("pagehide", { persisted: true });
  run(100);
  assert.equal(network.open.size, 0);
  server.publish();
  run(10 * MINUTE);
  heard.length = 0;
  browser.dispatch("online");
  run(1000);
  assert.equal(heard.length, 0);
  browser.dispatch("pageshow", { persisted: true });
  run(1000);
  assert.deepEqual(heard.map(([kind]) => kind), ["state", "state", "resume", "message"]);
  browser.dispatch("pageshow", { persisted: false });
  run(1000);
  assert.equal(heard.length, 4, "one that was not away is left alone");
});

test("a page that is refused stays so, wherever it is put", () => {
  const { browser, states, run } = open({ transports: "websocket", mode: { status: 401 } });
  run(1000);
  for (const event of ["pagehide", "pageshow", "online", "visibilitychange"]) {
    browser.dispatch(event, { persisted: true });
    run(1000);
  }
  assert.deepEqual(states(), ["connecting websocket", "refused websocket"]);
});

test("numbers that are given again are read, after a gap that says so", () => {
  const { server, network, heard, of, run } = open({ transports: "stream", published: 5 });
  run(1000);
  server.restart("lost");
  network.cut();
  server.publish();
  heard.length = 0;
  run(5000);
  assert.deepEqual(of("gap"), [{ missed: null, stream: "same", next: server.log[0].id }]);
  assert.deepEqual(of("message").map(({ text }) => text), [...server.log.slice(0, 2), server.log[5]].map(({ text }) => text));
});

test("two streams by turns double no message", () => {
  const socket = { messages: ["01932f5a0c2e_9\ta", "01932f5a0c2e_10\tb", "01932f5a0c2f_1\tc", "01932f5a0c2e_9\ta", "01932f5a0c2e_11\td", "01932f5a0c2f_1\tc"] };
  const { of, run } = open({
    transports: "websocket",
    prepare: ({ browser, time }) => {
      browser.self.WebSocket = function Socket() {
        time.after(1, () => this.onopen());
        socket.messages.forEach((data) => time.after(2, () => this.onmessage({ data })));
        this.close = () => {};
      };
    },
  });
  run(1000);
  assert.deepEqual(of("message").map(({ text }) => text).join(""), "abcd");
});

test("what stands before the first tab tells what a WebSocket's message is", () => {
  const messages = ["01932f5a0c2e_7\thello\tyou", "\t17 disconnected", '!\t{"source":"ended","said":"vmstat ended"}', '!\t{"heartbeat":15}', '!\t{"weather":"fine"}', "a date", "!\tx", "7\tx", "01932F5A0C2E_7\tx"];
  const { heard, run, stream } = open({
    transports: "websocket",
    prepare: ({ browser, time }) => {
      browser.self.WebSocket = function Socket() {
        time.after(1, () => this.onopen());
        messages.forEach((data) => time.after(2, () => this.onmessage({ data })));
        this.close = () => {};
      };
    },
  });
  run(1000);
  assert.deepEqual(heard.filter(([kind]) => kind !== "state"), [
    ["message", { id: "01932f5a0c2e_7", text: "hello\tyou" }],
    ["notice", { text: "17 disconnected" }],
    ["source", { source: "ended", text: "vmstat ended" }],
    ...["a date", "!\tx", "7\tx", "01932F5A0C2E_7\tx"].map((line) => ["message", { id: null, text: line }]),
  ]);
  assert.equal(stream.last, "01932f5a0c2e_7");
});

test("each request of XHR and scripts has an address of its own, with what was last", () => {
  const urls = [];
  const { run, server, stream, browser } = open({
    transports: ["poll"],
    token: "a+b=",
    prepare: ({ browser }) => {
      const Request = browser.globals.XMLHttpRequest;
      browser.self.XMLHttpRequest = browser.globals.XMLHttpRequest = class extends Request {
        open(method, url) {
          urls.push(url);
          super.open(method, url);
        }
      };
    },
  });
  run(1000);
  server.publish();
  run(MINUTE);
  assert.equal(new Set(urls).size, urls.length);
  assert.deepEqual(urls.slice(0, 3).map((url) => new URL(url).searchParams.get("since")), [null, server.log[2].id, server.log[3].id]);
  assert.ok(urls.every((url) => !url.includes("token")), "the header has it");
  stream.connect();
  run(1000);
  const tokens = browser.sent.filter(([name]) => name === "Authorization").map(([, value]) => value);
  assert.deepEqual([tokens.length, ...new Set(tokens)], [urls.length, "Bearer a+b="]);
});

test("an address may be relative, of a WebSocket, and have a query and a fragment", () => {
  for (const [given, expected] of [
    ["stream", "ws://page.example/folder/stream?ids=1"], ["/x?a=1#b", "ws://page.example/x?a=1&ids=1"], ["", "ws://page.example/folder/index.html?ids=1"],
    ["wss://other.example", "wss://other.example/?ids=1"], ["https://other.example:8443/x", "wss://other.example:8443/x?ids=1"], ["//other.example/x", "ws://other.example/x?ids=1"],
    ["wsx/y", "ws://page.example/folder/wsx/y?ids=1"],
  ]) {
    for (const hasDocument of [true, false]) {
      let url = null;
      const { run, stream } = open({
        url: given,
        heartbeat: 0,
        transports: "websocket",
        browser: { hasDocument },
        prepare: ({ browser }) => { browser.self.WebSocket = function Socket(asked) { url = asked; }; },
      });
      run(1);
      assert.equal(url, expected);
      stream.close();
    }
  }
});

test("a relative address stays as it is where a link does not make it absolute, as in IE 6 and NetSurf", () => {
  for (const link of [(href) => ({ href }), () => ({ set href(url) {} })]) {
    for (const url of ["wsx/y", "/stream"]) {
      const urls = [];
      const asked = requestsThat(() => null, urls);
      const { run } = open({
        url,
        transports: "poll",
        prepare: (page) => {
          page.browser.document.createElement = () => link("");
          asked(page);
        },
      });
      run(1);
      assert.match(urls[0][0], new RegExp(`^${url}\\?ids=1&poll=1&at=`));
    }
  }
});

test("close() ends it in every state, and nothing is told afterwards but that", () => {
  for (const mode of ["ok", "refused", "mute", { status: 401 }, { status: 503, retryAfter: 5 }]) {
    for (const after of [0, 1, 60, 300, 12_000, 40_000]) {
      const { stream, states, run, network, browser, heard } = open({ mode, transports: ["websocket", "sse", "poll"] });
      run(after);
      stream.close();
      const { length } = heard;
      assert.match(states().pop(), /^closed/);
      stream.close();
      stream.connect("x");
      browser.dispatch("online");
      browser.dispatch("pageshow", { persisted: true });
      run(10 * MINUTE);
      assert.equal(heard.length, length);
      assert.deepEqual([network.open.size, browser.pendingTimers, browser.listeners], [0, 0, 0]);
    }
  }
});

test("an XHR that has read much begins anew behind its last message", () => {
  const { server, run, of, states } = open({ transports: "stream", browser: { hasFetch: false }, published: 0 });
  run(1000);
  for (let count = 0; count < 4; count += 1) {
    server.publish("x".repeat(400_000));
    run(1000);
  }
  run(5000);
  assert.equal(of("message").length, 4);
  assert.equal(of("resume").length, 1);
  assert.deepEqual(states(), ["connecting stream", "open stream", "connecting stream", "open stream"]);
});

test("an XHR that has read much takes the line that has begun to its end", () => {
  const line = `${JSON.stringify({ id: "01932f5a0c2e_4", text: "x".repeat(1_500_000), kind: "message" })}\n`;
  let requests = 0;
  const inParts = ({ browser, time }) => {
    browser.self.XMLHttpRequest = browser.globals.XMLHttpRequest = class {
      status = 200;
      readyState = 3;
      open() {}
      setRequestHeader() {}
      getResponseHeader() { return "application/x-ndjson"; }
      send() {
        requests += 1;
        for (const [part, length] of [1_200_000, 1_300_000, line.length].entries()) {
          time.after(10 * part, () => { this.responseText = line.slice(0, length); this.onreadystatechange(); });
        }
      }
      abort() {}
    };
  };
  const { run, of } = open({ transports: "stream", browser: { hasFetch: false }, prepare: inParts });
  run(1000);
  assert.deepEqual(of("message").map(({ id, text }) => [id, text.length]), [["01932f5a0c2e_4", 1_500_000]]);
  assert.equal(requests, 1);
});

test("where an XHR may tell of the first part of its text alone, it is asked again and again", () => {
  const { server, run, of, states } = open({ transports: ["stream", "poll"], browser: { hasFetch: false, hasParts: false } });
  run(1000);
  server.publish();
  run(1000);
  assert.equal(of("message").length, 4);
  assert.deepEqual(states(), ["connecting stream", "waiting stream", "connecting poll", "open poll"]);
});

test("it needs nothing of ES5, and JSON neither", () => {
  // What ES5 brought to the built-in objects; the fakes are of another context, and have it.
  const context = vm.createContext({});
  vm.runInContext(`
    delete Array.isArray; delete Date.now; delete Function.prototype.bind; delete String.prototype.trim; JSON = undefined;
    ["create", "defineProperty", "defineProperties", "keys", "freeze", "seal", "getPrototypeOf", "assign"].forEach(function (name) { delete Object[name]; });
    (function (names) { for (var i = 0; i < names.length; i++) delete Array.prototype[names[i]]; })(["indexOf", "lastIndexOf", "map", "filter", "some", "every", "reduce", "forEach", "includes"]);
  `, context);
  for (const way of ["poll", "jsonp", "websocket"]) {
    const { server, network, heard, run, browser } = open({
      transports: way,
      code: (...globals) => vm.compileFunction(text, GLOBALS, { parsingContext: context })(...globals),
      prepare: (page) => { page.browser.self.JSON = undefined; },
    });
    run(2000);
    server.restart("new");
    network.cut();
    server.publish();
    run(20_000);
    assert.deepEqual(heard.filter(([kind]) => kind !== "state").map(([kind]) => kind), ["message", "message", "message", "gap", "message"], way);
    assert.deepEqual(browser.errors, []);
  }
});
