// Searching: what is found, marked and counted, also in older lines; and that only matching lines are shown.

import assert from "node:assert/strict";
import { add, drawn, inView, lastInView, press, reload, totals, until, wheel } from "./lines-page.mjs";

const count = (page) => page.$eval(".lines-search .count", (element) => element.textContent);
const counted = (page, wanted) => until(page, (text) => document.querySelector(".lines-search .count").textContent === text, wanted);
const marks = (page) => page.$$eval(".row mark", (all) => all.map((element) => element.textContent));
const toggle = (page, text) => page.evaluate((label) => [...document.querySelectorAll(".lines-search .toggle")].find((button) => button.textContent === label).click(), text);
async function search(page, text) {
  await page.focus(".lines-search .pattern");
  await page.$eval(".lines-search .pattern", (field) => field.select());
  await page.keyboard.press("Backspace");
  await page.keyboard.type(text);
}

export async function searches({ page, check }) {
  await check("lines: a text is found in all lines, marked and counted", async () => {
    await page.evaluate(() => { lines.history.text = (number) => `\x1b[32mline\x1b[0m ${number}${number % 10 === 0 ? " ERROR (a.b)" : ""}`; lines.add(1, 50_001); });
    await press(page, "/");
    await search(page, "error (A.");
    await counted(page, "5,000 lines");
    assert.ok((await marks(page)).length >= 2 && (await marks(page)).every((text) => text === "ERROR (a."));
  });
  await check("lines: the next and the previous match, by Enter and n and N", async () => {
    await press(page, "Enter");
    assert.equal(await count(page), "5,000 of 5,000");
    await page.keyboard.down("Shift");
    await press(page, "Enter");
    await page.keyboard.up("Shift");
    assert.equal(await count(page), "4,999 of 5,000");
    assert.equal(await page.$eval(".row.found .number", (element) => element.textContent), "49990");
    await page.focus(".lines-box");
    await press(page, "n");
    await press(page, "n");
    assert.equal(await count(page), "1 of 5,000");
    assert.equal(await page.$eval(".row.found .number", (element) => element.textContent), "10");
    await press(page, "N");
    assert.equal(await count(page), "5,000 of 5,000");
  });
  await check("lines: capital letters differ if one wants", async () => {
    await toggle(page, "Aa");
    await counted(page, "0 lines");
    await search(page, "ERROR");
    await counted(page, "5,000 lines");
  });
  await check("lines: an expression, and a wrong one that is said", async () => {
    await toggle(page, ".*");
    await search(page, "line 4999\\d ERR");
    await counted(page, "1 line");
    await press(page, "Enter");
    await until(page, () => [...document.querySelectorAll(".row mark")].map((element) => element.textContent).join("") === "line 49990 ERR");
    await search(page, "ERR(");
    await until(page, () => /^Not a regular expression/.test(document.querySelector(".lines-search .error").textContent));
    await search(page, "ERR");
    await counted(page, "5,000 lines");
    assert.equal(await page.$eval(".lines-search .error", (element) => element.textContent), "");
  });
  await check("lines: only matching ones are shown, also of those that arrive", async () => {
    await page.focus(".lines-box");
    await press(page, "G");
    await toggle(page, "Only matching");
    await drawn(page);
    assert.deepEqual((await inView(page)).slice(-2), ["line 49990 ERROR (a.b)", "line 50000 ERROR (a.b)"]);
    await add(page, 50_001, 50_101);
    await counted(page, "5,010 lines");
    await until(page, () => /line 50100 ERROR/.test(document.querySelector(".lines-rows").lastChild.textContent));
    assert.ok((await inView(page)).every((text) => /ERROR/.test(text)));
    await until(page, () => { const last = lines.states[lines.states.length - 1]; return last.shown === 5_010 && last.total === 50_100; });
  });
  await check("lines: what is downloaded is what is shown, without colours", async () => {
    await page.evaluate(() => { URL.createObjectURL = (blob) => { window.downloaded = blob.text(); return "about:blank#"; }; HTMLAnchorElement.prototype.click = () => {}; });
    await page.click('[data-action="download"]');
    await until(page, () => window.downloaded !== undefined);
    const text = await page.evaluate(() => window.downloaded);
    assert.deepEqual([text.split("\n").length, text.split("\n")[0], text.slice(-24)], [5_011, "line 10 ERROR (a.b)", "\nline 50100 ERROR (a.b)\n"]);
  });
  await check("lines: Escape ends the search, and all are there", async () => {
    await page.focus(".lines-search .pattern");
    await press(page, "Escape");
    await drawn(page);
    assert.equal(await page.$eval(".lines-search", (element) => element.hidden), true);
    assert.deepEqual([await marks(page), (await inView(page)).pop()], [[], "line 50100 ERROR (a.b)"]);
  });
}

