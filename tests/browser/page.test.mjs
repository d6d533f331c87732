// The page's pure modules, and the contrast of its colours: `node --test`, no browser.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { httpUrl, streamUrl, withQuery } from "../../static-server/page/address.js";
import { Arrivals, ClockOffset, percentile } from "../../static-server/page/arrivals.js";
import { ViewChoice, fixedView } from "../../static-server/page/choice.js";
import { duration, findDate, splitAtClock } from "../../static-server/page/dates.js";
import { commands } from "../../static-server/page/howto.js";
import { goesOnAfter, isKnown, isLeaveNotice, numberOf } from "../../static-server/page/ids.js";
import { inWords } from "../../static-server/page/reasons.js";
import { Rush } from "../../static-server/page/rush.js";
import { Stream } from "../../static-server/page/stream.js";
import { short, titleOf } from "../../static-server/page/title.js";
import { TabToken, isToken, takeToken } from "../../static-server/page/token.js";
import { TRANSPORTS, transportsFor } from "../../static-server/page/transports.js";

const INSTANT = Date.UTC(2010, 8, 22, 17, 4, 22);

test("an address that was not filled in is the page's host with the stream's port", () => {
  for (const configured of ["", " ", "%WS_URL%"]) {
    assert.equal(streamUrl(configured, new URL("http://example.org:8080/")).href, "ws://example.org:40132/");
    assert.equal(streamUrl(configured, new URL("https://[::1]/x")).href, "wss://[::1]:40132/");
  }
});

test("an address is a WebSocket URL whatever it was given as, and has an HTTP form", () => {
  const page = new URL("http://a/");
  assert.equal(streamUrl("https://b:1/c?d=1#e", page).href, "wss://b:1/c?d=1");
  assert.equal(httpUrl(streamUrl("wss://b/c", page)).href, "https://b/c");
  assert.equal(withQuery(new URL("ws://b/?d=1"), { since: 7 }).href, "ws://b/?d=1&since=7");
  assert.equal(streamUrl("/stream", new URL("https://a:8443/x")).href, "wss://a:8443/stream");
  assert.throws(() => streamUrl("javascript:alert(1)", page), TypeError);
});

test("an id has a stream and a number, and nothing else is one", () => {
  assert.deepEqual(["01932f5a0c2e_7", "7", "01932F5A0C2E_7", "", null, undefined].map(numberOf), [7, null, null, null, null, null]);
});

test("nothing lies between two messages if one comes at most behind the other in its stream", () => {
  for (const [id, goesOn] of [["01932f5a0c2e_6", true], ["01932f5a0c2e_7", true], ["01932f5a0c2e_8", true], ["01932f5a0c2e_9", false], ["01932f5a0c2f_1", false], ["01932f5a0c2e_10", false]]) {
    assert.equal(goesOnAfter(id, "01932f5a0c2e_7"), goesOn, id);
  }
});

test("a message that came before is known by its id", () => {
  for (const [id, known] of [["01932f5a0c2e_6", true], ["01932f5a0c2e_7", true], ["01932f5a0c2e_8", false], ["01932f5a0c2f_1", false], ["01932f5a0c2e_10", false], [null, false]]) {
    assert.equal(isKnown(id, "01932f5a0c2e_7"), known, id);
  }
});

test("ids are compared exactly, however long their numbers are", () => {
  const [before, last, next, later] = [1_760_000_000_000_000_000n, 1_760_000_000_000_000_001n, 1_760_000_000_000_000_002n, 1_760_000_000_000_000_003n].map((number) => `01932f5a0c2e_${number}`);
  assert.deepEqual([before, last, next].map((id) => isKnown(id, last)), [true, true, false]);
  assert.deepEqual([before, last, next, later].map((id) => goesOnAfter(id, last)), [true, true, true, false]);
});

test("a leave notice is known by its words", () => {
  assert.deepEqual(["17 disconnected", "17 disconnected ", "disconnected", "-1 disconnected"].map(isLeaveNotice), [true, false, false, false]);
});

test("what is tried is what the address names, or all that a browser of today needs", () => {
  assert.deepEqual(transportsFor("poll"), ["poll"]);
  assert.deepEqual(transportsFor("jsonp"), ["jsonp"]);
  for (const via of [null, "", "flash", "toString"]) {
    assert.deepEqual(transportsFor(via), ["websocket", "sse", "stream", "poll"]);
  }
  assert.ok(Object.values(TRANSPORTS).every((name) => name.length > 0));
});

