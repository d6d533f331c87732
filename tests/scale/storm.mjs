// node tests/scale/storm.mjs [--machines 3] [--lost 1] [--clients 10000] [--death stopped|killed|silent] [--found MS] [--door plain|tls]
//                            [--places N] [--backlog N] [--seed 1] [--jitter own|none|whole|later|wide]
//
// One storm of reconnecting clients, in virtual time: each is the real datecast.js. Without an option: the tables of docs/scale.md, which
// `RECORD=1` writes there.

import { parseArgs } from "node:util";
import { record } from "./record.mjs";
import { goneTable, jitterTable, queueTable, storm } from "./storm/tables.mjs";

const TEXTS = ["death", "door", "jitter"];
const NUMBERS = ["machines", "lost", "clients", "found", "places", "backlog", "seed"];
const options = Object.fromEntries([...TEXTS, ...NUMBERS].map((name) => [name, { type: "string" }]));
const { jitter, ...chosen } = parseArgs({ options }).values;

if (process.argv.length > 2) {
  const entries = Object.entries(chosen).map(([name, value]) => [name, NUMBERS.includes(name) ? Number(value) : value]);
  for (const [name, value] of Object.entries(storm(Object.fromEntries(entries), jitter))) {
    console.log(`${name.padEnd(12)} ${Number(value.toFixed(3))}`);
  }
} else {
  record("storm", goneTable());
  record("jitter", jitterTable());
  record("queue", queueTable());
}
