// `datecast`: the page and its stream on one port, for lines and for dates. Each scenario has its own process on a port of its own.

import assert from "node:assert/strict";
import { FAILED_CONNECTION, PATIENCE, detail, feed, front, lineTexts, showsLine, stateIs, titleIs, viewIs } from "./common.mjs";
import { Proxy, stop } from "./daemons.mjs";
import { startNginx } from "./nginx.mjs";

const numbersOf = (texts) => texts.map((text) => Number(text.replace("line ", "")));
const isRow = (numbers) => numbers.every((number, index) => number === numbers[0] + index);
const announced = (page) => page.$eval("#announce", (element) => element.textContent);
const openViews = (page) => page.evaluate(() => ["lines", "clock-view"].filter((id) => !document.getElementById(id).hidden));

export async function showsLines({ page, check, binaries, console: errors }) {
  const server = await front(binaries);
  const url = `http://127.0.0.1:${server.port}/`;
  const write = (text) => server.child.stdin.write(`${text}\n`);
  await check("before anything has come, the page waits", async () => {
    await page.setViewport({ width: 1280, height: 860 });
    await page.goto(url);
    await stateIs(page, "live");
    assert.equal(await page.$eval("#waiting", (element) => element.checkVisibility()), true);
    assert.deepEqual(await openViews(page), []);
    assert.equal(await page.title(), "datecast · live");
  });
  await check("the first line brings the view of lines, from the port of the page", async () => {
    write("\u001b[31mred\u001b[0m and plain");
    await viewIs(page, "lines");
    await showsLine(page, "red and plain");
    assert.deepEqual(await openViews(page), ["lines"]);
    assert.equal(await page.$eval("#waiting", (element) => element.hidden), true);
    assert.match(await detail(page), new RegExp(`by WebSocket to ws://127\\.0\\.0\\.1:${server.port}/stream since`));
  });
  await check("all modules come as one file", async () => {
    const scripts = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname).filter((path) => path.endsWith(".js")));
    assert.deepEqual([...new Set(scripts)].sort(), ["/app.js", "/datecast.js", "/start.js"]);
  });
  await check("its colours are those of the terminal", async () => {
    const [red, plain] = await page.$$eval(".lines-rows .row.line .text", ([text]) => [text.querySelector("span"), text].map((element) => getComputedStyle(element).color));
    const [r, g, b] = red.match(/\d+/g).map(Number);
    assert.ok(red !== plain && r > 1.5 * g && r > 1.5 * b, `${red} beside ${plain}`);
  });
  await check("a pause holds the lines, and the title counts", async () => {
    await page.focus(".lines-box");
    await page.keyboard.press(" ");
    await stateIs(page, "paused");
    for (let number = 1; number <= 12; number += 1) {
      write(`line ${number}`);
    }
    await titleIs(page, /^\(12\) datecast · paused$/);
    assert.ok(!(await lineTexts(page)).includes("line 12"), "it shows what came later");
    await page.keyboard.press(" ");
    await showsLine(page, "line 12");
    await titleIs(page, /^datecast · live$/);
  });
  await check("figures and commands open above the lines and close by Escape", () => opensMore(page, url));
  await check("a screen reader hears of the connection, and of no line", async () => {
    assert.match(await announced(page), /^(Connected by WebSocket|Going on|Copied)/);
    assert.equal(await page.$eval(".lines-box", (element) => element.getAttribute("aria-live")), "off");
  });
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await page.goto("about:blank");
  await stop(server.child);
}

async function opensMore(page, url) {
  await page.click("#more-button");
  assert.equal(await page.$eval("#howto-curl", (element) => element.textContent), `curl -N ${url}stream`);
  assert.equal(await page.$eval("#count", (element) => element.checkVisibility()), true);
  assert.equal(await page.evaluate(() => document.activeElement.id), "more");
  await page.keyboard.press("Escape");
  assert.equal(await page.$eval("#howto-curl", (element) => element.checkVisibility()), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "more-button");
  await page.click("#more-button");
  await page.click("#name");
  assert.equal(await page.$eval("#howto-curl", (element) => element.checkVisibility()), false);
}

