// The page in engines of the last fifteen years, against the real daemons: `node run.mjs [ENGINE...]`, two engines at a time.
// Prints one line a check, and `NOT RUN` with the reason for an engine that is not there. Compares with docs/browsers.md, which it
// writes with RECORD=1.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stopAll } from "../browser/daemons.mjs";
import { ENGINES, prepare } from "./engines.mjs";
import { OPENINGS } from "./openings.mjs";
import { replays } from "./replay.mjs";
import { dates, documents, leads, lines, ways } from "./scenarios.mjs";
import { record, recorded } from "./table.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = resolve(here("../.."), process.env.CARGO_TARGET_DIR ?? "target", "debug");
const binaries = { staticServer: `${built}/static-server`, wsServer: `${built}/ws-server`, datecast: `${built}/datecast` };
const out = here("../out/engines");
const RECORD = process.env.RECORD === "1";
const SIDE_BY_SIDE = 2;
const totals = { ok: 0, failed: 0, notRun: 0 };
const found = { tried: [], replayed: [] };
const picture = ({ name, dump }) => `${out}/${name}.${dump ? "txt" : "png"}`;

/** Runs one check and prints how it went; gives whether it passed. */
async function check(engine, name, body) {
  const began = Date.now();
  try {
    await body();
    totals.ok += 1;
    console.log(`ok ${engine.name}: ${name} (${Math.round((Date.now() - began) / 1000)} s)`);
    return true;
  } catch (error) {
    totals.failed += 1;
    console.log(`not ok ${engine.name}: ${name}: ${error.message.replaceAll("\n", " ")}`);
    return false;
  }
}

/** Each way by itself: those that the document says work; with RECORD=1 those that do. */
async function everyWay(place, result) {
  const before = recorded(place.engine);
  assert.ok(RECORD || before !== null, "docs/browsers.md does not have this engine: RECORD=1");
  result.ways = await ways(place, RECORD ? null : before);
}

function checksOf(engine) {
  if (engine.document) {
    return [["the page says that scripts are off, and leads to the HTML document", leads], ["dates arrive in the HTML document", documents]];
  }
  // Of some we see a window, and no text.
  return engine.blind ? [["dates arrive at the page's script", dates]] : [["dates arrive in the page, which names how", dates], ["lines arrive once and in order, also when the connection breaks", lines], ["every way that is recorded works by itself", everyWay]];
}

async function tryEngine(engine) {
  const checks = checksOf(engine);
  const missing = engine.missing();
  if (missing !== null) {
    totals.notRun += checks.length;
    console.log(`NOT RUN ${engine.name}: ${missing} (${checks.length} checks)`);
    return;
  }
  const result = { engine };
  let good = true;
  for (const [index, [name, body]] of checks.entries()) {
    const place = { engine, binaries, home: `${out}/${engine.name}/${index}`, picture: picture(engine) };
    good = await check(engine, name, () => body(place, result)) && good;
  }
  if (good) {
    found.tried.push(result);
  }
}

async function work(queue) {
  for (let engine = queue.shift(); engine !== undefined; engine = queue.shift()) {
    await tryEngine(engine);
  }
}

const missing = Object.values(binaries).filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.log(`not ok: no ${missing.join(" and no ")}: build the workspace first`);
  process.exit(1);
}
await prepare();
const wanted = process.argv.slice(2);
const queue = ENGINES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
queue.forEach(({ name }) => rmSync(`${out}/${name}`, { recursive: true, force: true }));
mkdirSync(out, { recursive: true });
if (wanted.length === 0 || wanted.includes("replayed")) {
  found.replayed = await replays(check, binaries);
}
await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => work(queue)));
await stopAll();
if (RECORD) {
  record({ engines: ENGINES, openings: OPENINGS, pictures: picture, ...found });
}
console.log(`${totals.ok} passed, ${totals.failed} failed, ${totals.notRun} not run`);
process.exit(totals.failed === 0 ? 0 : 1);
