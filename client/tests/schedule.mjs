// One run of datecast.js through faults that a seed chooses, and what must hold whatever they are.

import vm from "node:vm";
import { Chance } from "./chance.mjs";
import { Browser, GLOBALS } from "./browser.mjs";
import { ModelServer } from "./model-server.mjs";
import { Network } from "./network.mjs";
import { VirtualTime } from "./virtual-time.mjs";

const WAYS = ["websocket", "sse", "stream", "poll", "jsonp"];
const URL_OF_STREAM = "ws://page.example/stream";
/** Faults happen for so long, in milliseconds. */
const FAULTY = 60_000;
/** Then, after all that a client may wait for, it is current: a poll that is silent, each other way that is mute, a long Retry-After. */
const HEALING = 230_000;
const QUIET = 20_000;

/** datecast.js for `runSchedule`. */
export const compile = (text) => vm.compileFunction(text, GLOBALS, { filename: "datecast.js" });

/** Hears all callbacks, and notes what must not be. */
class Witness {
  problems = [];
  calls = 0;
  #log;
  #place = null;
  #gap = null;
  #resumed = null;
  /** On a connection that goes on: nothing has said yet whether something is missing. */
  #isOwed = false;
  /** Of a gap, on this connection. */
  #isTold = false;
  #isClosed = false;
  #index = new Map();

  constructor(log) {
    this.#log = log;
  }

  problem(text) {
    this.problems.push(text);
  }

  state({ state, wait, reason }, stream) {
    this.#expectOpen(`the state ${state}`);
    this.#isClosed = state === "closed";
    this.#isOwed = state === "open" && stream.last !== null;
    this.#resumed = null;
    this.#isTold = false;
    if ((state === "waiting" || state === "refused") && reason === "") {
      this.problem(`${state} for no reason`);
    }
    if (/secret/.test(reason)) {
      this.problem(`the reason tells the token: ${reason}`);
    }
    if (wait !== null && !(wait > 0)) {
      this.problem(`a wait of ${wait}`);
    }
  }

  gap(gap) {
    this.#expectOpen("a gap");
    if (JSON.stringify(this.#gap) === JSON.stringify(gap)) {
      this.problem("the same gap twice");
    }
    this.#gap = gap;
    this.#isTold = true;
    if (this.#resumed !== null) {
      this.problem("a gap behind a resumption");
    }
  }

  resume({ after }, stream) {
    this.#expectOpen("a resumption");
    if (!this.#isOwed || this.#isTold || after !== stream.last) {
      this.problem(`resumed after ${after}, the last being ${stream.last}`);
    }
    this.#isOwed = false;
    this.#resumed = after;
  }

  message({ id, text }) {
    this.#expectOpen("a message");
    this.calls += 1;
    const place = this.#placeOf(id);
    if (place === undefined || this.#log[place].text !== text) {
      this.problem(`${id} was never sent with the text ${text}`);
      return;
    }
    if (this.#isOwed && this.#gap === null) {
      this.problem(`${id} comes on a new connection, and neither a gap nor a resumption before it`);
    }
    if (this.#place !== null) {
      this.#follow(place, id);
    }
    [this.#place, this.#gap, this.#isOwed, this.#resumed] = [place, null, false, null];
  }

  #follow(place, id) {
    const missed = place - this.#place - 1;
    const [before, gap] = [this.#log[this.#place].id, this.#gap];
    if (missed < 0) {
      this.problem(`${id} comes behind ${before}`);
    } else if (gap === null) {
      if (missed > 0) {
        this.problem(`${missed} messages before ${id} are missing, and nothing says so`);
      }
    } else if (gap.stream === "same" ? gap.missed !== missed || missed === 0 : before.slice(0, 12) === id.slice(0, 12)) {
      this.problem(`the gap before ${id} is ${JSON.stringify(gap)}, but ${missed} are missing`);
    }
  }

  #placeOf(id) {
    for (let place = this.#index.size; place < this.#log.length; place += 1) {
      this.#index.set(this.#log[place].id, place);
    }
    return this.#index.get(id);
  }

  #expectOpen(what) {
    if (this.#isClosed) {
      this.problem(`${what} after close()`);
    }
  }
}

