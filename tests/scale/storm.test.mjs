// The simulation of docs/scale.md: what must hold of a storm, and that the document says what the program prints.

import assert from "node:assert/strict";
import { test } from "node:test";
import { recorded } from "./record.mjs";
import { goneTable, storm } from "./storm/tables.mjs";

const SMALL = { clients: 1000 };

test("everyone is back after a machine that was killed, and nobody before the client's first wait", () => {
  const { wanted, back, half, all } = storm(SMALL);
  assert.equal(back, wanted);
  assert.ok(half >= 0.25 && all <= 0.25 + 0.25 + 4 * 0.06, `${half} ${all}`);
});

test("the same seed gives the same storm, another one another", () => {
  assert.deepEqual(storm({ ...SMALL, found: 6000 }), storm({ ...SMALL, found: 6000 }));
  assert.notDeepEqual(storm({ ...SMALL, found: 6000 }), storm({ ...SMALL, found: 6000, seed: 2 }));
});

test("the silence of a machine is noticed when the client's patience is over", () => {
  const { half } = storm({ ...SMALL, death: "silent" });
  assert.ok(half > 37.5 && half < 38.5, `${half}`);
});

test("a region of three that goes is as hard on the others as a machine of three", () => {
  const door = "tls";
  const [machine, region] = [storm({ clients: 2000, door }), storm({ clients: 2000, machines: 12, lost: 4, door })];
  assert.equal(region.wanted, 4 * machine.wanted);
  assert.ok(Math.abs(region.most - machine.most) < 0.2 * machine.most, `${region.most} ${machine.most}`);
});

test("a rotation that keeps the dead machine costs the clients that are sent there their backoff", () => {
  const [quick, late] = [storm(SMALL), storm({ ...SMALL, found: 6000 })];
  assert.ok(late.all > 6 && late.all < 25 && late.attempts > 1.2 && quick.attempts === 1, `${late.all} ${late.attempts}`);
});

test("without jitter all come at the same moment, and the queue is longer", () => {
  const [own, none] = [storm({ clients: 4000 }), storm({ clients: 4000 }, "none")];
  assert.ok(none.longestWait > own.longestWait, `${none.longestWait} ${own.longestWait}`);
});

test("a queue that is full drops connections, whose kernels try again: no client is lost", () => {
  const { dropped, back, wanted } = storm({ clients: 20_000, door: "tls" });
  assert.ok(dropped > 0);
  assert.equal(back, wanted);
});

test("clients for which the others have no place ask again no sooner than Retry-After says, for ever", () => {
  const { all, back, refused } = storm({ clients: 300, places: 400 });
  assert.equal(all, Infinity);
  assert.equal(back, 200);
  // 100 clients, 600 seconds, at least 5 between two tries of two requests each.
  assert.ok(refused > 100 * 100 && refused < 100 * (600 / 5) * 2 + 200, `${refused}`);
});

test("docs/scale.md has what the simulation says of a machine that is killed", () => {
  const rows = goneTable([3, 30, 300], ["killed"]).split("\n");
  for (const row of rows) {
    assert.ok(recorded("storm").split("\n").includes(row), `docs/scale.md lacks ${row}: RECORD=1 node tests/scale/storm.mjs`);
  }
});