export async function searchesOlder({ page, check }) {
  const searchLongHistory = async () => {
    await reload(page);
    await page.evaluate(() => { lines.history.delay = 150; });
    await add(page, 499_991, 500_001);
    await press(page, "/");
    await search(page, "line 7");
    await until(page, () => /so far/.test(document.querySelector(".lines-search .scope").textContent));
  };
  const scope = () => page.$eval(".lines-search .scope", (element) => (element.hidden ? null : element.firstChild.textContent));
  await check("lines: a search goes back as far as the history does, and its count grows", async () => {
    await page.evaluate(() => { lines.history.delay = 50; });
    await add(page, 199_991, 200_001);
    await until(page, () => document.querySelectorAll(".row .number[href]").length > 20);
    await press(page, "/");
    await search(page, "line 12345");
    await until(page, () => / so far, at most [\d,]+ older to come/.test(document.querySelector(".lines-search .scope").textContent));
    await counted(page, "11 lines");
    assert.equal(await scope(), null);
    await totals(page, "200,000 lines");
    await search(page, "line 77");
    await counted(page, "1,111 lines");
  });
  await check("lines: Enter goes to a match that must be fetched", async () => {
    await reload(page);
    await add(page, 99_991, 100_001);
    await press(page, "/");
    await page.keyboard.type("line 777");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector(".row.found .number")?.textContent === "77799");
  });
  await check("lines: Escape ends the way back, and says what was searched; a button goes on", async () => {
    await searchLongHistory();
    await press(page, "Escape");
    assert.match(await scope(), /^in the newest [\d,]+ lines; older ones are not searched$/);
    assert.match(await count(page), /^[\d,]+ lines?$/);
    await page.evaluate(() => { lines.history.delay = 0; lines.history.first = 101; });
    await page.click(".lines-search .scope button");
    await counted(page, `${(1 + 10 + 100 + 1_000 + 10_000 - 11).toLocaleString("en")} lines`);
    await until(page, () => /older ones have left the history$/.test(document.querySelector(".lines-search .scope").firstChild.textContent));
    assert.equal(await page.$eval(".lines-search .scope button", (button) => button.hidden), true);
    await press(page, "Escape");
    assert.equal(await page.$eval(".lines-search", (element) => element.hidden), true);
  });
  await check("lines: a search that is closed fetches nothing more", async () => {
    await searchLongHistory();
    await page.click('.lines-search [aria-label="End the search"]');
    const reads = await page.evaluate(() => lines.history.reads.length);
    await new Promise((done) => { setTimeout(done, 600); });
    assert.ok(await page.evaluate(() => lines.history.reads.length) <= reads, "it reads on");
  });
  await check("lines: the oldest of those that match is reached, too", async () => {
    await page.evaluate(() => { lines.history.delay = 0; });
    await press(page, "/");
    await search(page, "line 7");
    await toggle(page, "Only matching");
    await page.focus(".lines-box");
    await press(page, "g");
    await until(page, () => document.querySelector(".row.edge .text")?.textContent === "The first line of the stream.");
    await until(page, () => [...document.querySelectorAll(".row .number")].some(({ textContent }) => textContent === "7"));
    await drawn(page);
    assert.deepEqual((await inView(page)).slice(0, 2), ["The first line of the stream.", "line 7"]);
  });
}

