// What the view of lines must do, alone on a page of its own: with no server around it, a test decides what arrives and what the history has.

import assert from "node:assert/strict";
import { join } from "node:path";
import { launch, watchConsole } from "./browsers.mjs";
import { serveLines } from "./lines-site.mjs";

const PATIENCE = { timeout: 20_000 };
const VIEW = { width: 1000, height: 640 };

/** Two frames later all that was asked for is drawn. */
const drawn = (page) => page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))); }));
const add = (page, from, to) => page.evaluate((first, end) => lines.add(first, end), from, to);
const press = async (page, key) => { await page.keyboard.press(key); await drawn(page); };
const until = (page, body, ...args) => page.waitForFunction(body, PATIENCE, ...args);
const state = (page) => page.evaluate(() => lines.states[lines.states.length - 1]);
const pill = (page) => page.$eval(".lines-pill", (element) => (element.hidden ? null : element.textContent));
const total = (page) => page.$eval(".lines-bar .total", (element) => element.textContent);
const totals = (page, wanted) => until(page, (text) => document.querySelector(".lines-bar .total").textContent === text, wanted);
const note = (page) => page.$eval(".lines-note", (element) => (element.hidden ? null : element.textContent));

/** The rows in view: `[text, number, y, height]` each, those that are cut by an edge too. */
const rows = (page) => page.evaluate(() => {
  const box = document.querySelector(".lines-box").getBoundingClientRect();
  return [...document.querySelectorAll(".lines-rows .row")].map((row) => [row, row.getBoundingClientRect()])
    .filter(([, { top, bottom }]) => bottom > box.top + 1 && top < box.top + document.querySelector(".lines-box").clientHeight - 1)
    .map(([row, { top, height }]) => [row.querySelector(".text").textContent, row.querySelector(".number").textContent, Math.round(top - box.top), height]);
});
const inView = async (page) => (await rows(page)).map(([text]) => text);
const lastInView = async (page) => (await inView(page)).pop();
const yOf = async (page, number) => (await rows(page)).find(([, shown]) => shown === `${number}`)?.[2];

/** Rows follow each other without a hole, and fill the view from its top to its bottom. */
async function assertWhole(page) {
  const seen = await rows(page);
  const height = await page.$eval(".lines-box", (box) => box.clientHeight);
  assert.ok(seen[0][2] <= 0, `a hole of ${seen[0][2]} px above`);
  for (const [index, row] of seen.slice(1).entries()) {
    assert.ok(Math.abs(seen[index][2] + seen[index][3] - row[2]) <= 1, `${seen[index]} and then ${row}`);
  }
  const last = seen[seen.length - 1];
  assert.ok(last[2] + last[3] >= height - 1, `a hole of ${height - last[2] - last[3]} px below`);
}

async function open(browser, site, hash = "") {
  const page = await browser.newPage();
  const errors = watchConsole(page);
  await page.setViewport(VIEW);
  await page.goto(`${site.url}${hash}`);
  await until(page, () => window.lines !== undefined);
  return { page, errors };
}

async function wheel(page, deltaY) {
  await page.mouse.move(500, 400);
  await page.mouse.wheel({ deltaY });
  await new Promise((done) => { setTimeout(done, 400); });
  await drawn(page);
}

/** Runs every scenario of the view in `browser`. */
export async function linesAlone({ name, browser, check, binaries }) {
  const site = await serveLines();
  try {
    for (const scenario of [follows, pauses, holdsAMillion, wraps, fetchesOlder, goesToTheOldest, findsByNumber, searches, searchesOlder, endsHopelessSearches, holdsWhileFiltered, isCopied, keepsASelection, showsStyles, listensToKeys, tellsEvents]) {
      const { page, errors } = await open(browser, site);
      await scenario({ page, check, site });
      await check(`lines: nothing is on the console as an error (${scenario.name})`, async () => assert.deepEqual(errors, []));
      await page.close();
    }
    await fitScreens({ name, browser, check, screenshots: binaries.screenshots, site });
  } finally {
    site.close();
  }
}