/** What a schedule can do to a page: name, and how. */
const FAULTS = {
  refuse: (run) => run.mode("refused"),
  "go mute": (run) => run.mode("mute"),
  "fill up": (run) => run.mode({ status: 503, retryAfter: run.chance.between(1, 20) }),
  "fail inside": (run) => run.mode({ status: run.chance.of([500, 502, 404, 403, 429]) }),
  "want a token": (run) => run.mode({ status: 401 }),
  cut: (run) => run.network.cut(),
  silence: (run) => run.network.silence(),
  stop: (run) => run.restart("same", 1001),
  "restart the stream": (run) => run.restart("same", run.chance.of([1012, null])),
  "begin a stream": (run) => run.restart("new", run.chance.of([1012, null])),
  "be too slow": (run) => run.network.cut(1008, "slow"),
  "have no room": (run) => run.network.cut(1013),
  revoke: (run) => run.network.cut(1008, "the token was revoked"),
  double: (run) => { run.network.duplicates = 0.3; },
  rush: (run) => { for (let count = run.chance.between(1, 50); count > 0; count -= 1) { run.server.publish(); } },
  notice: (run) => run.server.notice(),
  "take another path": (run) => run.block(["fails", "mute"]),
  sleep: (run) => run.sleep(),
  online: (run) => run.browser.dispatch("online"),
  look: (run) => run.browser.dispatch("visibilitychange"),
  leave: (run) => { run.isAway = true; run.browser.dispatch("pagehide", { persisted: true }); },
  "come back": (run) => run.comeBack(),
  connect: (run) => run.connect(),
};

class Run {
  isAway = false;
  #isTraced;
  #begin;
  #thrown = 0;
  /** What happened, for a reader. */
  trace = [];

  constructor(seed, script, isTraced) {
    this.#isTraced = isTraced;
    this.chance = new Chance(seed);
    this.time = new VirtualTime();
    this.#begin = this.time.now;
    this.server = new ModelServer(this.time);
    this.network = new Network(this.time, this.chance, this.server);
    this.block(["fails", "mute", "missing", "throws"]);
    // Of its own, so that a change of the script does not change the schedule.
    const own = new Chance(~seed);
    this.browser = new Browser(this.network, { random: () => own.next(), hasFetch: this.chance.is(0.6) });
    this.witness = new Witness(this.server.log);
    this.isRude = this.chance.is(0.4);
    this.stream = this.browser.load(script)(URL_OF_STREAM, this.#options());
    this.note("blocked", this.network.blocked);
  }

  #options() {
    const hear = (kind) => (event) => {
      this.note(kind, event);
      this.witness[kind]?.(event, this.stream);
      if (this.isRude && this.chance.is(0.08)) {
        this.#beRude();
      }
    };
    return { token: "secret", onstate: hear("state"), onmessage: hear("message"), onresume: hear("resume"), ongap: hear("gap"), onnotice: hear("notice") };
  }