/** A `Stream` over a client and a thread that say what a test lets them say; `heard` is what it tells. */
function movingStream(context) {
  const own = { transport: "websocket", isClosed: false, close: () => { own.isClosed = true; } };
  const heard = [];
  let thread = null;
  globalThis.datecast = (url, callbacks) => {
    own.tell = (kind, detail) => callbacks[`on${kind}`](detail);
    return own;
  };
  globalThis.Worker = class {
    constructor() { thread = this; }
    postMessage(asked) { this.asked = asked; }
    terminate() { this.isEnded = true; }
  };
  context.after(() => { delete globalThis.datecast; delete globalThis.Worker; });
  const stream = new Stream(new URL("ws://h/"), { transports: ["websocket", "sse"] }, (kind, detail) => heard.push(kind === "message" ? numberOf(detail.id) : kind));
  /** Messages from the first number to the last, from the page's own connection. */
  const bring = (first, last) => numbered(first, last).forEach(([kind, detail]) => own.tell(kind, detail));
  /** A thousand messages a second, until there is a thread. */
  const rush = () => {
    for (let number = 1; thread === null && number < 10_000; number += 1) {
      context.mock.method(performance, "now", () => number);
      bring(number, number);
    }
  };
  return { stream, own, heard, bring, rush, get thread() { return thread; } };
}

const numbered = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => ["message", { id: `01932f5a0c2e_${first + index}`, text: "" }]);
const isRow = (numbers) => numbers.every((number, index) => number === index + 1);

test("in a rush the stream moves to a thread: each message once, and nothing of the move", (context) => {
  const moving = movingStream(context);
  moving.rush();
  const from = numberOf(moving.thread.asked.options.since);
  assert.deepEqual(moving.thread.asked.options.transports, ["websocket", "sse"]);
  moving.bring(from + 1, from + 50);
  assert.equal(moving.own.isClosed, false);
  moving.thread.onmessage({ data: [["state", { state: "open" }], ["resume", { after: moving.thread.asked.options.since }], ["notice", { text: "a notice" }], ...numbered(from + 1, from + 80)] });
  assert.equal(moving.own.isClosed, true);
  moving.thread.onmessage({ data: [["notice", { text: "17 disconnected" }], ...numbered(from + 81, from + 90), ["notice", { text: "18 disconnected" }]] });
  moving.own.tell("state", { state: "closed" });
  assert.ok(isRow(moving.heard.slice(0, -1)), moving.heard.slice(from - 1).join());
  assert.deepEqual(moving.heard.slice(-2), [from + 90, "notice"], "the page's own leave notice");
  assert.equal(moving.stream.last, `01932f5a0c2e_${from + 90}`);
});

test("a thread that has not what comes next waits for the page's own connection", (context) => {
  const moving = movingStream(context);
  moving.rush();
  const from = numberOf(moving.thread.asked.options.since);
  moving.thread.onmessage({ data: [["gap", { missed: 9, stream: "same" }], ...numbered(from + 10, from + 20)] });
  assert.equal(moving.own.isClosed, false);
  moving.bring(from + 1, from + 9);
  assert.equal(moving.own.isClosed, true);
  assert.ok(isRow(moving.heard) && moving.heard.length === from + 20, moving.heard.slice(from - 1).join());
});

test("a thread that fails before it has taken over is given up, and the page's own connection goes on", (context) => {
  const moving = movingStream(context);
  moving.rush();
  const first = moving.thread;
  first.onmessage({ data: [["state", { state: "waiting" }], ...numbered(1, 3)] });
  assert.ok(first.isEnded && !moving.own.isClosed);
  const { heard } = moving;
  const before = heard.length;
  moving.own.tell("state", { state: "open" });
  assert.deepEqual(heard.slice(before), ["state"]);
});

test("why a connection ended is said in words", () => {
  for (const [reason, words] of [["closed 1006 ", "the connection broke (1006)"], ["closed 1012 hand-over", "the server is restarting (1012: hand-over)"], ["closed 4000 x 1\ny", "the server closed (4000: x 1\ny)"],
    ["status 503", "the server answers 503"], ["silent", "nothing came any more"], ["the stream ended", "the stream ended"], ["", ""]]) {
    assert.equal(inWords(reason), words);
  }
});

/** The moments at which a rush was told of, of messages at these times in milliseconds. */
function rushes(times) {
  const rush = new Rush();
  return times.filter((time) => rush.isNew(time));
}
const evenly = (perSecond, seconds) => Array.from({ length: perSecond * seconds }, (_, index) => (index * 1000) / perSecond);