async function follows({ page, check }) {
  await check("lines: the newest is at the bottom, whatever arrives", async () => {
    await add(page, 1, 500);
    await drawn(page);
    assert.equal(await lastInView(page), "line 499");
    await add(page, 500, 5000);
    await drawn(page);
    assert.equal(await lastInView(page), "line 4999");
    await assertWhole(page);
    assert.deepEqual([await pill(page), (await state(page)).following], [null, true]);
  });
  await check("lines: scrolling up stops that, holds still, and counts what is new", async () => {
    await wheel(page, -300);
    const before = await rows(page);
    await add(page, 5000, 5240);
    await drawn(page);
    assert.deepEqual(await rows(page), before);
    assert.equal(await pill(page), "240 new lines");
    await until(page, () => { const last = lines.states[lines.states.length - 1]; return !last.following && last.unseen === 240 && last.total === 5239; });
  });
  await check("lines: the pill, the End key, and scrolling down to the end follow again", async () => {
    const ways = [() => page.click(".lines-pill"), () => page.keyboard.press("End"), () => page.keyboard.press("G"), () => wheel(page, 1e5)];
    for (const [index, way] of ways.entries()) {
      if (index > 0) {
        await wheel(page, -300);
        assert.notEqual(await pill(page), null, `before way ${index}`);
      }
      await add(page, 5240 + index, 5241 + index);
      await way();
      await until(page, () => lines.states[lines.states.length - 1].following);
      await drawn(page);
      assert.deepEqual([await lastInView(page), await pill(page)], [`line ${5240 + index}`, null], `way ${index}`);
    }
  });
  await check("lines: few rows stay in the document", async () => {
    assert.ok(await page.$$eval(".lines .row", (all) => all.length) < 120);
  });
  await check("lines: a screen reader hears a summary, and no line", async () => {
    await until(page, () => lines.said.some((text) => /^5,\d{3} new lines\.$/.test(text)));
    assert.deepEqual(await page.evaluate(() => lines.said.filter((text) => /line \d/.test(text))), []);
    assert.equal(await page.$eval(".lines-box", (box) => `${box.getAttribute("role")} ${box.getAttribute("aria-live")} ${box.tabIndex}`), "log off 0");
  });
}

async function pauses({ page, check }) {
  await check("lines: a pause holds everything and counts on", async () => {
    await add(page, 1, 5);
    await drawn(page);
    await press(page, " ");
    const before = await rows(page);
    await add(page, 5, 300);
    await drawn(page);
    assert.deepEqual(await rows(page), before);
    assert.equal(await pill(page), "Paused: 295 new lines");
    await until(page, () => { const last = lines.states[lines.states.length - 1]; return last.paused && last.unseen === 295; });
    await press(page, " ");
    assert.deepEqual([await lastInView(page), await pill(page)], ["line 299", null]);
  });
}

