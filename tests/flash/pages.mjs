// Pages of the checks: with a Flash Player and natively, and what they show.

import assert from "node:assert/strict";
import { launch, watchConsole } from "../browser/browsers.mjs";
import { start } from "../browser/daemons.mjs";
import { playFlash } from "./ruffle.mjs";

export const LOCAL = "127.0.0.1";
// A Ruffle that starts beside other work takes its time: on a busy machine, minutes.
export const PATIENCE = { timeout: 170_000 };
/** Text that breaks strings, and what carries them. */
export const AWKWARD = "\ufeff\0\x01\x1f\x7f \\ \\n \"'` \u2028\u2029 \r\n\t %41 %zz , ; <b>&amp;</b> d\u00e9 \u4e2d\u6587 \u{1f600}\u{10ffff} ]]>";

export const serve = (binary, ...args) => start(binary, ["--listen", `${LOCAL}:0`, ...args]);

/** Waits until the tutorial's page has written so many dates, and gives its lines, the oldest first. */
export async function dates(page, count = 3) {
  await page.waitForFunction((wanted) => (document.getElementById("log").textContent.match(/onmessage: \w{3} \w{3} \d/g) ?? []).length >= wanted, PATIENCE, count);
  return page.$$eval("#log div", (all) => all.map((element) => element.textContent).reverse());
}

/** A page with a window of its own: behind another page Ruffle would not play. */
export async function open(browser) {
  return (await browser.createBrowserContext()).newPage();
}

/** Opens the page natively and says what its console shows. */
export async function natively(name, url) {
  const browser = await launch(name);
  const page = await browser.newPage();
  const errors = watchConsole(page);
  await page.goto(url);
  const lines = await dates(page);
  await browser.close();
  assert.equal(lines[0], "onopen");
  assert.deepEqual(errors, []);
}

/** A page that can hold conversations over Flash: `converse` gives what the handlers got. */
export async function flashPage(browser, url, proxies) {
  const page = await open(browser);
  await playFlash(page, proxies);
  await page.goto(url);
  await page.evaluate(() => {
    window.converse = (address, { protocols, texts = [], close, closeAtOnce = false } = {}) => new Promise((done) => {
      const seen = (window.seen = []);
      const ws = new WebSocket(address, protocols);
      let got = 0;
      ws.onopen = () => {
        seen.push(ws.protocol === "" ? "open" : `open ${ws.protocol}`);
        texts.forEach((text) => ws.send(text));
      };
      ws.onmessage = ({ data }) => {
        seen.push(`message ${data}`);
        got += 1;
        if (close !== undefined && got === texts.length) {
          ws.close(...close);
        }
      };
      ws.onerror = () => seen.push("error");
      ws.onclose = ({ code, wasClean, reason }) => {
        seen.push(`close ${code} ${wasClean} ${reason}`.trim());
        done(seen);
      };
      if (closeAtOnce) {
        ws.close();
      }
    });
  });
  return page;
}

export const converse = (page, url, options) => page.evaluate((address, more) => window.converse(address, more), url, options);