export async function endsHopelessSearches({ page, check }) {
  await check("lines: an expression that never ends is ended, and the page stays quick", async () => {
    await page.evaluate(() => { lines.history.text = (number) => `${"a".repeat(40)}! ${number}`; lines.add(1, 3_000); });
    await press(page, "/");
    await toggle(page, ".*");
    const slowest = page.evaluate(() => new Promise((done) => {
      const began = performance.now();
      let [longest, before] = [0, began];
      const frame = (now) => {
        [longest, before] = [Math.max(longest, now - before), now];
        if (document.querySelector(".lines-search .error").textContent !== "" || now - began > 15_000) {
          done(longest);
        } else {
          requestAnimationFrame(frame);
        }
      };
      requestAnimationFrame(frame);
    }));
    await page.type(".lines-search .pattern", "(a+)+$");
    assert.ok(await slowest < 1_500, `a frame took ${await slowest} ms`);
    assert.match(await page.$eval(".lines-search .error", (element) => element.textContent), /takes too long/);
    await search(page, "a!");
    await counted(page, "2,999 lines");
  });
}

export async function holdsWhileFiltered({ page, check }) {
  await check("lines: Enter at once after the words goes to the match as soon as there is one", async () => {
    await add(page, 1, 100_001);
    await drawn(page);
    await press(page, "/");
    await page.keyboard.type("line 500");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector(".row.found .number")?.textContent === "50099");
  });
  await check("lines: the pill counts what is new of what is shown, whenever that changes", async () => {
    await press(page, "Escape");
    await press(page, "End");
    await press(page, "/");
    await search(page, "7");
    await wheel(page, -600);
    await add(page, 100_001, 100_101);
    await until(page, () => document.querySelector(".lines-pill").textContent === "100 new lines");
    await toggle(page, "Only matching");
    await until(page, () => document.querySelector(".lines-pill").textContent === "19 new lines");
    await toggle(page, "Only matching");
    await until(page, () => document.querySelector(".lines-pill").textContent === "100 new lines");
  });
  await check("lines: a pause also holds what is filtered, whatever is searched meanwhile", async () => {
    await press(page, "Escape");
    await press(page, "End");
    await press(page, " ");
    await press(page, "/");
    await toggle(page, "Only matching");
    for (const [words, found, newest] of [["line 1001", "12 lines", "line 100100"], ["line", "100,101 lines", "line 100100"], ["line 9999", "13 lines", "line 99999"]]) {
      await search(page, words);
      await counted(page, found);
      await drawn(page);
      assert.equal(await lastInView(page), newest, words);
      await page.evaluate((text) => lines.view.add([{ number: null, id: null, text, wall: 0 }]), "line 1001 line 9999");
      await drawn(page);
      assert.equal(await lastInView(page), newest, words);
    }
    await press(page, "Escape");
    await press(page, " ");
  });
  await check("lines: a download is what was shown when it began", async () => {
    await press(page, "/");
    await search(page, "7");
    await counted(page, "40,970 lines");
    await page.evaluate(() => {
      const { createObjectURL } = URL;
      URL.createObjectURL = (blob) => { window.downloaded = blob.text(); return createObjectURL.call(URL, blob); };
      document.querySelector('[data-action="download"]').click();
    });
    await press(page, "Escape");
    await until(page, () => window.downloaded !== undefined);
    const texts = (await page.evaluate(() => window.downloaded)).trimEnd().split("\n");
    assert.deepEqual([texts.length, texts.every((text) => text.includes("7"))], [40_970, true]);
  });
}