async function holdsAMillion({ page, check }) {
  await check("lines: a million are kept and no more", async () => {
    for (let from = 1; from < 1_050_001; from += 50_000) {
      await add(page, from, from + 50_000);
    }
    await drawn(page);
    const { total } = await page.evaluate(() => new Promise((done) => { setTimeout(() => done(lines.states[lines.states.length - 1]), 500); }));
    assert.ok(total <= 1_000_000 && total > 998_000, `${total}`);
    assert.equal(await lastInView(page), "line 1050000");
  });
  await check("lines: any of a million is reached exactly, and rows on from there", async () => {
    for (const number of [1_050_000, 52_000, 600_001, 700_000, 123_456, 999_999]) {
      await page.evaluate((wanted) => { location.hash = `#L${wanted}`; }, number);
      await until(page, (wanted) => document.querySelector(".row.target .number")?.textContent === `${wanted}`, number);
      await drawn(page);
      assert.notEqual(await yOf(page, number), undefined, `${number} is not in view`);
      await assertWhole(page);
      const before = await rows(page);
      await press(page, "ArrowUp");
      const after = await rows(page);
      if (number < 1_049_000) {
        assert.equal(Number(after[0][1]), Number(before[0][1]) - 1, `one up from ${before[0]} is ${after[0]}`);
      }
    }
  });
  await check("lines: a wheel moves by pixels, also where a million rows are higher than browsers can lay out", async () => {
    await page.evaluate(() => { location.hash = "#L500000"; });
    await until(page, () => document.querySelector(".row.target .number")?.textContent === "500000");
    await drawn(page);
    const [before, height] = [await yOf(page, 500_000), (await rows(page))[0][3]];
    await wheel(page, 2 * height);
    const moved = before - await yOf(page, 500_000);
    assert.ok(Math.abs(moved - 2 * height) <= 2 || moved % height === 0, `${moved} px`);
    await assertWhole(page);
  });
  await check("lines: the scroll bar goes to its share of the whole, and to both ends", async () => {
    const shown = async (share) => {
      await page.evaluate((wanted) => { const box = document.querySelector(".lines-box"); box.scrollTop = wanted * (box.scrollHeight - box.clientHeight); }, share);
      await new Promise((done) => { setTimeout(done, 400); });
      await drawn(page);
      await assertWhole(page);
      return Number((await rows(page)).find(([, number]) => number !== "")[1]);
    };
    const first = await page.evaluate(() => 1_050_001 - lines.states[lines.states.length - 1].total);
    for (const share of [0.25, 0.5, 0.75]) {
      const wanted = first + share * (1_050_001 - first);
      assert.ok(Math.abs(await shown(share) - wanted) < 2_000, `${share}: ${await shown(share)} instead of ${wanted}`);
    }
    await page.evaluate(() => { lines.history.first = 1_050_001; });
    await shown(0);
    await press(page, "Home");
    await until(page, () => document.querySelector(".row.edge .text").textContent === "Older lines have left the stream’s history.");
    assert.deepEqual((await inView(page)).slice(0, 2), ["Older lines have left the stream’s history.", `line ${first}`]);
    await shown(1);
    assert.equal(await lastInView(page), "line 1050000");
  });
}

async function wraps({ page, check }) {
  await check("lines: wrapped rows have their heights, at both ends and between", async () => {
    await page.evaluate(() => { lines.history.text = (number) => `${number}: ${"word ".repeat((number * 7) % 90)}`; lines.add(1, 100_001); });
    await drawn(page);
    await press(page, "w");
    await assertWhole(page);
    assert.match(await lastInView(page), /^100000:/);
    const heights = new Set((await rows(page)).map(([, , , height]) => height));
    assert.ok(heights.size > 2, `${[...heights]}`);
    assert.ok(await page.$eval(".lines-box", (box) => box.scrollWidth <= box.clientWidth), "wider than the view");
    for (const number of [50_000, 3, 99_990, 77_777]) {
      await page.evaluate((wanted) => { location.hash = `#L${wanted}`; }, number);
      await until(page, (wanted) => document.querySelector(".row.target .number")?.textContent === `${wanted}`, number);
      await drawn(page);
      assert.notEqual(await yOf(page, number), undefined, `${number} is not in view`);
      await assertWhole(page);
    }
    for (const key of ["PageUp", "PageUp", "PageDown", "ArrowUp"]) {
      await press(page, key);
      await assertWhole(page);
    }
    await press(page, "g");
    await drawn(page);
    assert.match((await inView(page))[1], /^1:/);
    await press(page, "G");
    await assertWhole(page);
    assert.match(await lastInView(page), /^100000:/);
  });
  await check("lines: scrolling up over wrapped rows moves nothing by itself", async () => {
    await wheel(page, -400);
    const [, number, y] = (await rows(page))[5];
    await wheel(page, -120);
    const moved = await yOf(page, number) - y;
    assert.ok(moved >= 60 && moved <= 240, `${moved} px`);
    await page.evaluate(() => lines.add(100_001, 100_050));
    const before = await rows(page);
    await drawn(page);
    assert.deepEqual(await rows(page), before);
  });
  await check("lines: without wrapping, a long line scrolls sideways and is cut, and can be seen whole", async () => {
    await press(page, "w");
    await page.evaluate(() => lines.view.add([{ number: 100_050, id: null, text: "x".repeat(16_384), wall: 0 }]));
    await press(page, "G");
    assert.equal((await lastInView(page)).length, 2_000);
    assert.ok(await page.$eval(".lines-box", (box) => box.scrollWidth > 5 * box.clientWidth));
    assert.equal(await page.$eval(".row .whole", (button) => button.textContent), "… 14,384 more characters");
    await page.$eval(".lines-box", (box) => { box.scrollLeft = 500; });
    await drawn(page);
    assert.equal(await page.$eval(".lines-rows", (layer) => layer.lastChild.querySelector(".number").getBoundingClientRect().left), 0, "numbers scroll away");
    await page.$eval(".row .whole", (button) => button.click());
    await drawn(page);
    assert.equal((await lastInView(page)).length, 16_384);
  });
}