export async function tellsTheEnd({ page, check, binaries, console: errors }) {
  let server = await front(binaries);
  const { port } = server;
  await check("the end of the input is said, and the lines stay", async () => {
    await page.goto(`http://127.0.0.1:${port}/`);
    server.child.stdin.end("one\ntwo\nthree\n");
    await stateIs(page, "ended");
    await showsLine(page, "three");
    await showsLine(page, "Ended: the input has ended");
    assert.deepEqual((await lineTexts(page)).slice(-3), ["one", "two", "three"]);
    assert.equal(await detail(page), "the input has ended");
    assert.equal(await announced(page), "Ended: the input has ended");
    await titleIs(page, /datecast · ended$/);
  });
  await check("a page that is opened later hears it, too", async () => {
    await page.reload();
    await stateIs(page, "ended");
    await showsLine(page, "Ended: the input has ended");
  });
  await check("a stream that has ended has no rate", async () => {
    await page.click("#more-button");
    await page.waitForFunction(() => document.getElementById("rate").parentElement.hidden, PATIENCE);
    await page.click("#more-button");
  });
  await check("once the command is gone, the state is still how the stream ended", async () => {
    await stop(server.child);
    await page.waitForFunction(() => document.getElementById("status").dataset.phase === "waiting", PATIENCE);
    assert.equal(await page.evaluate(() => document.body.dataset.state), "ended");
    assert.match(await detail(page), /^the input has ended; .*trying again in \d+ s$/);
  });
  await check("the next command on the port is a new stream", async () => {
    server = await front(binaries, [], port);
    server.child.stdin.write("another 1\n");
    await stateIs(page, "live");
    await showsLine(page, "New stream");
    await showsLine(page, "another 1");
    assert.equal((await lineTexts(page)).filter((text) => text === "another 1").length, 1);
  });
  await check("nothing but the failed connection is on the console", async () => {
    assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text)), []);
  });
  await page.goto("about:blank");
  await stop(server.child);
}

export async function waitsForTheFirstLine({ page, check, binaries }) {
  let server = await front(binaries);
  const { port } = server;
  const waiting = (words) => page.waitForFunction((wanted) => document.getElementById("waiting").textContent === wanted, PATIENCE, words);
  await check("an input that ends without a line is said to have ended", async () => {
    server.child.stdin.end();
    await page.goto(`http://127.0.0.1:${port}/`);
    await stateIs(page, "ended");
    await waiting("Ended: the input has ended");
  });
  await check("the next command on the port is waited for anew", async () => {
    await stop(server.child);
    server = await front(binaries, [], port);
    await stateIs(page, "live");
    await waiting("Waiting for the first message…");
    server.child.stdin.write("one\n");
    await showsLine(page, "one");
  });
  await page.goto("about:blank");
  await stop(server.child);
}

export async function choosesViews({ page, check, binaries, console: errors }) {
  const clock = await front(binaries, ["--source", "clock"]);
  const lines = await front(binaries);
  await check("dates with a beat get the clock, and its chart is folded away", async () => {
    await page.goto(`http://127.0.0.1:${clock.port}/`);
    await viewIs(page, "clock");
    await page.waitForFunction(() => document.querySelectorAll("#messages .message").length >= 3, PATIENCE);
    assert.deepEqual(await openViews(page), ["clock-view"]);
    assert.equal(await page.$eval("#chart", (element) => element.checkVisibility()), false);
    await page.click("#evenness summary");
    await page.waitForFunction(() => document.querySelector("#chart path, #chart rect") !== null, PATIENCE);
  });
  await check("a view that was asked for is kept", async () => {
    await page.goto(`http://127.0.0.1:${clock.port}/?view=lines`);
    await showsLine(page, "GMT");
    assert.deepEqual(await openViews(page), ["lines"]);
  });
  await check("what looks like a clock and is none becomes lines, and all of it is there", async () => {
    await page.goto(`http://127.0.0.1:${lines.port}/`);
    await stateIs(page, "live");
    lines.child.stdin.write("2026-01-01T00:00:00Z\n");
    await viewIs(page, "clock");
    lines.child.stdin.write("2026-01-01T00:00:01Z\nand no date\n");
    await viewIs(page, "lines");
    await showsLine(page, "and no date");
    assert.deepEqual(await lineTexts(page), ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "and no date"]);
    lines.child.stdin.write("2026-01-01T00:00:02Z\n");
    await showsLine(page, "00:00:02Z");
    assert.deepEqual(await openViews(page), ["lines"]);
  });
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await page.goto("about:blank");
  await Promise.all([stop(clock.child), stop(lines.child)]);
}

export async function readsOlder({ page, check, binaries, console: errors }) {
  const server = await front(binaries, ["--history", "10000"]);
  server.child.stdin.write(Array.from({ length: 5000 }, (_, index) => `line ${index + 1}\n`).join(""));
  await check("a link to an old line fetches it from the history", async () => {
    await page.goto(`http://127.0.0.1:${server.port}/#L1234`);
    await showsLine(page, "line 1234");
    const numbers = numbersOf(await lineTexts(page));
    assert.ok(isRow(numbers), `${numbers}`);
    assert.equal(await page.$eval(".lines-rows .target .text", (element) => element.textContent), "line 1234");
  });
  await check("the oldest line is the first of the stream", async () => {
    await page.focus(".lines-box");
    // Each time to the oldest line that the page has, which fetches those before it.
    for (const deadline = Date.now() + PATIENCE.timeout; !(await lineTexts(page)).includes("line 1") && Date.now() < deadline;) {
      await page.keyboard.press("g");
      await page.evaluate(() => new Promise((done) => { setTimeout(done, 100); }));
    }
    assert.equal((await lineTexts(page))[0], "line 1");
  });
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await page.goto("about:blank");
  await stop(server.child);
}