test("a rush is thousands of messages over some seconds, and is told of once", () => {
  assert.equal(rushes(evenly(2_000, 30)).length, 1);
  assert.equal(rushes(evenly(100, 60)).length, 0);
  assert.equal(rushes(Array.from({ length: 50_000 }, () => 5)).length, 0, "what is there at the start");
  assert.equal(rushes([...Array.from({ length: 50_000 }, () => 5), ...evenly(10, 20).map((time) => time + 10)]).length, 0);
});

function viewsOf(texts, fixed = null) {
  const choice = new ViewChoice(fixed);
  return texts.map((text) => { choice.see(text); return choice.view; });
}
const secondsIn = (numbers) => numbers.map((number) => new Date(INSTANT + number * 1000).toISOString().replace(".000", ""));

test("dates are a clock from the first one on, and the first other line is not", () => {
  assert.equal(new ViewChoice(null).view, "none");
  assert.deepEqual(viewsOf(["1285175062", "1285175063", "hello", "1285175064"]), ["clock", "clock", "lines", "lines"]);
  assert.deepEqual(viewsOf(["5: Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)", ""]), ["lines", "lines"]);
  assert.deepEqual(viewsOf(["hello"], "clock"), ["clock"]);
  assert.deepEqual(viewsOf(["1285175062"], "lines"), ["lines"]);
});

test("dates without a beat are lines", () => {
  const last = (numbers) => viewsOf(secondsIn(numbers)).at(-1);
  for (const beats of [[0, 1, 2, 3, 4], [0, 60, 120, 240, 300, 360], [0, 0, 0, 1, 1, 1, 2], [0, 1, 3, 4, 6, 7], [0, 1, 2, 9, 10, 11]]) {
    assert.equal(last(beats), "clock", `${beats}`);
  }
  for (const others of [[0, 5, 3], [0, 40, 100, 900, 5000], [0, 3, 50, 51, 700]]) {
    assert.equal(last(others), "lines", `${others}`);
  }
});

test("the address can ask for a view", () => {
  assert.deepEqual(["?view=lines", "?via=sse&view=clock", "?view=x", ""].map(fixedView), ["lines", "clock", null, null]);
});

test("a title says how many are new in few letters", () => {
  assert.equal(titleOf({ name: "vmstat 1", word: "live", unseen: 12 }), "(12) vmstat 1 · live");
  assert.equal(titleOf({ name: "datecast", word: "lost", unseen: 0 }), "datecast · lost");
  assert.deepEqual([999, 1_000, 1_299, 9_999, 45_678, 999_999, 1_000_000, 23_000_000].map(short), ["999", "1.0k", "1.2k", "9.9k", "45k", "999k", "1.0M", "23M"]);
});

test("every date format of ws-server is found, alone and in a template", () => {
  const texts = ["Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)", "2010-09-22T17:04:22Z", "2010-09-22T19:04:22+02:00", "Wed, 22 Sep 2010 17:04:22 +0000", "1285175062"];
  for (const text of texts) {
    assert.deepEqual(findDate(text), { instant: INSTANT, resolution: 1000, whole: true }, text);
  }
  assert.deepEqual(findDate(`5: ${texts[0]}`), { instant: INSTANT, resolution: 1000, whole: false });
  assert.equal(findDate("2010-09-22T17:04:22.250Z").instant, INSTANT + 250);
  assert.equal(findDate("2010-09-22T17:04:22.250Z").resolution, 1);
});

test("what is no date is none", () => {
  for (const text of ["", "17 disconnected", " 1  0  0 12428845 104452 5391824", "May 1", "2010-99-99T99:99:99Z", "x".repeat(100_000)]) {
    assert.equal(findDate(text), null, text.slice(0, 40));
  }
});

test("a date is cut at its clock face", () => {
  assert.deepEqual(splitAtClock("Wed Sep 22 2010 17:04:22 GMT+0000"), ["Wed Sep 22 2010 ", "17:04:22", " GMT+0000"]);
  assert.deepEqual(splitAtClock("1285175062"), ["", "1285175062", ""]);
});

test("durations read as words", () => {
  assert.deepEqual([0, 59_999, 125_000, 11_400_000].map(duration), ["0 s", "59 s", "2 min 5 s", "3 h 10 min"]);
});

function arrivalsAt(times) {
  const arrivals = new Arrivals();
  times.forEach((time) => arrivals.record(time));
  return arrivals;
}