async function fetchesOlder({ page, check }) {
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

async function goesToTheOldest({ page, check }) {
  const oldestHere = () => page.evaluate(() => Math.min(...lines.history.reads.map(([since]) => since)) + 1);
  const fresh = async (newest) => {
    await page.reload();
    await until(page, () => window.lines !== undefined);
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
  await check("lines: who goes elsewhere on the way stays there", async () => {
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

async function searchesOlder({ page, check }) {
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
    await page.reload();
    await until(page, () => window.lines !== undefined);
    await add(page, 99_991, 100_001);
    await press(page, "/");
    await page.keyboard.type("line 777");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector(".row.found .number")?.textContent === "77799");
  });
  await check("lines: Escape ends the way back, and says what was searched; a button goes on", async () => {
    await page.reload();
    await until(page, () => window.lines !== undefined);
    await page.evaluate(() => { lines.history.delay = 150; });
    await add(page, 499_991, 500_001);
    await press(page, "/");
    await search(page, "line 7");
    await until(page, () => /so far/.test(document.querySelector(".lines-search .scope").textContent));
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
    await page.reload();
    await until(page, () => window.lines !== undefined);
    await page.evaluate(() => { lines.history.delay = 150; });
    await add(page, 499_991, 500_001);
    await press(page, "/");
    await search(page, "line 7");
    await until(page, () => /so far/.test(document.querySelector(".lines-search .scope").textContent));
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

async function findsByNumber({ page, check, site }) {
  await check("lines: a link to a line that is older than the page shows it", async () => {
    await page.goto("about:blank");
    await page.goto(`${site.url}#L1234`);
    await until(page, () => window.lines !== undefined);
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
    await until(page, () => window.lines !== undefined);
    await page.evaluate(() => { lines.history.first = 59_000; });
    await add(page, 60_000, 60_100);
    await until(page, () => /has left/.test(document.querySelector(".lines-note").textContent));
    assert.equal(await note(page), "Line 7 has left the stream’s history, which begins with line 59,000.");
  });
}

const count = (page) => page.$eval(".lines-search .count", (element) => element.textContent);
const counted = (page, wanted) => until(page, (text) => document.querySelector(".lines-search .count").textContent === text, wanted);
const marks = (page) => page.$$eval(".row mark", (all) => all.map((element) => element.textContent));
async function search(page, text) {
  await page.focus(".lines-search .pattern");
  await page.$eval(".lines-search .pattern", (field) => field.select());
  await page.keyboard.press("Backspace");
  await page.keyboard.type(text);
}
const toggle = (page, text) => page.evaluate((label) => [...document.querySelectorAll(".lines-search .toggle")].find((button) => button.textContent === label).click(), text);

async function searches({ page, check }) {
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

async function endsHopelessSearches({ page, check }) {
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

async function holdsWhileFiltered({ page, check }) {
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

async function keepsASelection({ page, check }) {
  const select = (from, to) => page.evaluate((...numbers) => {
    const text = (number) => [...document.querySelectorAll(".row.line")].find((row) => row.querySelector(".number").textContent === `${number}`).querySelector(".text").firstChild;
    getSelection().setBaseAndExtent(text(numbers[0]), 0, text(numbers[1]), text(numbers[1]).length);
  }, from, to);
  const copied = () => page.evaluate(() => {
    const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
    document.querySelector(".lines-box").dispatchEvent(event);
    return event.clipboardData.getData("text/plain");
  });
  await check("lines: what is selected stays selected when it is scrolled out of view", async () => {
    await add(page, 1, 20_001);
    await drawn(page);
    await select(19_990, 19_992);
    for (const delta of [-900, -3_000, 600, -9_000]) {
      await wheel(page, delta);
      await assertWhole(page);
      assert.equal(await copied(), "line 19990\nline 19991\nline 19992");
    }
    await press(page, "w");
    await assertWhole(page);
    await press(page, "w");
    assert.equal(await copied(), "line 19990\nline 19991\nline 19992");
  });
  await check("lines: and further away than the page can keep rows, nothing is selected rather than other lines", async () => {
    await press(page, "g");
    assert.deepEqual([await page.evaluate(() => `${getSelection()}`), await lastInView(page) !== "line 20000"], ["", true]);
    assert.ok(await page.evaluate(() => document.querySelectorAll(".row").length) < 200);
  });
}

async function isCopied({ page, check }) {
  const copied = (first, start, last, end) => page.evaluate((...at) => {
    const shown = [...document.querySelectorAll(".row.line .text")];
    const [from, to] = [shown.find((row) => row.textContent.startsWith(at[0])), shown.find((row) => row.textContent.startsWith(at[2]))];
    const range = document.createRange();
    range.setStart(from.firstChild.firstChild ?? from.firstChild, at[1]);
    range.setEnd(to.lastChild.firstChild ?? to.lastChild, at[3]);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const data = new DataTransfer();
    const event = new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true });
    document.querySelector(".lines-box").dispatchEvent(event);
    return [event.defaultPrevented, event.clipboardData.getData("text/plain")];
  }, first, start, last, end);
  await check("lines: a copy has the lines and their ends, and neither numbers nor times", async () => {
    await page.evaluate(() => { lines.history.text = (number) => `line\t${number}${number === 97 ? "  \x1b[1mbold\x1b[0m" : ""}`; lines.add(1, 101); });
    await drawn(page);
    await press(page, "t");
    assert.deepEqual(await copied("line\t95", 2, "line\t98", 6), [true, "ne\t95\nline\t96\nline\t97  bold\nline\t9"]);
  });
  await check("lines: a wrapped line is copied as one", async () => {
    await page.evaluate(() => lines.view.add([{ number: 101, id: null, text: `wrapped ${"word ".repeat(100)}end`, wall: 0 }, { number: 102, id: null, text: "after", wall: 0 }]));
    await press(page, "End");
    await press(page, "w");
    const [, text] = await copied("wrapped", 0, "after", 5);
    assert.equal(text, `wrapped ${"word ".repeat(100)}end\nafter`);
  });
  await check("lines: a copy of all that is shown says how many lines it has", async () => {
    await page.evaluate(() => {
      getSelection().removeAllRanges();
      lines.view.event({ text: "Connection lost", kind: "lost", wall: 0 });
      Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (text) => { window.copied = text; } } });
    });
    await page.click('[data-action="copy"]');
    await until(page, () => /^Copied/.test(document.querySelector(".lines-note").textContent));
    assert.deepEqual([await note(page), await page.evaluate(() => window.copied.split("\n").length)], ["Copied 102 lines.", 103]);
    await copied("wrapped", 0, "after", 5);
  });
  await check("lines: a selection stops the following, and stays", async () => {
    await until(page, () => !lines.states[lines.states.length - 1].following);
    await add(page, 103, 200);
    await drawn(page);
    assert.match(await pill(page), /^97 new lines$/);
    assert.match(await page.evaluate(() => getSelection().toString()), /wrapped word/);
  });
}

async function showsStyles({ page, check }) {
  await check("lines: colours and type are a terminal's, and markup is text", async () => {
    const texts = ["\x1b[31mred\x1b[0m \x1b[1;4mbold\x1b[0m \x1b[38;5;208mo\x1b[0m \x1b[44mground", "after it", "10%\r20%\r\x1b[32m100%\x1b[0m", "<b>no</b> & \0", "نص عربي",
      "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b[7minverse"];
    await page.evaluate((all) => lines.view.add(all.map((text, index) => ({ number: index + 1, id: null, text, wall: 0 }))), texts);
    await drawn(page);
    assert.deepEqual((await inView(page)).slice(1), ["red bold o ground", "after it", "100%", "<b>no</b> & ␀", "نص عربي", "link inverse"]);
    const parts = await page.$$eval(".row .text span", (all) => all.map((element) => [element.textContent, element.className]));
    assert.deepEqual(parts, [["red", "ansi-1"], ["bold", "bold underline"], ["o", "colour"], ["ground", "ground"], ["100%", "ansi-2"], ["inverse", "inverse"]]);
    assert.deepEqual(await page.$$eval(".row .text", (all) => [...new Set(all.map((element) => element.dir))]), ["auto"]);
    assert.equal(await page.$(".row .text b"), null);
    const grounds = await page.$$eval(".row .ground, .row .inverse", (all) => all.map((element) => getComputedStyle(element).backgroundColor));
    assert.ok(grounds.every((colour) => colour !== "rgba(0, 0, 0, 0)"), `${grounds}`);
  });
  await check("lines: a line of ten thousand styles begins with some of them, and is whole when it is asked for", async () => {
    const line = Array.from({ length: 10_000 }, (_, index) => `\x1b[38;5;${index % 256}m${index % 10}`).join("");
    await page.evaluate((text) => lines.view.add([{ number: 7, id: null, text, wall: 0 }]), line);
    await drawn(page);
    const parts = () => page.$$eval(".row:last-child .text > *", (all) => all.length);
    assert.deepEqual([await parts(), await page.$eval(".row:last-child .whole", (button) => button.textContent)], [300, "… 9,700 more characters"]);
    await page.click(".row:last-child .whole");
    await drawn(page);
    assert.deepEqual([await parts(), await page.$eval(".row:last-child .text", (text) => text.textContent.length)], [2_000, 10_000]);
  });
  await check("lines: marks that pile up stay in their line", async () => {
    await page.evaluate(() => lines.view.add([["Z", "\u0301".repeat(40)].join(""), "e\u0301 is one mark"].map((text, index) => ({ number: 8 + index, id: null, text, wall: 0 }))));
    await drawn(page);
    assert.deepEqual(await page.$$eval(".row .text", (all) => all.slice(-2).map((element) => getComputedStyle(element).overflowY)), ["clip", "visible"]);
  });
}

async function listensToKeys({ page, check }) {
  await check("lines: ? lists the keys, and Escape closes the list", async () => {
    await add(page, 1, 300);
    await drawn(page);
    await press(page, "?");
    assert.equal(await page.$eval("dialog", (dialog) => dialog.open), true);
    await press(page, "Escape");
    assert.equal(await page.$eval("dialog", (dialog) => dialog.open), false);
  });
  await check("lines: keys are text in the field, and the browser's with Ctrl", async () => {
    await press(page, "/");
    await page.keyboard.type("w ?tgn");
    assert.equal(await page.$eval(".lines-search .pattern", (field) => field.value), "w ?tgn");
    assert.deepEqual(await page.evaluate(() => [document.querySelector("dialog").open, document.querySelector(".wrapped, .with-times, .paused")]), [false, null]);
    await press(page, "Escape");
    await page.keyboard.down("Control");
    await press(page, " ");
    await page.keyboard.up("Control");
    assert.equal(await page.$(".paused"), null);
  });
  await check("lines: buttons do the same, and tell whether they are pressed", async () => {
    for (const [action, selector] of [["wrap", ".wrapped"], ["times", ".with-times"], ["pause", ".paused"]]) {
      await page.click(`[data-action="${action}"]`);
      await drawn(page);
      assert.notEqual(await page.$(selector), null, action);
      assert.equal(await page.$eval(`[data-action="${action}"]`, (button) => button.getAttribute("aria-pressed")), "true");
      await page.click(`[data-action="${action}"]`);
    }
    const unnamed = await page.$$eval(".lines button:not([hidden])", (all) => all.filter((button) => !(button.getAttribute("aria-label") ?? button.textContent)).length);
    assert.equal(unnamed, 0);
  });
  await check("lines: Space on a button presses it once", async () => {
    await page.focus('[data-action="pause"]');
    await press(page, " ");
    assert.notEqual(await page.$(".paused"), null);
  });
}

async function tellsEvents({ page, check }) {
  await check("lines: events stand between lines and are none; a new stream counts anew", async () => {
    await add(page, 1, 4);
    await page.evaluate(() => lines.view.event({ text: "Connection lost.", kind: "event lost", wall: 0 }));
    await page.evaluate(() => lines.view.reset());
    await add(page, 1, 3);
    await drawn(page);
    assert.deepEqual((await inView(page)).slice(1), ["line 1", "line 2", "line 3", "Connection lost.", "line 1", "line 2"]);
    await until(page, () => document.querySelector(".lines-bar .total").textContent === "5 lines");
    assert.deepEqual(await page.$$eval(".row.line .number", (all) => all.map((link) => link.getAttribute("href"))), [null, null, null, "#L1", "#L2"]);
    await page.evaluate(() => { location.hash = "#L2"; });
    await until(page, () => document.querySelectorAll(".row.target").length === 1);
    assert.equal((await inView(page)).length, 7);
  });
}

const SAMPLE = [
  "\x1b[1m\x1b[32m   Compiling\x1b[0m common v0.2.0 (/work/common)",
  "\x1b[0m\x1b[1m\x1b[33mwarning\x1b[0m\x1b[0m\x1b[1m: unused variable: `peer`\x1b[0m",
  "\x1b[0m  \x1b[0m\x1b[0m\x1b[1m\x1b[38;5;12m--> \x1b[0m\x1b[0mws-server/src/peers.rs:41:9\x1b[0m",
  "\x1b[33m* \x1b[33m6b5f43e\x1b[m\x1b[33m (\x1b[1;36mHEAD\x1b[m\x1b[33m -> \x1b[1;32mmain\x1b[m\x1b[33m)\x1b[m Show lines as a terminal would",
  "\x1b[31m|\x1b[m\x1b[32m\\\x1b[m  a graph",
  "drwxr-xr-x 2 root root 4096 Nov 26 03:02 \x1b[0m\x1b[01;34mtarget\x1b[0m  \x1b[01;32mrun\x1b[0m  \x1b[01;36mlink\x1b[0m  \x1b[30;42mtmp\x1b[0m",
  " 7  0      0 2945832 151068 20138732    0    0  1127  5316  759 2318 45 14 41  0  0",
  "Nov 26 03:02:12 host systemd[1]: \x1b[0;1;39mStarted\x1b[0m ws-server.service – the stream, in every dialect.",
  "Nov 26 03:02:13 host ws-server[812]: \x1b[0;1;31mNo space left on device\x1b[0m",
  "日本語の行  |  نص عربي  |  🦀 crab",
];

/** Screenshots at three widths, light and dark: nothing is wider than the screen, and lines begin above the fold. */
async function fitScreens({ name, browser, check, screenshots, site }) {
  for (const scheme of ["light", "dark"]) {
    const dark = name === "firefox" && scheme === "dark" ? await launch(name, scheme) : null;
    const page = await (dark ?? browser).newPage();
    if (name === "chromium") {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    }
    await page.goto(site.url);
    await until(page, () => window.lines !== undefined);
    await page.evaluate((sample) => { lines.history.text = (number) => sample[number % sample.length]; lines.add(41_000, 41_100); }, SAMPLE);
    await page.evaluate(() => lines.view.event({ text: "12 messages missed.", kind: "event", wall: Date.now() }));
    await page.evaluate(() => lines.add(41_112, 41_120));
    for (const [width, height] of [[360, 780], [1280, 860], [1920, 1080]]) {
      await check(`lines: the view fits ${width} px, ${scheme}`, async () => {
        await page.setViewport({ width, height });
        await drawn(page);
        await page.screenshot({ path: join(screenshots, `lines-${name}-${width}-${scheme}.png`) });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the screen");
        assert.ok(await page.evaluate(() => document.querySelector(".lines-box").getBoundingClientRect().top < innerHeight / 4), "the lines begin too low");
        assert.ok(await page.$$eval(".lines-bar button", (all) => all.every((button) => button.getBoundingClientRect().right <= innerWidth)), "a button is out of the screen");
        await assertWhole(page);
      });
    }
    await page.close();
    await dark?.close();
  }
}
