// One storm: `clients` read from each of N machines, some machines go, and their clients find the others.

import vm from "node:vm";
import { Chance } from "../../../client/tests/chance.mjs";
import { VirtualTime } from "../../../client/tests/virtual-time.mjs";
import { Machine } from "./machine.mjs";
import { GLOBALS, pageOf } from "./page.mjs";

/** Before the machine goes, in milliseconds: longer than the five seconds after which datecast.js forgets earlier failures. */
const CALM = 20_000;
/** Between two messages to all clients; the last one comes right before the machine goes, so that all notice its silence at the same moment. */
const INTERVAL = 10_000;
/** From a client to a machine, in milliseconds, one way. */
const LATENCY = [1, 60];
/** A storm that takes longer than this is not over: nobody waits for it. */
const MOST = 600_000;
const EPOCH = "01932f5a0c2e";

/** datecast.js for `runStorm`. */
export const compile = (text) => vm.compileFunction(text, GLOBALS, { filename: "datecast.js" });

/** How a machine goes, and what its clients see of it. */
export const DEATHS = {
  /** `systemctl stop`: a closing handshake with 1001, and new connections are refused. */
  stopped: { code: 1001, refuses: true },
  /** `kill -9`: the kernel ends the connections, and refuses new ones. */
  killed: { code: 1006, refuses: true },
  /** The power is cut: nobody says anything, and new connections get no answer. */
  silent: { code: null, refuses: false },
};

class Storm {
  time = new VirtualTime();
  sockets = new Set();
  backAt = [];
  attempts = 0;
  arrivals = new Map();
  /** The instant at which the machine goes. */
  diesAt = this.time.now + CALM;

  constructor(script, settings) {
    Object.assign(this, { script, settings, chance: new Chance(settings.seed), death: DEATHS[settings.death] });
    const { machines, lost, clients, limits, load } = settings;
    const survivor = () => new Machine(this.time, { ...limits, cost: costOf(settings), open: clients });
    this.survivors = Array.from({ length: machines - lost }, survivor);
    this.wanted = clients * lost;
    this.load = load;
  }

  /** Where a new connection ends up: at the one that goes until that is found out. */
  find(isForStream) {
    const { time, chance, settings } = this;
    const latency = chance.between(...LATENCY);
    const isBefore = time.now < this.diesAt;
    if (isBefore) {
      return { latency, connect: (attempt) => attempt.opened() };
    }
    this.attempts += 1;
    const isStale = time.now < this.diesAt + settings.found && chance.is(settings.lost / settings.machines);
    if (isStale) {
      return { latency, connect: (attempt) => this.death.refuses && attempt.refused(0) };
    }
    const machine = chance.of(this.survivors);
    return { latency, connect: (attempt) => this.#arrive(machine, attempt, isForStream) };
  }

  #arrive(machine, attempt) {
    const second = Math.floor((this.time.now - this.diesAt) / 1000);
    this.arrivals.set(second, (this.arrivals.get(second) ?? 0) + 1);
    machine.connect(attempt);
  }

  opened(socket) {
    this.sockets.add(socket);
    if (this.time.now > this.diesAt) {
      this.backAt.push(this.time.now - this.diesAt);
    }
  }

  /** Clients come over the first half of the calm. */
  begin() {
    const page = pageOf({
      time: this.time, chance: this.chance,
      find: (isForStream) => this.find(isForStream), opened: (socket) => this.opened(socket), left: (socket) => this.sockets.delete(socket),
    });
    this.script(...page);
    const [root] = page;
    for (let client = 0; client < this.wanted; client += 1) {
      this.time.after(this.chance.next() * CALM / 2, () => root.datecast("http://stream.example/", { transports: ["websocket"] }));
    }
    this.#publish(1);
  }

  #publish(number) {
    this.time.after(INTERVAL, () => {
      const data = `${EPOCH}_${number}\tline ${number}`;
      this.sockets.forEach((socket) => socket.onmessage({ data }));
      this.#publish(number + 1);
    });
  }

  die() {
    const { code } = this.death;
    const all = [...this.sockets];
    this.sockets.clear();
    for (const socket of all) {
      // Its end is on its way as long as any packet.
      if (code !== null) {
        this.time.after(this.chance.between(...LATENCY), () => socket.attempt.isOver || socket.end(code, ""));
      }
    }
  }

  /** Until everyone is back, or `MOST` is over. */
  wait() {
    while (this.backAt.length < this.wanted && this.time.now < this.diesAt + MOST) {
      this.time.runUntil(this.time.now + 1000);
    }
  }
}

/** Milliseconds of a survivor, with all its cores, for a client that comes back: its handshake, and what it has missed. */
export function costOf({ cores, costs, load, clients, machines, lost, death }) {
  // All that come take their share of the messages, too: this is the load at the end of the storm.
  const readers = clients * machines / (machines - lost);
  const busy = readers * load * costs.message / 1e6;
  const free = cores - busy;
  const missed = load * (death === "silent" ? 40 : 2);
  return free <= 0.05 ? Infinity : (costs.handshake + missed * costs.resumed) / 1000 / free;
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 1000;

/**
 * Seconds until half of the clients, 99 of 100 and all are back; what the survivors saw.
 *
 * `settings`: machines, lost, clients (of each machine), seed, death, found (milliseconds until no new connection goes to
 * the lost ones), load (messages a second), cores, costs (microseconds: handshake, message, resumed), limits (backlog, places).
 */
export function runStorm(script, settings) {
  const storm = new Storm(script, settings);
  storm.begin();
  storm.time.runUntil(storm.diesAt);
  storm.die();
  storm.wait();
  const sorted = storm.backAt.sort((one, other) => one - other);
  const sum = (name) => storm.survivors.reduce((total, machine) => total + machine[name], 0);
  return {
    wanted: storm.wanted,
    back: sorted.length,
    half: quantile(sorted, 0.5),
    most: quantile(sorted, 0.99),
    all: sorted.length === storm.wanted ? quantile(sorted, 1) : Infinity,
    /** What the handshakes alone take, spread evenly. */
    least: storm.wanted / storm.survivors.length * costOf(settings) / 1000,
    attempts: storm.attempts / storm.wanted,
    peak: Math.max(...storm.arrivals.values()) / storm.survivors.length,
    dropped: sum("dropped"),
    wasted: sum("wasted"),
    refused: sum("refused"),
    longestWait: Math.max(...storm.survivors.map((machine) => machine.longestWait)) / 1000,
  };
}
