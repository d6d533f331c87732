// The page in real browsers, against the real daemons and `datecast`: `node run.mjs [BROWSER | SCENARIO]…`, as in `node run.mjs firefox showsLines`; without names, all.
// Without the name of a browser each runs in a process of its own, at the same time.
// Prints one line a check, and `NOT RUN: reason` for a browser that is not there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { binaries, mustBeBuilt } from "./binaries.mjs";
import { BROWSERS, launch, watchConsole } from "./browsers.mjs";
import { stopAll } from "./daemons.mjs";
import { readsAsOld } from "./es3.mjs";
import { movesBetweenMachines } from "./given.mjs";
import { inAnOldEngine } from "./ie6/scenarios.mjs";
import { linesAlone } from "./lines-scenarios.mjs";
import { clockLooksRight, linesLookRight } from "./looks.mjs";
import { choosesViews, readsOlder, resumesLines, runsACommand, showsLines, takesARush, tellsTheEnd, waitsForTheFirstLine, worksInASubPath } from "./one_port.mjs";
import { brokenModules, plainList } from "./plain.mjs";
import { keepsToItself } from "./private.mjs";
import { datesArrive, fallsBack, resumesByNumber, showsTextAsText, tellsGaps } from "./scenarios.mjs";
import { Tally } from "./tally.mjs";
import { asksBehindAProxy, asksForAToken, asksNothingWithoutNeed, plainListAsks, remembersWithoutStorage, sendsNoReferrer, takesARushWithAToken, takesATokenFromALink, tokenFormLooksRight,
  tokensAcrossOrigins } from "./tokens.mjs";
import { eachWay, withoutScripts } from "./ways.mjs";

const given = { ...binaries, screenshots: fileURLToPath(new URL("../out/screenshots", import.meta.url)) };
const SCENARIOS = [datesArrive, resumesByNumber, tellsGaps, fallsBack, showsTextAsText, showsLines, takesARush, tellsTheEnd, waitsForTheFirstLine, choosesViews, readsOlder, resumesLines, movesBetweenMachines,
  worksInASubPath, runsACommand, keepsToItself, asksForAToken, takesATokenFromALink, remembersWithoutStorage, sendsNoReferrer, tokensAcrossOrigins, asksBehindAProxy, asksNothingWithoutNeed, takesARushWithAToken,
  plainListAsks, tokenFormLooksRight, plainList, brokenModules, eachWay, withoutScripts, clockLooksRight, linesLookRight, linesAlone];
const named = process.argv.slice(2);
/** Those of `all` that were named on the command line; all, if none was. */
const chosen = (all) => (all.some((name) => named.includes(name)) ? all.filter((name) => named.includes(name)) : all);
const tally = new Tally();

async function runIn(name) {
  const check = tally.checker(name);
  const browser = await launch(name);
  try {
    const wanted = chosen(SCENARIOS.map((scenario) => scenario.name));
    for (const scenario of SCENARIOS.filter((each) => wanted.includes(each.name))) {
      const page = await browser.newPage();
      await scenario({ name, browser, page, check, binaries: given, console: watchConsole(page) });
      await page.close();
    }
  } finally {
    await browser.close();
  }
}

/** The scenarios in one browser, beside those in the others: they wait more than they compute. The process prints its checks itself. */
async function inAProcess(name) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name, ...named], { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) {
    tally.fail(`${name}: see its checks`);
  }
}

mkdirSync(given.screenshots, { recursive: true });
const unknown = named.filter((name) => !(name in BROWSERS) && !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.log(`not ok: there is no ${unknown.join(" and no ")}; there are ${[...Object.keys(BROWSERS), ...SCENARIOS.map((scenario) => scenario.name)].join(", ")}`);
  process.exit(1);
}
mustBeBuilt();
const browsers = Object.keys(BROWSERS).filter((name) => named.includes(name));
if (browsers.length === 0) {
  await readsAsOld(tally.checker("no browser"));
  await inAnOldEngine(tally.checker("no browser"), given);
  await stopAll();
  await Promise.all(Object.keys(BROWSERS).map(inAProcess));
}
for (const name of browsers) {
  const { executablePath } = BROWSERS[name];
  if (!existsSync(executablePath)) {
    tally.skip(name, `there is no ${executablePath}`, 1);
    continue;
  }
  try {
    await runIn(name);
  } catch (error) {
    tally.fail(`${name}: ${error.stack}`);
  } finally {
    await stopAll();
  }
}
tally.end();