  /** What a callback may do. */
  #beRude() {
    const deed = this.chance.of(["close", "connect", "throw", "throw", "connect"]);
    this.note(`the callback: ${deed}`);
    if (deed === "throw") {
      this.#thrown += 1;
      throw new Error("rude");
    }
    this[deed]();
  }

  note(what, event) {
    if (this.#isTraced) {
      this.trace.push(`${((this.time.now - this.#begin) / 1000).toFixed(3)} ${what}${event === undefined ? "" : ` ${JSON.stringify(event)}`}`);
    }
  }

  connect() {
    this.network.notBefore = 0;
    this.isAway = false;
    this.stream.connect();
  }

  close() {
    this.stream.close();
  }

  mode(mode) {
    this.network.mode = mode;
    if (this.chance.is(0.6)) {
      this.network.cut();
    }
  }

  /** One way at least is open, and not blocked by the browser, which does not change. */
  block(how) {
    const { blocked } = this.network;
    const isOffered = (way) => !["missing", "throws"].includes(blocked[way]);
    const alive = this.chance.of(WAYS.filter(isOffered));
    for (const way of WAYS.filter(isOffered)) {
      const isOld = way === "websocket" || way === "sse";
      blocked[way] = way !== alive && this.chance.is(0.5) ? this.chance.of(isOld ? how : ["fails", "mute"]) : undefined;
    }
    this.note("blocked", blocked);
  }

  restart(kind, code) {
    this.server.restart(kind);
    this.network.cut(code);
  }

  sleep() {
    const fate = this.chance.of(["cut", "silence", ""]);
    if (fate !== "") {
      this.network[fate]();
    }
    this.time.sleep(this.chance.between(20_000, 4_000_000));
  }

  comeBack() {
    if (this.isAway) {
      this.network.notBefore = 0;
      this.isAway = false;
      this.browser.dispatch("pageshow", { persisted: true });
    }
  }

  heal() {
    Object.assign(this.network, { mode: "ok", duplicates: 0 });
    if (this.stream.state === "refused") {
      this.connect();
    }
  }

  publishUntil(end) {
    if (this.time.now < end) {
      this.server.publish();
      this.time.after(this.chance.between(200, 10_000), () => this.publishUntil(end));
    }
  }

  /** Runs it; returns what was wrong. */
  problems() {
    const { time, chance, witness, browser, network, stream } = this;
    time.after(chance.between(0, 8000), () => this.publishUntil(Infinity));
    const names = Object.keys(FAULTS);
    for (let left = chance.between(2, 9), at = 0; left > 0 && at < FAULTY; left -= 1) {
      at = chance.between(1, FAULTY / 5);
      time.runUntil(time.now + at);
      if (chance.is(0.4)) {
        this.heal();
      }
      const name = chance.of(names);
      this.note(`* ${name}`);
      FAULTS[name](this);
    }
    this.heal();
    this.comeBack();
    this.isRude = false;
    this.note("* healed");
    // What was on its way may still say that a token is wanted.
    time.runUntil(time.now + QUIET);
    this.heal();
    time.runUntil(time.now + HEALING);
    this.#expectCurrent();
    this.note("* close()");
    stream.close();
    time.runUntil(time.now + QUIET);
    this.#expectNothingLeft();
    const errors = browser.errors.filter(({ message }) => message !== "rude" || (this.#thrown -= 1) < 0);
    return [...witness.problems, ...network.faults, ...errors.map((error) => error.stack)];
  }

  #expectCurrent() {
    const { stream, server, witness } = this;
    if (stream.state === "closed") {
      return;
    }
    // The newest may be on its way, or wait for the next poll.
    const behind = server.log.length - 1 - server.log.findIndex(({ id }) => id === stream.last);
    if (stream.state !== "open" || behind > 8) {
      witness.problem(`${stream.state} by ${stream.transport}, with ${stream.last} of ${server.newest}`);
    }
  }

  #expectNothingLeft() {
    const { stream, browser, network, witness } = this;
    const open = [...network.open].map(({ way }) => way).filter((way) => way !== "jsonp");
    if (stream.state !== "closed" || open.length > 0 || browser.pendingTimers > 0 || browser.listeners > 0) {
      witness.problem(`after close(): ${stream.state}, open ${open}, ${browser.pendingTimers} timers, ${browser.listeners} listeners`);
    }
  }
}

/** What is wrong with this script in the run of this seed: no `problems` for a right one; `trace` says what happened if that is wanted. */
export function runSchedule(seed, script, isTraced = false) {
  const run = new Run(seed, script, isTraced);
  const problems = run.problems();
  return { problems, trace: run.trace, messages: run.witness.calls };
}
