// What reaches a browser of 2001: in the imitation of IE 6, from real servers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { feed } from "../common.mjs";
import { start, stop } from "../daemons.mjs";
import { Page } from "./page.mjs";
import { givePlayer } from "./player.mjs";

const CLIENT = readFileSync(new URL("../../../client/datecast.js", import.meta.url), "utf8");
const DATE = /^\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000 \(UTC\)$/;
/** What came after 1999, or after IE 6, each by a script that must stop there. */
const ABSENT = ["Object.keys({})", "[].forEach(String)", "[].indexOf(1)", "[].map(String)", "' '.trim()", "(function () {}).bind(null)", "Date.now()", "JSON.parse('1')", "Array.isArray([])",
  "Object.create(null)", "Object.defineProperty({}, 'a', {})", "new Promise(String)", "document.addEventListener('a', String)", "document.querySelector('a')", "document.body.textContent.length",
  "new XMLHttpRequest()", "new WebSocket('ws://h')", "new EventSource('/')", "console.log(1)", "sessionStorage.a", "history.replaceState(null, '', '')", "document.body.firstElementChild.id",
  "document.getElementsByClassName('a')", "document.head.id", "new Date().toISOString()", "fetch('/')", "setTimeout.call(null, String, 1)", "new ActiveXObject('Microsoft.XMLHTTP').timeout = 1",
  "new ActiveXObject('Microsoft.XMLHTTP').onreadystatechange = null", "new ActiveXObject('Microsoft.XMLHTTP').open('GET', 'http://elsewhere/', true)", "String.apply(null, null)"];
/** Where JScript went its own way. */
const OWN_WAYS = [["'a,,b'.split(/,/).length", 2], ["'abc'.substr(-1)", "abc"], ["parseInt('010')", 8], ["[1, 2].splice(0).length", 0], ["isNaN(new Date('2010-09-22T10:00:00Z').getTime())", true]];

async function isAnOldEngine() {
  for (const script of ABSENT) {
    const page = await Page.of("http://127.0.0.1/", "<body><p>text</p></body>");
    page.run(script, "a script");
    page.close();
    assert.equal(page.errors.length, 1, `it runs ${script}`);
  }
  const page = await Page.of("http://127.0.0.1/");
  for (const [script, wanted] of OWN_WAYS) {
    page.run(`result = ${script};`, "a script");
    assert.equal(page.context.result, wanted, script);
  }
  page.close();
  assert.deepEqual(page.errors, []);
}

/** Lines arrive in the list, each once and in order, and go on behind a crash of the server. */
async function listLives(page, server, restart) {
  const lines = () => page.texts("line");
  await page.until("three dates", () => lines().length >= 3);
  assert.ok(lines().every((line) => DATE.test(line)), lines().join("; "));
  await stop(server.child, "SIGKILL");
  await page.until("a word of the lost connection", () => !/ · live$/.test(page.document.title));
  server = await restart(server.port);
  const before = lines().length;
  await page.until("dates behind the restart", () => lines().length >= before + 3 && / · live$/.test(page.document.title));
  const times = lines().map((line) => Date.parse(line));
  // The next server's first date may be of the second in which the one before it ended: it is another message.
  const isOfBoth = (time, index) => time === times[index - 1] && page.texts("event").some((text) => text.startsWith("New stream"));
  assert.ok(times.filter(isOfBoth).length <= 1, times.join());
  assert.deepEqual(times.filter((time, index) => !isOfBoth(time, index)), [...new Set(times)].sort((one, other) => one - other), "each once, in order");
  assert.deepEqual(page.errors, []);
  return server;
}

async function byRequests(binaries) {
  const restart = (port) => start(binaries.datecast, ["--listen", `127.0.0.1:${port}`, "--source", "clock"]);
  let server = await restart(0);
  const page = await Page.open(`http://127.0.0.1:${server.port}/`);
  server = await listLives(page, server, restart);
  const paths = new Set(page.network.sent.map((line) => new URL(line.split(" ")[1]).pathname));
  assert.deepEqual([...paths].sort(), ["/", "/datecast.js", "/plain.js", "/start.js", "/stream"].filter((path) => paths.has(path)), "and no other");
  page.close();
  await stop(server.child);
}

