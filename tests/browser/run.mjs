// The page in real browsers, against the real daemons and `datecast`: `node run.mjs [BROWSER | SCENARIO]…`, as in `node run.mjs firefox showsLines`; without names, all.
// Prints one line a check, and `NOT RUN: reason` for a browser that is not there.

import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BROWSERS, launch, watchConsole } from "./browsers.mjs";
import { stopAll } from "./daemons.mjs";
import { readsAsOld } from "./es3.mjs";
import { inAnOldEngine } from "./ie6/scenarios.mjs";
import { linesAlone } from "./lines-scenarios.mjs";
import { clockLooksRight, linesLookRight } from "./looks.mjs";
import { choosesViews, readsOlder, resumesLines, runsACommand, showsLines, takesARush, tellsTheEnd, waitsForTheFirstLine, worksInASubPath } from "./one_port.mjs";
import { brokenModules, plainList } from "./plain.mjs";
import { keepsToItself } from "./private.mjs";
import { datesArrive, fallsBack, resumesByNumber, showsTextAsText, tellsGaps } from "./scenarios.mjs";
import { asksBehindAProxy, asksForAToken, asksNothingWithoutNeed, plainListAsks, remembersWithoutStorage, sendsNoReferrer, takesARushWithAToken, takesATokenFromALink, tokenFormLooksRight,
  tokensAcrossOrigins } from "./tokens.mjs";
import { eachWay, withoutScripts } from "./ways.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = resolve(here("../.."), process.env.CARGO_TARGET_DIR ?? "target", "debug");
const binaries = {
  staticServer: process.env.STATIC_SERVER ?? `${built}/static-server`,
  wsServer: process.env.WS_SERVER ?? `${built}/ws-server`,
  datecast: process.env.DATECAST ?? `${built}/datecast`,
  screenshots: here("../out/screenshots"),
};
const SCENARIOS = [datesArrive, resumesByNumber, tellsGaps, fallsBack, showsTextAsText, showsLines, takesARush, tellsTheEnd, waitsForTheFirstLine, choosesViews, readsOlder, resumesLines,
  worksInASubPath, runsACommand, keepsToItself, asksForAToken, takesATokenFromALink, remembersWithoutStorage, sendsNoReferrer, tokensAcrossOrigins, asksBehindAProxy, asksNothingWithoutNeed, takesARushWithAToken,
  plainListAsks, tokenFormLooksRight, plainList, brokenModules, eachWay, withoutScripts, clockLooksRight, linesLookRight, linesAlone];
const named = process.argv.slice(2);
/** Those of `all` that were named on the command line; all, if none was. */
const chosen = (all) => (all.some((name) => named.includes(name)) ? all.filter((name) => named.includes(name)) : all);
const totals = { ok: 0, failed: 0, notRun: 0 };

function notRun(reason) {
  totals.notRun += 1;
  console.log(`NOT RUN: ${reason}`);
}

/** One check: a name and what must hold; a thrown error is the reason why it does not. */
function checker(browser) {
  return async (name, body) => {
    try {
      await body();
      totals.ok += 1;
      console.log(`ok ${browser}: ${name}`);
    } catch (error) {
      totals.failed += 1;
      console.log(`not ok ${browser}: ${name}: ${error.message.replaceAll("\n", " ")}`);
    }
  };
}

async function runIn(name) {
  const check = checker(name);
  const browser = await launch(name);
  try {
    const wanted = chosen(SCENARIOS.map((scenario) => scenario.name));
    for (const scenario of SCENARIOS.filter((each) => wanted.includes(each.name))) {
      const page = await browser.newPage();
      await scenario({ name, browser, page, check, binaries, console: watchConsole(page) });
      await page.close();
    }
  } finally {
    await browser.close();
  }
}

mkdirSync(binaries.screenshots, { recursive: true });
const unknown = named.filter((name) => !(name in BROWSERS) && !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.log(`not ok: there is no ${unknown.join(" and no ")}; there are ${[...Object.keys(BROWSERS), ...SCENARIOS.map((scenario) => scenario.name)].join(", ")}`);
  process.exit(1);
}
const missing = [binaries.staticServer, binaries.wsServer, binaries.datecast].filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.log(`not ok: no ${missing.join(" and no ")}: build the workspace first`);
  process.exit(1);
}
await readsAsOld(checker("no browser"));
await inAnOldEngine(checker("no browser"), binaries);
await stopAll();
for (const name of chosen(Object.keys(BROWSERS))) {
  const { executablePath } = BROWSERS[name];
  if (!existsSync(executablePath)) {
    notRun(`${name}: there is no ${executablePath}`);
    continue;
  }
  try {
    await runIn(name);
  } catch (error) {
    totals.failed += 1;
    console.log(`not ok ${name}: ${error.stack}`);
  } finally {
    await stopAll();
  }
}
console.log(`browsers: ${totals.ok} ok, ${totals.failed} not ok, ${totals.notRun} NOT RUN`);
process.exit(totals.failed === 0 ? 0 : 1);
