// Lines that the page has not, or no more: older ones as the reader scrolls up, the oldest, and the one that the address names.

import assert from "node:assert/strict";
import { add, assertWhole, drawn, inView, lastInView, loaded, note, press, reload, rows, total, totals, until, wheel, yOf } from "./lines-page.mjs";

export async function fetchesOlder({ page, check }) {
  await check("lines: a page that came late begins full", async () => {
    await page.evaluate(() => { lines.history.first = 501; });
    await add(page, 10_000, 10_005);
    await until(page, () => document.querySelectorAll(".row .number[href]").length > 20);
    await drawn(page);
    assert.equal(await lastInView(page), "line 10004");
    await assertWhole(page);
  });
  await check("lines: older ones come as one scrolls up, and nothing jumps", async () => {
    await page.evaluate(() => { lines.history.delay = 300; });
    await totals(page, "newest 2,005 lines");
    for (let round = 0; round < 2; round += 1) {
      const reads = await page.evaluate(() => lines.history.reads.length);
      await wheel(page, -1e6);
      await until(page, (count) => lines.history.reads.length > count, reads);
      const before = (await rows(page)).find(([, number]) => number !== "");
      await until(page, (number) => document.querySelector(".lines-rows").textContent.includes(`line ${number - 1}`), Number(before[1]));
      await drawn(page);
      assert.equal(await yOf(page, before[1]), before[2], `line ${before[1]} has moved`);
    }
    await page.evaluate(() => { lines.history.delay = 0; });
  });
  await check("lines: the oldest line is the oldest of the history, and the view says why", async () => {
    await press(page, "g");
    await until(page, () => document.querySelector(".row.edge .text")?.textContent === "Older lines have left the stream’s history.");
    await drawn(page);
    assert.deepEqual((await inView(page)).slice(0, 2), ["Older lines have left the stream’s history.", "line 501"]);
    const reads = await page.evaluate(() => lines.history.reads.length);
    await press(page, "g");
    assert.equal(await page.evaluate(() => lines.history.reads.length), reads);
    await totals(page, "9,504 lines");
  });
  await check("lines: only those that arrived here have a time of arrival", async () => {
    await press(page, "t");
    const times = () => page.$$eval(".row.line .time", (all) => all.map((element) => element.textContent));
    assert.deepEqual(new Set(await times()), new Set([""]));
    await press(page, "G");
    assert.deepEqual((await times()).slice(-5).map((time) => /^\d\d:\d\d:\d\d\.\d{3}$/.test(time)), Array(5).fill(true));
  });
}

export async function goesToTheOldest({ page, check }) {
  const oldestHere = () => page.evaluate(() => Math.min(...lines.history.reads.map(([since]) => since)) + 1);
  const fresh = async (newest) => {
    await reload(page);
    await add(page, newest - 9, newest + 1);
    await until(page, () => lines.history.reads.length === 1);
    await until(page, () => document.querySelectorAll(".row .number[href]").length > 20);
  };
  const ways = [() => page.click('[data-action="first"]'), () => page.keyboard.press("g"), () => page.keyboard.press("Home")];
  for (const [index, way] of ways.entries()) {
    await check(`lines: the oldest of many is reached at once (way ${index})`, async () => {
      await fresh(200_000);
      await way();
      await until(page, () => document.querySelector(".row.edge .text")?.textContent === "The first line of the stream.");
      await until(page, () => [...document.querySelectorAll(".row .number")].some(({ textContent }) => textContent === "1"));
      await drawn(page);
      assert.deepEqual((await inView(page)).slice(0, 2), ["The first line of the stream.", "line 1"]);
      await assertWhole(page);
      await totals(page, "200,000 lines");
    });
  }
  await check("lines: a long way to the oldest says how far it is, and Escape ends it", async () => {
    await fresh(500_000);
    await page.evaluate(() => { lines.history.delay = 200; });
    await press(page, "g");
    await until(page, () => /^Fetching older lines: [\d,]+ are here, at most [\d,]+ to come \(Esc ends it\)\.$/.test(document.querySelector(".lines-note").textContent));
    assert.equal(await page.evaluate(() => lines.said.filter((text) => /^Fetching/.test(text)).length), 0);
    await press(page, "Escape");
    const oldest = (await note(page)).match(/^Ended: the page has the lines from ([\d,]+) on\.$/)[1].replaceAll(",", "");
    assert.ok(Number(oldest) > 1 && Number(oldest) >= await oldestHere());
    const reads = await page.evaluate(() => lines.history.reads.length);
    await new Promise((done) => { setTimeout(done, 700); });
    assert.ok(await page.evaluate(() => lines.history.reads.length) <= reads + 1, "it reads on");
    assert.match(await total(page), /^newest [\d,]+ lines$/);
  });
  await check("lines: a reader who goes elsewhere on the way stays there", async () => {
    await press(page, "g");
    await press(page, "End");
    await page.evaluate(() => { lines.history.delay = 0; });
    await new Promise((done) => { setTimeout(done, 500); });
    assert.deepEqual([await lastInView(page), await note(page)], ["line 500000", null]);
  });
  await check("lines: what cannot be fetched is said, and can be tried again", async () => {
    await fresh(60_000);
    await page.evaluate(() => { lines.history.failure = "the server answered 503"; });
    await press(page, "g");
    await until(page, () => document.querySelector(".lines-note").textContent === "Older lines could not be fetched: the server answered 503.");
    await page.evaluate(() => { lines.history.failure = null; });
    await press(page, "g");
    await until(page, () => document.querySelector(".row.edge .text")?.textContent === "The first line of the stream.");
  });
}

export async function findsByNumber({ page, check, site }) {
  await check("lines: a link to a line that is older than the page shows it", async () => {
    await page.goto("about:blank");
    await page.goto(`${site.url}#L1234`);
    await loaded(page);
    await add(page, 60_000, 60_100);
    await until(page, () => document.querySelector(".row.target .text")?.textContent === "line 1234");
    await drawn(page);
    assert.notEqual(await yOf(page, 1234), undefined);
    await assertWhole(page);
    assert.equal(await page.evaluate(() => lines.states[lines.states.length - 1].following), false);
  });
  await check("lines: a number is a link", async () => {
    await page.evaluate(() => [...document.querySelectorAll(".row .number")].find((element) => element.textContent === "1236").click());
    await until(page, () => location.hash === "#L1236");
    await until(page, () => document.querySelector(".row.target .text")?.textContent === "line 1236");
  });
  await check("lines: one that is not there yet is said, and shown when it comes", async () => {
    await page.evaluate(() => { location.hash = "#L60200"; });
    await until(page, () => /not there yet/.test(document.querySelector(".lines-note").textContent));
    assert.equal(await note(page), "Line 60,200 is not there yet: the newest is 60,099.");
    await add(page, 60_100, 60_300);
    await until(page, () => document.querySelector(".row.target .text")?.textContent === "line 60200");
  });
  await check("lines: one that has left the history is said", async () => {
    await page.goto("about:blank");
    await page.goto(`${site.url}#L7`);
    await loaded(page);
    await page.evaluate(() => { lines.history.first = 59_000; });
    await add(page, 60_000, 60_100);
    await until(page, () => /has left/.test(document.querySelector(".lines-note").textContent));
    assert.equal(await note(page), "Line 7 has left the stream’s history, which begins with line 59,000.");
  });
}
