// What the view of lines must do, alone on a page of its own: with no server around it, a test decides what arrives and what the history has.

import assert from "node:assert/strict";
import { join } from "node:path";
import { inBothSchemes, watchConsole } from "./browsers.mjs";
import { listensToKeys } from "./lines-controls.mjs";
import { follows, pauses, holdsAMillion, wraps } from "./lines-moving.mjs";
import { fetchesOlder, goesToTheOldest, findsByNumber } from "./lines-older.mjs";
import { assertWhole, drawn, loaded } from "./lines-page.mjs";
import { searches, searchesOlder, endsHopelessSearches, holdsWhileFiltered } from "./lines-searching.mjs";
import { serveLines } from "./lines-site.mjs";
import { showsStyles, tellsEvents, isCopied, keepsASelection } from "./lines-text.mjs";

const VIEW = { width: 1000, height: 640 };
const SCENARIOS = [follows, pauses, holdsAMillion, wraps, fetchesOlder, goesToTheOldest, findsByNumber, searches,
  searchesOlder, endsHopelessSearches, holdsWhileFiltered, isCopied, keepsASelection, showsStyles, listensToKeys, tellsEvents];

async function open(browser, site) {
  const page = await browser.newPage();
  const errors = watchConsole(page);
  await page.setViewport(VIEW);
  await page.goto(site.url);
  await loaded(page);
  return { page, errors };
}

/** Runs every scenario of the view in `browser`. */
export async function linesAlone({ name, browser, check, binaries }) {
  const site = await serveLines();
  try {
    for (const scenario of SCENARIOS) {
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
  await inBothSchemes({ name, browser }, async (page, scheme) => {
    await page.goto(site.url);
    await loaded(page);
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
  });
}
