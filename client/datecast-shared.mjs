// One connection for all tabs that read the same stream: the tab that holds a Web Lock leads, and says on a BroadcastChannel what it hears.
//
//     tab 1 (leads) ── its own connection ──▶ server          tabs 2, 3, … wait for the lock: the next one
//       │ here, events           ▲ ask, connect     ▲         gets it when tab 1 closes, crashes or freezes
//       ▼                        │                  │
//     tabs 2, 3, … (follow) ─────┘   short polls ───┘         for what they need from before they joined
//
// What a tab gets is continuous by the ids: each batch of events names the id before it. A tab that has not got that far asks the server for what lies between.

import { Continuity } from "./datecast-continuity.mjs";

export { poll } from "./datecast-continuity.mjs";

/** Milliseconds between two looks at the leader's signs of life. */
const TICK = 5_000;
/** After so many ticks without a sign a tab asks for one; after so many more it takes the lock. */
const TICKS_OF_SILENCE = 3;
const TICKS_OF_PATIENCE = 2;

/** Why tabs cannot share a connection here, or `null` if they can. Web Locks want a secure context: https, or this machine. */
export async function whyNotShared() {
  if (typeof globalThis.navigator?.locks?.request !== "function") {
    return "there are no Web Locks here";
  }
  if (typeof globalThis.BroadcastChannel !== "function") {
    return "there is no BroadcastChannel here";
  }
  try {
    // Web Locks API §3.1: a document without an origin of its own, as in a sandbox, gets a "SecurityError".
    await navigator.locks.query();
    return null;
  } catch (error) {
    return `Web Locks are refused here: ${error.message}`;
  }
}

/** The name under which tabs find each other: of the same address, the same settings and the same token, which nobody can read out of it. */
export async function groupName(href, settings, token) {
  const digest = token === null ? new ArrayBuffer(0) : await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${href} ${token}`));
  return `datecast ${JSON.stringify([href, settings])} ${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * A tab's part in a group. `lead(since, on)` opens a connection of its own, which later calls `on.hear(event)` and `on.tell(state)`, and returns `{ connect, close }`.
 * `ask(since, signal)` asks the server as `Continuity` wants it. `hear(event)` and `tell(state)` are called as by a connection of its own; `state.role` is `leader` or `follower`.
 */
export class Membership {
  #name;
  #lead;
  #tell;
  #locks;
  #channel;
  #continuity;
  #clock;
  #campaign = null;
  /** The connection of this tab, and its time as the leader. */
  #own = null;
  #term = null;
  #outgoing = null;
  /** The leader's state, or `null`. */
  #state = null;
  /** Ticks since a leader gave a sign. */
  #silent = 0;
  #isClosed = false;

  constructor({ name, since, lead, ask, hear, tell, tick = TICK, wait, locks = globalThis.navigator.locks }) {
    this.#name = name;
    this.#lead = lead;
    this.#tell = tell;
    this.#locks = locks;
    this.#continuity = new Continuity({ since, ask, hear, wait, isOpen: () => this.#state?.state === "open" });
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#post({ kind: "ask" });
    this.#stand();
    this.#clock = setInterval(() => this.#lookForSigns(), tick);
  }

  /** Connects now, wherever the connection is. */
  connect() {
    if (this.#own !== null) {
      this.#own.connect();
    } else {
      this.#post({ kind: "connect" });
    }
  }

  /** Leaves the group: the next tab leads if this one did. */
  close() {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    clearInterval(this.#clock);
    this.#stepDown();
    this.#continuity.close();
    this.#campaign.end();
    this.#channel.close();
    this.#channel = null;
  }

  // ---- the lock

  /** Waits for the lock, or takes it from a leader that gives no sign; leads as long as it has it, and then waits again. */
  async #stand({ steal = false } = {}) {
    const queue = new AbortController();
    let release = null;
    const campaign = {
      end: () => {
        queue.abort();
        release?.();
      },
    };
    this.#campaign = campaign;
    const held = () => new Promise((resolve) => {
      release = resolve;
      if (this.#campaign !== campaign || this.#isClosed) {
        resolve();
      } else {
        this.#takeLead();
      }
    });
    try {
      // "steal" and "signal" exclude each other (Web Locks API §3.2).
      await this.#locks.request(this.#name, steal ? { steal } : { signal: queue.signal }, held);
    } catch {
      // Another tab took the lock, or this one no longer wants it.
    }
    // A lock that was never held was given up, or is refused: to ask again would not help.
    if (release !== null && this.#campaign === campaign && !this.#isClosed) {
      this.#stepDown();
      this.#post({ kind: "ask" });
      this.#stand();
    }
  }

  #takeLead() {
    // How the connection ends when this tab leads no more is nobody's matter.
    const term = (this.#term = {});
    this.#continuity.lead();
    this.#own = this.#lead(this.#continuity.last, {
      hear: (event) => this.#term === term && this.#pass(event),
      tell: (state) => this.#term === term && this.#say(state),
    });
  }

  #stepDown() {
    const own = this.#own;
    this.#own = null;
    this.#term = null;
    // The next leader's state is news, even if it is the same.
    this.#state = null;
    own?.close();
    this.#flush();
    this.#continuity.wait();
  }

  #lookForSigns() {
    if (this.#own !== null) {
      return;
    }
    this.#silent += 1;
    if (this.#silent === TICKS_OF_SILENCE) {
      this.#post({ kind: "ask" });
    } else if (this.#silent === TICKS_OF_SILENCE + TICKS_OF_PATIENCE) {
      this.#silent = 0;
      this.#campaign.end();
      this.#stand({ steal: true });
    }
  }

  // ---- the leader

  /** Hears an event of its own connection, and passes it on with those of the same turn. */
  #pass(event) {
    if (this.#outgoing === null) {
      this.#outgoing = { kind: "events", after: this.#continuity.last, events: [] };
      queueMicrotask(() => this.#flush());
    }
    this.#outgoing.events.push(event);
    this.#continuity.give(event);
  }

  #say(state) {
    this.#state = state;
    this.#flush();
    this.#post(this.#here());
    this.#tell({ ...state, role: "leader" });
  }

  #flush() {
    if (this.#outgoing !== null) {
      this.#post(this.#outgoing);
      this.#outgoing = null;
    }
  }

  #here() {
    return { kind: "here", last: this.#continuity.last, state: this.#state, source: this.#continuity.source };
  }

  #post(message) {
    this.#channel?.postMessage(message);
  }

  // ---- the others

  #receive(message) {
    if (this.#isClosed) {
      return;
    }
    if (this.#own !== null) {
      this.#answer(message);
    } else if (message.kind === "here") {
      this.#silent = 0;
      this.#show(message);
      this.#continuity.place(message.last);
    } else if (message.kind === "events") {
      this.#silent = 0;
      this.#continuity.take(message);
    }
  }

  #answer({ kind }) {
    if (kind === "ask") {
      this.#flush();
      this.#post(this.#here());
    } else if (kind === "connect") {
      this.#own.connect();
    }
  }

  #show({ state, source }) {
    if (state !== null && JSON.stringify(state) !== JSON.stringify(this.#state)) {
      this.#state = state;
      this.#tell({ ...state, role: "follower" });
    }
    if (source !== null && !this.#isClosed) {
      this.#continuity.give(source);
    }
  }
}