export async function resumesLines({ page, check, binaries, console: errors }) {
  const server = await front(binaries, ["--history", "1000"]);
  const endFeed = feed(server.child);
  const proxy = new Proxy(server.port);
  await proxy.open();
  for (const [via, name] of [["websocket", "WebSocket"], ["sse", "event stream"]]) {
    await check(`lines on one port resume over ${name}, each once`, async () => {
      await page.goto(`http://127.0.0.1:${proxy.port}/?via=${via}`);
      await page.waitForFunction(() => document.querySelectorAll(".lines-rows .row.line").length >= 8, PATIENCE);
      await proxy.close();
      await stateIs(page, "lost");
      await titleIs(page, /datecast · lost$/);
      await proxy.open();
      await showsLine(page, "none was missed");
      const shown = (await lineTexts(page)).length;
      await page.waitForFunction((wanted) => document.querySelectorAll(".lines-rows .row.line").length >= wanted, PATIENCE, Math.min(shown + 3, 20));
      const numbers = numbersOf(await lineTexts(page));
      assert.ok(isRow(numbers), `${numbers}`);
    });
  }
  await check("nothing but the failed connection is on the console", async () => {
    assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text)), []);
  });
  endFeed();
  await page.goto("about:blank");
  await Promise.all([stop(server.child), proxy.close()]);
}

export async function worksInASubPath({ page, check, binaries, console: errors }) {
  const server = await front(binaries);
  const endFeed = feed(server.child);
  const nginx = await startNginx(server.port);
  const base = `http://127.0.0.1:${nginx.port}/logs/`;
  await check("behind nginx the page in a sub-path finds its stream beside itself", async () => {
    await page.goto(base);
    await showsLine(page, "line 3");
    assert.match(await detail(page), new RegExp(`to ws://127\\.0\\.0\\.1:${nginx.port}/logs/stream since`));
    assert.equal(await page.$eval("#howto-curl", (element) => element.textContent), `curl -N ${base}stream`);
  });
  await check("there it goes on by an event stream, too", async () => {
    await page.goto(`${base}?via=sse`);
    await showsLine(page, "line 3");
    assert.match(await detail(page), /by event stream to http:.*\/logs\/stream since/);
  });
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  endFeed();
  await page.goto("about:blank");
  await nginx.end();
  await stop(server.child);
}

export async function runsACommand({ page, check, binaries, console: errors }) {
  const server = await front(binaries, ["--", "sh", "-c", "printf '\\033[32mhello\\033[0m\\n'; sleep 0.2; echo bye; exit 3"]);
  await check("a command's lines and its exit code are in the page, its name in the title", async () => {
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await stateIs(page, "ended");
    await showsLine(page, "hello");
    await showsLine(page, "bye");
    await showsLine(page, "exit code 3");
    assert.match(await detail(page), /exit code 3/);
    await titleIs(page, /^sh … · ended$/);
  });
  await check("nothing is on the console as an error", async () => assert.deepEqual(errors, []));
  await page.goto("about:blank");
  await stop(server.child);
}

/** What the page saves as a file: all lines that it has. */
async function downloaded(page) {
  await page.evaluate(() => {
    URL.createObjectURL = (blob) => { window.downloaded = blob.text(); return "about:blank#"; };
    HTMLAnchorElement.prototype.click = () => {};
  });
  await page.click('[data-action="download"]');
  await page.waitForFunction(() => window.downloaded !== undefined, PATIENCE);
  return (await page.evaluate(() => window.downloaded)).trimEnd().split("\n");
}

/** Lines that rush in are taken over by a thread of their own. */
export async function takesARush({ page, check, binaries }) {
  const server = await front(binaries, ["--history", "100000"]);
  let number = 0;
  const timer = setInterval(() => server.child.stdin.write(Array.from({ length: 20 }, () => `line ${number += 1}\n`).join("")), 10);
  await check("a rush of lines goes on in a thread, and each line comes once", async () => {
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await viewIs(page, "lines");
    const begun = await page.$eval(".lines-rows .row.line .text", (element) => Number(element.textContent.replace("line ", "")));
    await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/stream-worker.js")), PATIENCE);
    await new Promise((done) => { setTimeout(done, 3_000); });
    clearInterval(timer);
    await showsLine(page, `line ${number}`);
    // The count above the lines is told a little after them.
    const total = await page.waitForFunction((least) => {
      const count = Number(document.querySelector(".lines-bar .total").textContent.replace(/\D/g, ""));
      return count > least && count;
    }, PATIENCE, number - begun).then((found) => found.jsonValue());
    assert.ok(total <= number && number - total < begun, `${total} lines of ${number}, the first seen being ${begun}`);
    const all = numbersOf(await downloaded(page));
    assert.equal(all.at(-1), number);
    assert.ok(all.length >= total && isRow(all), all.filter((line, index) => line !== all[0] + index).slice(0, 20).join());
    assert.equal(await page.$$eval(".row.event", (rows) => rows.length), 0, "a row of the page's own");
  });
  clearInterval(timer);
  await stop(server.child);
}
