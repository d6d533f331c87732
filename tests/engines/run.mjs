// The page in engines of the last fifteen years, against the real daemons: `node run.mjs [ENGINE...]`, two engines at a time.
// Prints one line a check, and `NOT RUN` with the reason for an engine that is not there. Compares with docs/browsers.md, which it
// writes with RECORD=1.

import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { binaries, mustBeBuilt } from "../browser/binaries.mjs";
import { stopAll } from "../browser/daemons.mjs";
import { Tally } from "../browser/tally.mjs";
import { ENGINES, prepare } from "./engines.mjs";
import { OPENINGS } from "./openings.mjs";
import { replays } from "./replay.mjs";
import { dates, documents, leads, lines, ways } from "./scenarios.mjs";
import { record, recorded } from "./table.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here("../out/engines");
const RECORD = process.env.RECORD === "1";
const SIDE_BY_SIDE = 2;
const tally = new Tally();
const found = { tried: [], replayed: [] };
const picture = ({ name, dump }) => `${out}/${name}.${dump ? "txt" : "png"}`;

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
    tally.skip(engine.name, missing, checks.length);
    return;
  }
  const result = { engine };
  let good = true;
  for (const [index, [name, body]] of checks.entries()) {
    const place = { engine, binaries, home: `${out}/${engine.name}/${index}`, picture: picture(engine) };
    good = await tally.check(engine.name, name, () => body(place, result)) && good;
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

mustBeBuilt();
await prepare();
const wanted = process.argv.slice(2);
const queue = ENGINES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
queue.forEach(({ name }) => rmSync(`${out}/${name}`, { recursive: true, force: true }));
mkdirSync(out, { recursive: true });
if (wanted.length === 0 || wanted.includes("replayed")) {
  found.replayed = await replays(tally.checker("replayed"), binaries);
}
await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => work(queue)));
await stopAll();
if (RECORD) {
  record({ engines: ENGINES, openings: OPENINGS, pictures: picture, ...found });
}
tally.end();
