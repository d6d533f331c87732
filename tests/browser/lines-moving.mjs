// Following, a pause, a million lines and wrapped rows: which rows are in view, and where they stand.

import assert from "node:assert/strict";
import { add, assertWhole, drawn, inView, lastInView, pill, press, rows, state, until, wheel, yOf } from "./lines-page.mjs";

export async function follows({ page, check }) {
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

export async function pauses({ page, check }) {
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

export async function holdsAMillion({ page, check }) {
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

export async function wraps({ page, check }) {
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