test("an even stream is even, and one late message is the only one off", () => {
  const times = Array.from({ length: 30 }, (_, index) => 5000.5 + index * 1000);
  times[20] += 40;
  const { steady, beat, off, median, p95, missed } = arrivalsAt(times).evenness();
  assert.deepEqual({ steady, beat, missed, median }, { steady: true, beat: 1000, missed: 0, median: 0 });
  assert.deepEqual(off.map(Math.round).filter((value) => value !== 0), [40]);
  assert.equal(Math.round(off[20]), 40);
  assert.ok(p95 < 1);
});

test("a missed beat is counted and puts nothing off", () => {
  const times = [0, 1, 2, 3, 5, 6, 7, 8].map((beat) => beat * 500);
  const { beat, missed, p95 } = arrivalsAt(times).evenness();
  assert.deepEqual({ beat, missed, p95 }, { beat: 500, missed: 1, p95: 0 });
});

test("bursts have no beat, and too few messages say nothing", () => {
  assert.equal(arrivalsAt([0, 1000, 2000]).evenness(), null);
  assert.deepEqual(arrivalsAt([0, 1, 2, 900, 901, 4000, 4001]).evenness(), { steady: false });
});

test("rates count whole seconds, and forget old ones", () => {
  const arrivals = arrivalsAt([100, 200, 1100, 2100]);
  assert.deepEqual(arrivals.rates(3000).slice(-3), [2, 1, 1]);
  assert.deepEqual(arrivals.rates(100_000).filter(Boolean), []);
  const fast = arrivalsAt(Array.from({ length: 4000 }, (_, index) => index));
  assert.equal(fast.rate(4000), 1000);
});

test("percentiles are by nearest rank", () => {
  assert.equal(percentile([3, 1, 2], 0.5), 2);
  assert.equal(percentile([1], 0.95), 1);
});

test("the clock's offset narrows with each date and starts anew when a clock is set", () => {
  const offset = new ClockOffset();
  assert.equal(offset.bounds(), null);
  offset.record(1000, 1000, 1300);
  assert.deepEqual(offset.bounds(), { low: -300, high: 700 });
  offset.record(2000, 1000, 2900);
  assert.deepEqual(offset.bounds(), { low: -300, high: 100 });
  offset.record(9000, 1000, 2000);
  assert.deepEqual(offset.bounds(), { low: 7000, high: 8000 });
});

test("commands hold the address, and nothing in it breaks out of the shell's quotes", () => {
  const plain = commands(new URL("ws://[::1]:40132/"), { needsToken: false });
  assert.equal(plain.curl, "curl -N 'http://[::1]:40132/'");
  assert.equal(plain.pipe, "printf 'GET / HTTP/1.0\\r\\nHost: [::1]:40132\\r\\n\\r\\n' | nc ::1 40132");
  assert.equal(plain.script.split("\n").length, 5);
  const odd = commands(new URL("wss://h/a'b?c=%20&d"), { needsToken: false });
  assert.equal(odd.curl, "curl -N 'https://h/a'\\''b?c=%20&d'");
  assert.equal(odd.pipe, "printf 'GET /a%%27b?c=%%20&d HTTP/1.0\\r\\nHost: h\\r\\n\\r\\n' | openssl s_client -quiet -connect h:443");
});

test("commands for a stream that needs a token have a place for one", () => {
  const { curl, pipe, script } = commands(new URL("ws://h:40132/a?b=1"), { needsToken: true });
  assert.equal(curl, "curl -N -H 'Authorization: Bearer TOKEN' 'http://h:40132/a?b=1'");
  assert.equal(pipe, "printf 'GET /a?b=1 HTTP/1.0\\r\\nHost: h:40132\\r\\nAuthorization: Bearer TOKEN\\r\\n\\r\\n' | nc h 40132");
  assert.equal(script.split("\n")[0], 'const socket = new WebSocket("ws://h:40132/a?b=1&token=TOKEN");');
});

test("a token is what RFC 6750 lets one be", () => {
  for (const text of ["a", "0123456789abcdef", "a-._~+/Z9=="]) {
    assert.ok(isToken(text), text);
  }
  for (const text of ["", "=", "a=b", "a b", "é", "a\n", "a,b", "a\0"]) {
    assert.ok(!isToken(text), JSON.stringify(text));
  }
});

