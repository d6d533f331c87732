// Tabs that share one connection, over stand-ins for Web Locks, BroadcastChannel, the stream and its polls: first by name, then in seeded schedules.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Continuity } from "../datecast-continuity.mjs";
import { groupName, whyNotShared } from "../datecast-shared.mjs";
import { Chance } from "./chance.mjs";
import { Origin } from "./origin.mjs";
import { until } from "./fakes.mjs";

const SCHEDULES = Number(process.env.SCHEDULES ?? 300);
const STEPS = 80;

let origin;
beforeEach(() => {
  origin = new Origin();
});
afterEach(() => origin.end());

const ids = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => origin.server.idOf(from + index));

async function openMany(count) {
  const tabs = Array.from({ length: count }, () => origin.open());
  await origin.settle();
  return tabs;
}

test("fifty tabs have one connection, and each gets every message", async () => {
  const tabs = await openMany(50);
  for (let count = 0; count < 20; count += 1) {
    origin.publish();
  }
  await origin.settle();
  assert.equal(origin.connections.size, 1);
  for (const tab of tabs) {
    assert.deepEqual(tab.seen, ids(1, 20));
    assert.deepEqual(tab.gaps, []);
  }
  const roles = tabs.map(({ states }) => states.at(-1).role);
  assert.equal(roles.filter((role) => role === "leader").length, 1);
  assert.equal(roles.filter((role) => role === "follower").length, 49);
  assert.ok(tabs.every(({ states }) => states.at(-1).state === "open"));
});

test("a message is told from the one before, however long their numbers are", () => {
  const [last, next] = ["01932f5a0c2e_1760000000000000001", "01932f5a0c2e_1760000000000000002"];
  const heard = [];
  const tab = new Continuity({ since: last, ask: () => assert.fail("nothing is missing"), hear: ({ id }) => heard.push(id), isOpen: () => true });
  tab.place(last);
  tab.take({ after: last, events: [{ kind: "message", id: last, text: "" }, { kind: "message", id: next, text: "" }] });
  assert.deepEqual(heard, [next]);
});

for (const [name, leave] of [["close", (tab) => tab.close()], ["crash", (tab) => tab.crash()]]) {
  test(`leaders ${name} one after the other, and nobody misses or doubles a message`, async () => {
    await openMany(10);
    for (let count = 0; count < 9; count += 1) {
      origin.publish();
      const [leader] = origin.leaders;
      leave(leader);
      origin.publish();
      await origin.settle();
      assert.equal(origin.connections.size, 1);
    }
    const [last] = origin.tabs.filter(({ isGone }) => !isGone);
    assert.ok(!last.states.some(({ state }) => state === "closed"), "another tab's end is no state of this one");
    assert.deepEqual(last.seen, ids(1, 18));
    assert.deepEqual(last.gaps, []);
  });
}

test("a newcomer gets what it would have got alone, and no more", async () => {
  await openMany(2);
  for (let count = 0; count < 30; count += 1) {
    origin.publish();
  }
  await origin.settle();
  const newcomer = origin.open();
  const resuming = origin.open({ since: origin.server.idOf(5) });
  await origin.settle();
  origin.publish();
  await origin.settle();
  assert.deepEqual(newcomer.seen, ids(21, 31));
  assert.deepEqual(resuming.seen, ids(6, 31));
  assert.equal(origin.connections.size, 1);
});

test("a newcomer of a stream without greeting begins with the next message", async () => {
  origin.server.greet = 0;
  await openMany(2);
  origin.publish();
  await origin.settle();
  const newcomer = origin.open();
  await origin.settle();
  origin.publish();
  await origin.settle();
  assert.deepEqual(newcomer.seen, ids(2, 2));
  assert.deepEqual(newcomer.gaps, []);
});

test("a tab that asks in vain goes on, and tells a gap", async () => {
  await openMany(2);
  origin.publish();
  await origin.settle();
  origin.isDeaf = true;
  const newcomer = origin.open({ since: origin.server.idOf(0) });
  await until(async () => {
    await origin.settle();
    return newcomer.gaps.length > 0;
  });
  assert.deepEqual(newcomer.gaps, [{ kind: "gap", missed: null, stream: "same", next: null, behind: origin.server.idOf(0) }]);
  origin.publish();
  await origin.settle();
  assert.deepEqual(newcomer.seen, ids(2, 2));
});

test("a tab that is ahead of its leader neither doubles a message nor tells a gap", async () => {
  const [first] = await openMany(2);
  origin.publish();
  await origin.settle();
  // The server begins anew, and the newcomer hears of that before the leader does.
  origin.restart();
  origin.publish();
  origin.publish();
  const newcomer = origin.open();
  await origin.settle({ reconnects: false });
  assert.deepEqual(newcomer.seen, ids(1, 2));
  await origin.settle();
  origin.publish();
  await origin.settle();
  assert.deepEqual([newcomer.seen, newcomer.gaps], [ids(1, 3), []]);
  assert.deepEqual(first.seen.slice(1), ids(1, 3));
  assert.deepEqual(first.gaps.map(({ stream }) => stream), ["new"]);
});

test("numbers that the server gives again are new messages, behind a gap", async () => {
  const tabs = await openMany(2);
  [1, 2, 3].forEach(() => origin.publish());
  await origin.settle();
  origin.say({ kind: "gap", missed: null, stream: "same", next: origin.server.idOf(2) });
  origin.say({ kind: "message", id: origin.server.idOf(2), text: "another line 2" });
  await origin.settle();
  for (const { seen, gaps } of tabs) {
    assert.deepEqual(seen, [...ids(1, 3), ...ids(2, 2)]);
    assert.equal(gaps.length, 1);
  }
});

