// The view of lines alone on a page of its own, as a test moves it and sees it.

import assert from "node:assert/strict";
import { PATIENCE } from "./common.mjs";

/** Three frames later all that was asked for is drawn. */
export const drawn = (page) => page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))); }));
export const add = (page, from, to) => page.evaluate((first, end) => lines.add(first, end), from, to);
export const press = async (page, key) => { await page.keyboard.press(key); await drawn(page); };
export const until = (page, body, ...args) => page.waitForFunction(body, PATIENCE, ...args);
export const state = (page) => page.evaluate(() => lines.states[lines.states.length - 1]);
export const pill = (page) => page.$eval(".lines-pill", (element) => (element.hidden ? null : element.textContent));
export const total = (page) => page.$eval(".lines-bar .total", (element) => element.textContent);
export const totals = (page, wanted) => until(page, (text) => document.querySelector(".lines-bar .total").textContent === text, wanted);
export const note = (page) => page.$eval(".lines-note", (element) => (element.hidden ? null : element.textContent));

/** The rows in view: `[text, number, y, height]` each, those that are cut by an edge too. */
export const rows = (page) => page.evaluate(() => {
  const box = document.querySelector(".lines-box").getBoundingClientRect();
  return [...document.querySelectorAll(".lines-rows .row")].map((row) => [row, row.getBoundingClientRect()])
    .filter(([, { top, bottom }]) => bottom > box.top + 1 && top < box.top + document.querySelector(".lines-box").clientHeight - 1)
    .map(([row, { top, height }]) => [row.querySelector(".text").textContent, row.querySelector(".number").textContent, Math.round(top - box.top), height]);
});
export const inView = async (page) => (await rows(page)).map(([text]) => text);
export const lastInView = async (page) => (await inView(page)).pop();
export const yOf = async (page, number) => (await rows(page)).find(([, shown]) => shown === `${number}`)?.[2];

/** Rows follow each other without a hole, and fill the view from its top to its bottom; of a row that shows one pixel at an edge `rows` tells nothing. */
export async function assertWhole(page) {
  const seen = await rows(page);
  const height = await page.$eval(".lines-box", (box) => box.clientHeight);
  assert.ok(seen[0][2] <= 1, `a hole of ${seen[0][2]} px above`);
  for (const [index, row] of seen.slice(1).entries()) {
    assert.ok(Math.abs(seen[index][2] + seen[index][3] - row[2]) <= 1, `${seen[index]} and then ${row}`);
  }
  const last = seen[seen.length - 1];
  assert.ok(last[2] + last[3] >= height - 1, `a hole of ${height - last[2] - last[3]} px below`);
}

export async function wheel(page, deltaY) {
  await page.mouse.move(500, 400);
  await page.mouse.wheel({ deltaY });
  await new Promise((done) => { setTimeout(done, 400); });
  await drawn(page);
}

/** Waits until the page is there. */
export const loaded = (page) => until(page, () => window.lines !== undefined);

/** Loads the page anew: it has forgotten its lines and its history. */
export async function reload(page) {
  await page.reload();
  await loaded(page);
}
