// What rows show, and what of it a reader can select and copy.

import assert from "node:assert/strict";
import { add, assertWhole, drawn, inView, lastInView, note, pill, press, until, wheel } from "./lines-page.mjs";

export async function showsStyles({ page, check }) {
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

export async function tellsEvents({ page, check }) {
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

export async function isCopied({ page, check }) {
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

export async function keepsASelection({ page, check }) {
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