test("a leader that gives no sign loses its place, and comes back as a follower", async () => {
  const tabs = await openMany(3);
  origin.publish();
  await origin.settle();
  const [hung] = origin.leaders;
  hung.hang();
  origin.publish();
  await origin.passTicks(5);
  const others = tabs.filter((tab) => tab !== hung);
  others.forEach(({ seen, gaps }) => assert.deepEqual([seen, gaps], [ids(1, 2), []]));
  assert.ok(others.includes(origin.leaders.at(-1)));
  // It hears of its successor before it hears that it lost the lock.
  while (hung.channel.waiting.length > 0) {
    hung.channel.deliver();
  }
  hung.thaw();
  await origin.settle();
  origin.publish();
  await origin.settle();
  assert.equal(origin.connections.size, 1);
  assert.equal(hung.states.at(-1).role, "follower");
  tabs.forEach(({ seen, gaps }) => assert.deepEqual([seen, gaps], [ids(1, 3), []]));
});

test("a leader that answers keeps its place, however long nothing comes", async () => {
  await openMany(3);
  const [leader] = origin.leaders;
  await origin.passTicks(50);
  assert.deepEqual(origin.leaders, [leader]);
});

test("a word on the source reaches newcomers, and each tab once", async () => {
  const [first] = await openMany(2);
  origin.say({ kind: "source", source: "ended", text: "it ended" });
  await origin.settle();
  const newcomer = origin.open();
  await origin.settle();
  for (const tab of [first, newcomer]) {
    assert.deepEqual(tab.sources, [{ kind: "source", source: "ended", text: "it ended" }]);
  }
});

test("any tab can have the leader connect at once", async () => {
  const tabs = await openMany(3);
  const follower = tabs.find((tab) => !origin.leaders.includes(tab));
  origin.cut();
  follower.membership.connect();
  await origin.settle({ reconnects: false });
  assert.equal(follower.states.at(-1).state, "open");
});

test("other addresses, settings and tokens are other groups, and no token can be read in a name", async () => {
  const names = await Promise.all([["http://h/", {}, null], ["http://h/x", {}, null], ["http://h/", { transports: ["sse"] }, null], ["http://h/", {}, "secret"], ["http://h/", {}, "other"]]
    .map((args) => groupName(...args)));
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.every((name) => !name.includes("secret")));
});

test("what is missing for sharing is named", async () => {
  assert.match(await whyNotShared(), /Web Locks/);
});

function stepOf(chance, isCalm) {
  const any = (list) => (list.length === 0 ? null : chance.of(list));
  const alive = () => origin.tabs.filter(({ isGone }) => !isGone);
  const steps = [
    [30, () => origin.publish()],
    [60, () => any(origin.waiting)?.deliver()],
    [12, () => origin.goOn()],
    [4, () => origin.cut()],
    [isCalm ? 0 : 1, () => origin.restart()],
    [5, () => alive().length < 8 && origin.open()],
    [3, () => alive().length < 8 && origin.open({ since: origin.server.idOf(chance.below(origin.server.texts.length + 1)) })],
    [3, () => alive().length > 1 && any(alive()).close()],
    [3, () => alive().length > 1 && any(alive()).crash()],
    [3, () => any(alive()).hang()],
    [5, () => any(alive()).thaw()],
    [8, () => origin.tick()],
    [isCalm ? 0 : 1, () => { origin.isAway = !origin.isAway; }],
  ];
  let at = chance.below(steps.reduce((sum, [weight]) => sum + weight, 0));
  return steps.find(([weight]) => (at -= weight) < 0)[1];
}

/** Every id once and in order, or a gap that was told at that place. */
function checkTab(tab, name) {
  const parse = (id) => [id.slice(0, 12), Number(id.slice(13))];
  let before = tab.since;
  assert.equal(new Set(tab.seen).size, tab.seen.length, `${name}: doubled in ${tab.seen}`);
  for (const id of tab.seen) {
    if (before !== null) {
      const [[epoch, number], [epochBefore, numberBefore]] = [parse(id), parse(before)];
      const isNext = epoch === epochBefore && number === numberBefore + 1;
      assert.ok(epoch !== epochBefore || number > numberBefore, `${name}: ${id} behind ${before}`);
      assert.ok(isNext || tab.gaps.some(({ behind }) => behind === before), `${name}: ${id} behind ${before} without a word`);
    }
    before = id;
  }
}

test(`${SCHEDULES} seeded schedules: each tab gets every message once and in order, or is told of a gap`, async () => {
  for (let seed = 1; seed <= SCHEDULES; seed += 1) {
    origin = new Origin();
    // Where the server loses nothing, nobody hears of a gap.
    const isCalm = seed % 2 === 0;
    origin.server.history = isCalm ? Infinity : 25;
    origin.server.greet = 3;
    const chance = new Chance(seed);
    origin.open();
    for (let step = 0; step < STEPS; step += 1) {
      stepOf(chance, isCalm)();
      await origin.turn();
    }
    origin.isAway = false;
    origin.tabs.forEach((tab) => tab.thaw());
    await origin.settle();
    const alive = origin.tabs.filter(({ isGone }) => !isGone);
    origin.publish();
    const newest = origin.server.idOf(origin.server.texts.length);
    await until(async () => {
      await origin.settle();
      return alive.every(({ seen }) => seen.at(-1) === newest);
    }, `seed ${seed}: ${newest} in ${alive.map(({ seen }) => seen.at(-1))}`);
    origin.tabs.forEach((tab, index) => checkTab(tab, `seed ${seed}, tab ${index}`));
    assert.deepEqual(isCalm ? origin.tabs.flatMap(({ gaps }) => gaps) : [], [], `seed ${seed}`);
    assert.equal(origin.connections.size, 1, `seed ${seed}`);
    origin.end();
  }
});
