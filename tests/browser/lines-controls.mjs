// Keys and buttons.

import assert from "node:assert/strict";
import { add, drawn, press } from "./lines-page.mjs";

export async function listensToKeys({ page, check }) {
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
