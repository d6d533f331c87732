// datecast.js through thousands of schedules of faults: every message once and in order, or a gap that is told; and it gets current again.
//
// A failure names its seed: `DATECAST_SEED=17 node --test client/tests/schedules.test.mjs` runs that one alone, and prints what happened.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compile, runSchedule } from "./schedule.mjs";

const SCHEDULES = 10_000;
const MOST_FOR_A_BUG = 3_000;
const text = readFileSync(new URL("../datecast.js", import.meta.url), "utf8");
const only = process.env.DATECAST_SEED;

test("in every schedule of faults each message comes once and in order, or a gap is told", () => {
  const script = compile(text);
  const seeds = only === undefined ? Array.from({ length: SCHEDULES }, (_, index) => index + 1) : [Number(only)];
  let messages = 0;
  for (const seed of seeds) {
    const { problems, trace, messages: heard } = runSchedule(seed, script, only !== undefined);
    messages += heard;
    if (only !== undefined) {
      console.log(trace.join("\n"));
    }
    assert.deepEqual(problems, [], `DATECAST_SEED=${seed} replays it`);
  }
  assert.ok(messages > 10 * seeds.length, `only ${messages} messages`);
});

/** One at a time: what it breaks, and how. */
const BUGS = [
  ["a message that came before comes again", "if (number <= seen[parts[1]]) return;", ""],
  ["numbers are compared as text", "100 + parts[2].length + parts[2]", "parts[2]"],
  ["the newest id is not kept", "stream.last = id;", ""],
  ["a connection with a gap counts as resumed", "resume = 0;", ""],
  ["a gap is told again", "if (told != number) call", "call"],
  ["events of an attempt that is over count", "if (mine == turn) then(e);", "then(e);"],
  ["the old connection stays", "try { end(); } catch (e) {}", ""],
  ["silence is not noticed", "deadline = heardAt + patience;", "deadline = Infinity;"],
  ["an opening may take for ever", "until(now() + 1e4);\n    say", "until(Infinity);\n    say"],
  ["what comes online asks too early", "until(earliest)", "until(0)"],
  ["Retry-After is not read", "(least || 0)", "0"],
  ["a half line is lost", "rest = lines.pop();", "lines.pop();"],
  ["a poll goes on behind a callback that connects", "if (!takeAll(list)) return;", "takeAll(list);"],
  ["lines go on behind a callback that connects", "if (m && mine == turn) take(m);", "if (m) take(m);"],
  ["a message follows a callback that closes", "if (mine != turn) return;", ""],
  ["a page that is put away goes on", "      stop();\n      away = 1;", "      away = 1;"],
  ["a page that comes back does not", "if (away) open();", ""],
  ["half a character is a character", "decode(e.value, { stream: true })", "decode(e.value)"],
  ["no other way is tried", "current = (current + 1) % names.length", "current = 0"],
  ["what once worked is tried for ever", "++tries > 9", "0"],
  ["an error of a callback goes on", "setTimeout(function () { throw e; }, 0);", "throw e;"],
  ["a page that is closed still listens", 'listen("removeEventListener");', ""],
  ["a resumption is told behind the message", 'if (after) call("onresume", { after: after });', ""],
  ["the answer to an error counts as a stream", "good(request.status, header)", "true"],
  ["the token is told", "e.name", "e.message"],
  ["nothing is asked after a poll", "setTimeout(live(function () { ways", "(live(function () { ways"],
];

test("the schedules notice each bug that is planted", { skip: only !== undefined }, () => {
  for (const [name, right, wrong] of BUGS) {
    assert.equal(text.split(right).length, 2, `${name}: ${right}`);
    const script = compile(text.replace(right, wrong));
    let seed = 1;
    while (seed <= MOST_FOR_A_BUG && runSchedule(seed, script).problems.length === 0) {
      seed += 1;
    }
    assert.ok(seed <= MOST_FOR_A_BUG, `no schedule notices: ${name}`);
  }
});
