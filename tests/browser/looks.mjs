// How the page looks: a phone, a laptop, a desk and a wall; light and dark; the clock and the lines. The pictures are in tests/out/screenshots.

import assert from "node:assert/strict";
import { join } from "node:path";
import { inBothSchemes } from "./browsers.mjs";
import { PATIENCE, atLeast, front, pageServer, showsLine, streamServer } from "./common.mjs";
import { comeAndGo, stop } from "./daemons.mjs";

const SIZES = [[360, 780], [1280, 860], [1920, 1080]];
/** Some of what programs write: colours, a table whose columns stand under each other, a line that is longer than any screen. */
const LINES = [
  "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----",
  " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st",
  " 2  0      0 3063772 184908 20542892    0    0  1137  5245  762 2315 44 14 42  0  0",
  "\u001b[1;32m   Compiling\u001b[0m datecast v0.2.0",
  "\u001b[1;33mwarning\u001b[0m\u001b[1m: unused variable: `line`\u001b[0m",
  "\u001b[1;31merror[E0308]\u001b[0m\u001b[1m: mismatched types\u001b[0m",
  "\u001b[2m12:00:01.204\u001b[0m \u001b[32mINFO\u001b[0m  worker \u001b[36m3\u001b[0m: GET /items/37 \u001b[38;5;208m200\u001b[0m in \u001b[38;2;200;120;255m4.2 ms\u001b[0m",
  "\u001b[7m inverse \u001b[0m \u001b[4munderlined\u001b[0m \u001b[3mitalic\u001b[0m",
  `a long line ${"that goes on ".repeat(40)}`,
  "שורה מימין לשמאל",
];

/** Settles the page at this size, takes a picture, and checks what is true of each view. */
async function look(page, { name, binaries }, view, scheme, [width, height], fullPage) {
  await page.setViewport({ width, height });
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  await page.evaluate(() => Promise.all(document.getAnimations().filter(({ effect }) => effect.getTiming().iterations === 1).map(({ finished }) => finished)));
  await page.screenshot({ path: join(binaries.screenshots, `${name}-${view}-${width}-${scheme}.png`), fullPage });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the screen");
  assert.equal(await page.evaluate((wanted) => matchMedia(`(prefers-color-scheme: ${wanted})`).matches, scheme), true);
}

export async function clockLooksRight({ name, browser, check, binaries }) {
  const ws = await streamServer(binaries, []);
  const site = await pageServer(binaries, ws.port);
  await inBothSchemes({ name, browser }, async (page, scheme) => {
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await atLeast(page, "message", 5);
    await comeAndGo(ws.port);
    await atLeast(page, "message", 8);
    for (const size of [...SIZES, [3840, 2160]]) {
      await check(`the clock fits ${size[0]} px, ${scheme}`, async () => {
        await look(page, { name, binaries }, "clock", scheme, size, size[0] === 360);
        assert.ok(await page.evaluate(() => {
          const face = document.querySelector(".current .face");
          return face.scrollWidth <= face.clientWidth && face.offsetHeight < 1.5 * parseFloat(getComputedStyle(face).fontSize);
        }), "the clock face is not on one line within its card");
      });
    }
  });
  await Promise.all([stop(ws.child), stop(site.child)]);
}

export async function linesLookRight({ name, browser, check, binaries }) {
  const server = await front(binaries);
  for (let round = 0; round < 12; round += 1) {
    server.child.stdin.write(`${LINES.join("\n")}\n`);
  }
  await inBothSchemes({ name, browser }, async (page, scheme) => {
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await showsLine(page, LINES.at(-1));
    for (const size of SIZES) {
      await check(`the lines fit ${size[0]} px, ${scheme}`, async () => {
        await look(page, { name, binaries }, "lines", scheme, size, false);
        const { top, bottom, width, scrolls } = await page.evaluate(() => {
          const box = document.querySelector(".lines-box");
          return { ...box.getBoundingClientRect().toJSON(), scrolls: document.documentElement.scrollHeight > innerHeight };
        });
        assert.ok(top <= 100 && width === size[0], `the lines begin at ${top} and are ${width} wide`);
        assert.ok(Math.abs(bottom - size[1]) <= 1 && !scrolls, `they end at ${bottom} of ${size[1]}`);
      });
    }
    await check(`a phone shows the newest line at its bottom, ${scheme}`, async () => {
      await page.setViewport({ width: 360, height: 780 });
      await page.waitForFunction((text) => {
        const last = [...document.querySelectorAll(".lines-rows .row.line")].at(-1);
        return last.textContent.includes(text) && last.getBoundingClientRect().bottom <= innerHeight + 1;
      }, PATIENCE, LINES.at(-1));
    });
  });
  await stop(server.child);
}
