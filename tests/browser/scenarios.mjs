// What the page must do. Each scenario has its own daemons on ports of their own.

import assert from "node:assert/strict";
import { FAILED_CONNECTION, PATIENCE, atLeast, detail, feed, pageServer, phase, rows, streamServer } from "./common.mjs";
import { TRANSPORTS } from "../../static-server/page/transports.js";
import { Proxy, comeAndGo, passLines, start, stop } from "./daemons.mjs";

/** The next `count` changes of the message shown large: `[milliseconds, text]` each. */
function nextDates(page, count) {
  return page.evaluate((wanted) => new Promise((done) => {
    const seen = [];
    const observer = new MutationObserver(() => {
      const text = document.getElementById("current").textContent;
      if (seen.at(-1)?.[1] !== text && seen.push([performance.now(), text]) === wanted) {
        observer.disconnect();
        done(seen);
      }
    });
    observer.observe(document.getElementById("current"), { childList: true, subtree: true, characterData: true });
  }), count);
}

/** A watch that sees nothing proves nothing. */
async function watchSees(page, errors) {
  await page.evaluate(() => {
    console.error("a probe");
    setTimeout(() => { throw new Error("thrown by a probe"); });
  });
  for (const deadline = Date.now() + PATIENCE.timeout; errors.length < 2 && Date.now() < deadline;) {
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(done); }));
  }
  assert.ok(errors.some((text) => text.includes("a probe")), `no console error among ${errors}`);
  assert.ok(errors.some((text) => text.includes("thrown by a probe")), `no uncaught error among ${errors}`);
  errors.length = 0;
}

export async function datesArrive({ page, check, binaries, console: errors }) {
  let ws = await streamServer(binaries, []);
  const site = await pageServer(binaries, ws.port);
  await check("the page loads and connects by WebSocket", async () => {
    const response = await page.goto(`http://127.0.0.1:${site.port}/`);
    assert.equal(response.status(), 200);
    await phase(page, "open");
    assert.match(await detail(page), new RegExp(`by WebSocket to ws://127\\.0\\.0\\.1:${ws.port}/ since`));
  });
  await check("dates come about a second apart", async () => {
    const dates = await nextDates(page, 8);
    const pairs = dates.slice(1).map(([time, text], index) => [time - dates[index][0], Date.parse(text) - Date.parse(dates[index][1])]);
    assert.ok(pairs.every(([, step]) => step > 0 && step % 1000 === 0), `${dates}`);
    // A machine that is busy for a moment is late with one, and early with the next one.
    const [time, step] = [0, 1].map((of) => pairs.map((pair) => pair[of]).sort((one, other) => one - other)[3]);
    assert.ok(step === 1000 && Math.abs(time - 1000) < 500, `${dates}`);
  });
  await check("another client's leaving is seen", async () => {
    const id = await comeAndGo(ws.port);
    await atLeast(page, "notice", 1);
    assert.deepEqual(await rows(page, "notice"), [`${id} disconnected`]);
  });
  await check("the keyboard reaches the stream, and a screen reader announces only the connection", () => keyboardAndAnnouncements(page));
  await check("the pause holds the list and counts on", () => pauseHolds(page));
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await check("an error on the console would have been seen", () => watchSees(page, errors));
  await check("a restart of ws-server is survived", async () => {
    await stop(ws.child);
    await phase(page, "waiting");
    ws = await start(binaries.wsServer, ["--listen", `127.0.0.1:${ws.port}`]);
    await phase(page, "open");
    await nextDates(page, 2);
    await atLeast(page, "event", 2);
  });
  await check("nothing but the failed connection is on the console", async () => {
    assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text)), []);
  });
  await Promise.all([stop(ws.child), stop(site.child)]);
}

async function keyboardAndAnnouncements(page) {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "main");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "How even the arrivals are");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "pause");
  const announced = () => page.$eval("#announce", (element) => element.textContent);
  const before = await announced();
  assert.match(before, /^Connected by WebSocket/);
  await nextDates(page, 2);
  assert.equal(await announced(), before);
}

/** By keyboard: the button has the focus. */
async function pauseHolds(page) {
  await page.focus("#pause");
  await page.keyboard.press(" ");
  const held = await rows(page, "message");
  await page.waitForFunction(() => /2 messages since/.test(document.getElementById("list-note").textContent), PATIENCE);
  assert.deepEqual(await rows(page, "message"), held);
  await page.keyboard.press(" ");
  await page.waitForFunction((count) => document.querySelectorAll("#messages .message").length >= count, PATIENCE, held.length + 2);
}

/** Goes there, without waiting for all that it loads: a JSONP request is a script that comes in its own time. */
const open = (page, url) => page.goto(url, { waitUntil: "domcontentloaded" });

