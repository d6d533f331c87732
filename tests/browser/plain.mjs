// The plain list: what a browser gets that cannot run the page's modules, or did not get them.

import assert from "node:assert/strict";
import { PATIENCE, feed, pageServer, streamServer } from "./common.mjs";
import { Proxy, stop } from "./daemons.mjs";

/** What is not there, and what the list then says that it uses. */
export const WAYS = [["WebSocket", []], ["event stream", ["WebSocket"]], ["streaming request", ["WebSocket", "EventSource"]],
  ["JSONP", ["WebSocket", "EventSource", "fetch", "XMLHttpRequest"]]];

const lines = (page) => page.$$eval(".plain-lines .line", (all) => all.map((element) => element.textContent));
const atLeastLines = (page, count) => page.waitForFunction((wanted) => document.querySelectorAll(".plain-lines .line").length >= wanted, PATIENCE, count);
const titled = (page, words) => page.waitForFunction((wanted) => document.title.endsWith(wanted), PATIENCE, words);
/** The numbers of what `feed` wrote, as they stand in the list. */
const numbers = async (page) => (await lines(page)).map((text) => Number(text.replace("line ", "")));

/** A page of `browser` without what came after modules had come, and without the constructors `gone`. */
export async function oldPage(browser, gone = []) {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument((names) => {
    delete Element.prototype.replaceChildren;
    names.forEach((name) => { window[name] = undefined; });
  }, gone);
  return page;
}

const says = (page, words) => page.waitForFunction((wanted) => document.querySelector(".plain [role=status]").textContent === wanted, PATIENCE, words);

export async function plainList({ browser, check, binaries }) {
  const ws = await streamServer(binaries, ["--source", "-", "--history", "1000"], { stdin: "pipe" });
  const endFeed = feed(ws.child);
  const proxy = new Proxy(ws.port);
  await proxy.open();
  const site = await pageServer(binaries, proxy.port);
  for (const [way, gone] of WAYS) {
    const page = await oldPage(browser, gone);
    await check(`an old browser gets a plain list by ${way}, each line once across a lost connection`, async () => {
      await page.goto(`http://127.0.0.1:${site.port}/`);
      await atLeastLines(page, 5);
      await titled(page, "· live");
      await says(page, `Live: by ${way}`);
      await proxy.close();
      await titled(page, "· connection lost");
      await proxy.open();
      const before = (await lines(page)).length;
      await atLeastLines(page, before + 5);
      const seen = await numbers(page);
      assert.deepEqual(seen, seen.map((_, index) => seen[0] + index));
    });
    await page.close();
  }
  const page = await oldPage(browser);
  // Firefox lets a WebSocket wait for up to a minute where another one to this address has failed: this one is behind no proxy.
  const direct = await pageServer(binaries, ws.port);
  await check("it shows markup as text, and no escape sequence", async () => {
    ws.child.stdin.write("<b>bold</b> \u001b[1;31mred\u001b[0m\n");
    await page.goto(`http://127.0.0.1:${direct.port}/`);
    await page.waitForFunction(() => document.body.textContent.includes("<b>bold</b> red"), PATIENCE);
  });
  await check("nor any other sequence, as the view of lines", async () => {
    const rows = [["\u001b(B\u001b[mset", "set"], ["\u009b32mC1\u009bm", "C1"], ["\u001b]8;;http://a\u001b\\link\u001b]8;;\u001b\\", "link"], ["\u001bPq#0\u001b\\sixel", "sixel"],
      ["cut \u001b[38;5", "cut "], [" 10%\r 50%\r100%\r", "100%"], ["abc\b\b\bxyz", "xyz"], ["nul \0 bell \u0007.", "nul \u2400 bell \u2407."], ["a\tb", "a\tb"]];
    ws.child.stdin.write(rows.map(([line]) => `torture ${line}\n`.replace(/torture (?=.*[\r\b])/, "")).join(""));
    await page.waitForFunction(() => document.body.textContent.includes("a\tb"), PATIENCE);
    const shown = await lines(page);
    for (const [line, wanted] of rows) {
      assert.ok(shown.includes(/[\r\b]/.test(line) ? wanted : `torture ${wanted}`), JSON.stringify([line, shown.slice(-20)]));
    }
  });
  await page.close();
  endFeed();
  await Promise.all([stop(ws.child), stop(site.child), stop(direct.child), proxy.close()]);
}

/** Each kind of answer with which a browser throws the modules away, which come as one file. */
const BROKEN = [["is missing", { status: 404, body: "" }], ["has another type", { status: 200, contentType: "text/html", body: "" }],
  ["does not parse", { status: 200, contentType: "text/javascript", body: "let let = 1" }], ["stops", { status: 200, contentType: "text/javascript", body: "throw 1" }]];

/** A page without scripts cannot wait for anything itself, and the stream's has no end. */
async function leadsTo(page, address) {
  let seen = "";
  for (const deadline = Date.now() + PATIENCE.timeout; Date.now() < deadline;) {
    seen = await page.evaluate(() => `${location.href} ${document.body?.innerText}`).catch(({ message }) => message);
    if (seen.startsWith(`${address} `) && (seen.match(/GMT/g) ?? []).length >= 2) {
      return;
    }
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error(seen.slice(0, 300));
}

export async function brokenModules({ name, browser, check, binaries }) {
  const ws = await streamServer(binaries, []);
  const site = await pageServer(binaries, ws.port);
  for (const [what, answer] of BROKEN) {
    await check(`where the page's script ${what}, the plain list takes over`, async () => {
      const page = await browser.newPage();
      await page.setRequestInterception(true);
      page.on("request", (request) => (request.url().endsWith("/app.js") ? request.respond(answer) : request.continue()));
      await page.goto(`http://127.0.0.1:${site.port}/`);
      await atLeastLines(page, 2);
      assert.equal(await page.$("#status"), null, "the page is there, too");
      await page.close();
    });
  }
  await check("where datecast.js is missing, the page links to the stream's document", async () => {
    const page = await browser.newPage();
    await page.setRequestInterception(true);
    page.on("request", (request) => (request.url().endsWith("/datecast.js") ? request.respond({ status: 404, body: "" }) : request.continue()));
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await says(page, "Not connected: this browser can show the stream only by the link below.");
    assert.equal(await page.$eval(".plain a", (link) => link.href), `http://127.0.0.1:${ws.port}/stream.html`);
    await page.close();
  });
  // Nobody can switch scripts off in Firefox from here.
  if (name === "chromium") {
    await check("without scripts the page leads to the stream", async () => {
      const page = await browser.newPage();
      await page.setJavaScriptEnabled(false);
      await page.goto(`http://127.0.0.1:${site.port}/`, { waitUntil: "domcontentloaded" });
      await leadsTo(page, `http://127.0.0.1:${ws.port}/stream.html`);
      await page.close();
    });
  }
  await Promise.all([stop(ws.child), stop(site.child)]);
}