async function byScripts(binaries) {
  const restart = (port) => start(binaries.wsServer, ["--listen", `127.0.0.1:${port}`]);
  let server = await restart(0);
  const site = await start(binaries.staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${server.port}/`]);
  const page = await Page.open(`http://127.0.0.1:${site.port}/`);
  server = await listLives(page, server, restart);
  assert.ok(page.network.sent.some((line) => line.includes(`:${server.port}/?`) && /[?&]callback=/.test(line)), page.network.sent.join("\n"));
  page.close();
  await Promise.all([stop(server.child), stop(site.child)]);
}

/** The client alone, by one way: lines of a source, each once, and the history behind a cut. */
async function clientAlone(binaries, way) {
  const server = await start(binaries.wsServer, ["--listen", "127.0.0.1:0", "--source", "-", "--history", "1000"], { stdin: "pipe" });
  const endFeed = feed(server.child);
  const page = await Page.of(`http://127.0.0.1:${server.port}/page`);
  page.run(CLIENT, "datecast.js");
  const got = [];
  page.context.got = (id, text) => got.push([id, text]);
  page.context.url = `http://127.0.0.1:${server.port}/`;
  page.run(`var stream = datecast(url, { transports: ["${way}"], onmessage: function (m) { got(m.id, m.text); } });`, "a page's script");
  await page.until(`20 lines by ${way}`, () => got.length >= 20);
  const numbers = got.map(([, text]) => Number(text.replace("line ", "")));
  assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index), "each once, in order");
  assert.ok(got.every(([id]) => /^[0-9a-f]{12}_\d+$/.test(id)), got.join("; "));
  page.run("stream.close();", "a page's script");
  page.close();
  endFeed();
  await stop(server.child);
}

async function hostileText(binaries) {
  const hostile = '</script><script>alert(1)</script> "quoted" \\ \u2028 \u0001 <!-- ]]> ünïcode 😀';
  const server = await start(binaries.wsServer, ["--listen", "127.0.0.1:0", "--source", "-"], { stdin: "pipe" });
  server.child.stdin.on("error", () => {}).write(`${hostile}\n`);
  for (const way of ["poll", "jsonp"]) {
    const page = await Page.of(`http://127.0.0.1:${server.port}/page`);
    page.run(CLIENT, "datecast.js");
    const got = [];
    page.context.got = (text) => got.push(text);
    page.context.url = `http://127.0.0.1:${server.port}/`;
    page.run(`datecast(url, { transports: ["${way}"], onmessage: function (m) { got(m.text); } });`, "a page's script");
    await page.until(`the line by ${way}`, () => got.length >= 1);
    assert.deepEqual(got, [hostile], way);
    page.close();
  }
  await stop(server.child);
}

/** The tutorial's page of 2010, with a Flash Player and without one. */
async function tutorial(binaries) {
  const server = await start(binaries.wsServer, ["--listen", "127.0.0.1:0"]);
  const site = await start(binaries.staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${server.port}/`]);
  const url = `http://127.0.0.1:${site.port}/tutorial.html`;
  let player = null;
  const page = await Page.open(url, (opening) => { player = givePlayer(opening); });
  await page.until("three dates", () => page.text.split("onmessage: ").length > 3);
  assert.match(page.text, /onmessage: \w{3} \w{3} \d\d \d{4} .*\(UTC\)onopen/);
  assert.equal(player.movie, "WebSocketMain.swf");
  assert.deepEqual(player.calls.filter(([name]) => name === "socketPolicy"), [["socketPolicy", encodeURIComponent("xmlsocket://127.0.0.1:843")]]);
  await stop(server.child, "SIGKILL");
  await page.until("its end", () => /oncloseonmessage/.test(page.text));
  page.close();
  const bare = await Page.open(url);
  await bare.until("an error, as there is no player", () => /oncloseonerror/.test(bare.text));
  bare.close();
  assert.deepEqual([...page.errors, ...bare.errors], []);
  await stop(site.child);
}

export async function inAnOldEngine(check, binaries) {
  await check("the imitation of IE 6 lacks what that lacked, and does what only that did", isAnOldEngine);
  await check("IE 6 gets the plain list by requests of ActiveX, across a crash of the server", () => byRequests(binaries));
  await check("IE 6 gets the plain list from another origin by scripts, across a crash of the server", () => byScripts(binaries));
  await check("the client alone polls in IE 6: each line once", () => clientAlone(binaries, "poll"));
  await check("the client alone gets scripts in IE 6: each line once", () => clientAlone(binaries, "jsonp"));
  await check("whatever a line holds, IE 6 gets that text by both", () => hostileText(binaries));
  await check("the tutorial's page shows dates in IE 6 by a Flash Player, and says where there is none", () => tutorial(binaries));
}