export async function resumesByNumber({ page, check, binaries, console: errors }) {
  const ws = await streamServer(binaries, ["--source", "-"], { stdin: "pipe" });
  const endFeed = feed(ws.child);
  const proxy = new Proxy(ws.port);
  await proxy.open();
  const site = await pageServer(binaries, proxy.port);
  for (const [via, name] of Object.entries(TRANSPORTS)) {
    await check(`lines resume by number over ${name}: none lost, none doubled`, async () => {
      await open(page, `http://127.0.0.1:${site.port}/?view=clock&via=${via}`);
      await atLeast(page, "message", 5);
      assert.match(await detail(page), new RegExp(`^by ${name} to ${via === "websocket" ? "ws" : "http"}://127\\.0\\.0\\.1:${proxy.port}/ since`));
      await proxy.close();
      await phase(page, "waiting");
      await proxy.open();
      await page.waitForFunction(() => /none was missed/.test(document.getElementById("messages").textContent), PATIENCE);
      const lines = (await rows(page, "message")).map((text) => Number(text.replace("line ", ""))).reverse();
      assert.deepEqual(lines, lines.map((_, index) => lines[0] + index));
    });
  }
  await check("nothing but the failed connection is on the console", async () => {
    assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text)), []);
  });
  endFeed();
  await page.goto("about:blank");
  await Promise.all([stop(ws.child), stop(site.child), proxy.close()]);
}

export async function tellsGaps({ page, check, binaries }) {
  const args = ["--source", "-", "--history", "3"];
  let ws = await streamServer(binaries, args, { stdin: "pipe" });
  let endFeed = feed(ws.child);
  const proxy = new Proxy(ws.port);
  await proxy.open();
  const site = await pageServer(binaries, proxy.port);
  const says = (words) => page.waitForFunction((wanted) => document.getElementById("messages").textContent.includes(wanted), PATIENCE, words);
  for (const [via, name] of Object.entries(TRANSPORTS)) {
    await check(`what left the history is counted over ${name}`, async () => {
      await open(page, `http://127.0.0.1:${site.port}/?view=clock&via=${via}`);
      await atLeast(page, "message", 3);
      await proxy.close();
      await phase(page, "waiting");
      await passLines(ws.port, 20);
      await proxy.open();
      await says(" messages missed.");
    });
    await check(`a new life of the server is a new stream over ${name}`, async () => {
      await proxy.close();
      await phase(page, "waiting");
      endFeed();
      ws.child.kill("SIGKILL");
      ws = await streamServer(binaries, args, { stdin: "pipe" });
      endFeed = feed(ws.child, 1000);
      proxy.target = ws.port;
      await proxy.open();
      await says("New stream");
      await page.waitForFunction(() => /line 1\d\d\d/.test(document.getElementById("current").textContent), PATIENCE);
    });
  }
  endFeed();
  await page.goto("about:blank");
  await Promise.all([stop(ws.child), stop(site.child), proxy.close()]);
}

export async function fallsBack({ page, check, binaries }) {
  const ws = await streamServer(binaries, []);
  const proxy = new Proxy(ws.port);
  proxy.refuseUpgrades = true;
  await proxy.open();
  const site = await pageServer(binaries, proxy.port);
  await check("where WebSocket is blocked, an event stream is used", async () => {
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await phase(page, "open");
    assert.match(await detail(page), /by event stream to http:/);
    await nextDates(page, 2);
  });
  await page.goto("about:blank");
  await Promise.all([stop(ws.child), stop(site.child), proxy.close()]);
}

export async function showsTextAsText({ page, check, binaries, console: errors }) {
  const hostile = '<img src=x onerror="document.title=1"><b>bold</b> & 17 disconnected';
  const ws = await streamServer(binaries, ["--source", "-"], { stdin: "pipe" });
  const site = await pageServer(binaries, ws.port);
  ws.child.stdin.on("error", () => {});
  await check("markup in a message is shown as text", async () => {
    await page.goto(`http://127.0.0.1:${site.port}/?view=clock`);
    await phase(page, "open");
    ws.child.stdin.write(`${hostile}\n`);
    await atLeast(page, "message", 1);
    assert.deepEqual(await rows(page, "message"), [hostile]);
    assert.equal(await page.$eval("#current", (element) => element.textContent), hostile);
    assert.equal(await page.$("#messages img, #current img"), null);
  });
  await check("thousands of messages a second leave the page quick and bounded", () => staysQuick(page, ws.child));
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await page.goto("about:blank");
  await Promise.all([stop(ws.child), stop(site.child)]);
}

/** The longest time between two of the next sixty frames. */
async function slowestFrame(page) {
  const times = await page.evaluate(() => new Promise((done) => {
    const frames = [];
    const frame = (time) => (frames.push(time) < 60 ? requestAnimationFrame(frame) : done(frames));
    requestAnimationFrame(frame);
  }));
  return Math.max(...times.slice(1).map((time, index) => time - times[index]));
}

async function staysQuick(page, child) {
  let sent = 1;
  const timer = setInterval(() => {
    let batch = "";
    for (let count = 0; count < 100; count += 1) {
      batch += `line ${(sent += 1)}\n`;
    }
    child.stdin.write(batch);
  }, 20);
  try {
    await page.waitForFunction(() => Number(document.getElementById("count").textContent.replaceAll(",", "")) > 10_000, PATIENCE);
    // What else the machine does may hold up one frame; what the page does holds up one in each series.
    const slowest = [];
    while (slowest.length < 3 && !slowest.some((time) => time < 500)) {
      slowest.push(await slowestFrame(page));
    }
    assert.ok(slowest.some((time) => time < 500), `frames took ${slowest} ms`);
    assert.ok(await page.$$eval("#messages li", (all) => all.length) <= 100);
  } finally {
    clearInterval(timer);
  }
}