test("the page's address gives its token away once, and keeps the rest", () => {
  for (const [address, token, href] of [
    ["http://h/", null, null],
    ["http://h/a?b=1&c#L7", null, null],
    ["http://h/?tokens=1#my-token=2", null, null],
    ["http://h/#token=a+b/c==", "a+b/c==", "http://h/"],
    ["http://h/#token=a%2Bb%3D", "a+b=", "http://h/"],
    ["http://h/#L7&token=a", "a", "http://h/#L7"],
    ["http://h/#token=a&L7", "a", "http://h/#L7"],
    ["http://h/?view=lines&token=a&via=sse#L7", "a", "http://h/?view=lines&via=sse#L7"],
    ["http://h/?token=a%2Bb", "a+b", "http://h/"],
    ["http://h/?token=a+b", "a+b", "http://h/"],
    ["http://h/?%74oken=a&token=b", "a", "http://h/"],
    ["http://h/?token=query#token=fragment", "fragment", "http://h/"],
    ["http://h/?token=#token=", null, "http://h/"],
    ["http://h/?token", null, "http://h/"],
    ["http://h/#token=not%20one&token=%", null, "http://h/"],
    ["http://h//evil.example/?token=a", "a", "http://h//evil.example/"],
  ]) {
    assert.deepEqual(takeToken(address), { token, href }, address);
  }
});

/** A session's storage as a map. */
function storage() {
  const kept = new Map();
  return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

test("a token is kept for its stream, and forgotten once it is refused", () => {
  const session = storage();
  const token = new TabToken("http://h/a", () => session);
  assert.equal(token.value, null);
  assert.equal(token.refused({ isRevoked: false }), "absent");
  token.take("one");
  assert.equal(new TabToken("http://h/a", () => session).value, "one");
  assert.equal(new TabToken("http://h/b", () => session).value, null, "another stream");
  assert.equal(token.refused({ isRevoked: false }), "wrong");
  assert.deepEqual([token.value, session.kept.size], [null, 0]);
  token.take("two");
  token.proved();
  assert.equal(token.refused({ isRevoked: false }), "revoked");
  token.take("three");
  assert.equal(new TabToken("http://h/a", () => session).refused({ isRevoked: false }), "revoked", "a tab's token was right before");
  token.forget();
  token.proved();
  assert.equal(token.refused({ isRevoked: false }), "absent", "a stream that was open until now");
  assert.equal(token.refused({ isRevoked: true }), "revoked", "a cookie's");
});

test("without a storage the page has the token", () => {
  for (const gone of [() => { throw new Error("refused"); }, () => null, () => undefined]) {
    const token = new TabToken("http://h/", gone);
    assert.equal(token.value, null);
    token.take("one");
    assert.equal(token.value, "one");
    token.forget();
    assert.equal(token.value, null);
  }
});

function luminance(hex) {
  const [red, green, blue] = hex.match(/\w\w/g).map((pair) => {
    const share = Number.parseInt(pair, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("text has a contrast of 4.5 or more, light and dark", () => {
  const css = readFileSync(new URL("../../static-server/page/style.css", import.meta.url), "utf8");
  const pairs = [["ink", "paper"], ["ink", "card"], ["soft", "paper"], ["soft", "card"], ["accent", "paper"], ["accent", "card"], ["accent", "accent-wash"],
    ["ink", "accent-wash"], ["warn", "warn-wash"], ["ink", "warn-wash"], ["bad", "bad-wash"], ["ink", "bad-wash"], ["ink", "paper"], ["card", "accent"]];
  for (const block of [...css.matchAll(/:root \{([^}]*)\}/g)].map((match) => match[1])) {
    const colours = Object.fromEntries([...block.matchAll(/--([\w-]+): (#\w{6})/g)].map((match) => [match[1], match[2]]));
    for (const [text, ground] of pairs) {
      const [dark, bright] = [luminance(colours[text]), luminance(colours[ground])].sort((a, b) => a - b);
      assert.ok((bright + 0.05) / (dark + 0.05) >= 4.5, `${text} ${colours[text]} on ${ground} ${colours[ground]}`);
    }
  }
});

test("nothing of the page opens a connection: datecast.js does, and the reader of old lines", () => {
  const folder = new URL("../../static-server/page/", import.meta.url);
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".js"))) {
    // The commands that a reader can copy are text.
    const script = readFileSync(new URL(name, folder), "utf8").replace(/\/\*\*.*?\*\//gs, "").replace(/`const socket = new WebSocket.*`/, "");
    assert.doesNotMatch(script, /\b(WebSocket|MozWebSocket|EventSource|XMLHttpRequest|ActiveXObject)\(|(?<![#\w])fetch\(|sendBeacon/, name);
  }
});

test("nothing in the page is inline or from elsewhere, as its content policy demands", () => {
  const html = readFileSync(new URL("../../static-server/page/index.html", import.meta.url), "utf8");
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style|<script(?![^>]* src="[\w.]+")|(?:src|href)="(?:https?:)?\/\//i);
});
