// What a tab that follows a leader gets, without a hole and without a double: by the ids, whoever leads.
//
//     the leader's batches:   … ── after 14: 15, 16 ── after 16: 17 ── …
//     this tab:               has 12, asks the server for what is behind it ── 13, 14, 15 ── joins at the batch after 14

import { gapOf, requestLines } from "./datecast-read.mjs";

/** Batches that a tab holds while it asks for what is before them; older ones are asked for, too. */
const MOST_EARLY = 1_000;
/** So many requests in vain, and the tab goes on with a gap that it tells. */
const TRIES = 5;
/** Milliseconds before the next request after one in vain. */
const WAIT = 1_000;
/** Seconds for which the server holds a request for what is there. */
const POLL = 1;

/**
 * `ask(since, signal)` asks the server: it gives `{ events, last }`, what comes after `since`, or what a newcomer gets, and the id up to which that goes. `hear(event)` gets each event.
 * `isOpen()` tells whether the leader's connection is: only then a request can be in vain.
 */
export class Continuity {
  #last;
  /** The newest id with which others are compared: none behind a gap to another stream, or to numbers that come again. */
  #known;
  #ask;
  #hear;
  #isOpen;
  #wait;
  /** waiting for a word of a leader, catching up, following, leading, or closed. */
  #phase = "waiting";
  /** The leader's newest id, as far as this tab knows. */
  #target = null;
  #early = [];
  #catching = null;
  #source = null;

  constructor({ since, ask, hear, isOpen, wait = WAIT }) {
    this.#last = since;
    this.#known = since;
    this.#ask = ask;
    this.#hear = hear;
    this.#isOpen = isOpen;
    this.#wait = wait;
  }

  /** The newest id. */
  get last() {
    return this.#last;
  }

  /** The newest word on what writes the messages, or `null`. */
  get source() {
    return this.#source;
  }

  /** This tab leads now: events come by `give` alone. */
  lead() {
    this.#stop("leading");
  }

  /** This tab leads no more, and waits for a word of a leader. */
  wait() {
    this.#stop("waiting");
  }

  close() {
    this.#stop("closed");
  }

  #stop(phase) {
    if (this.#phase !== "closed") {
      this.#catching?.abort();
      this.#catching = null;
      this.#early = [];
      this.#phase = phase;
    }
  }

  /** The leader has got as far as `last`: this tab, too, or it has something to ask for. */
  place(last) {
    this.#target = last;
    if (this.#phase !== "waiting" && this.#phase !== "following") {
      return;
    }
    if (this.#isAt(last)) {
      this.#phase = "following";
    } else {
      this.#catchUp();
    }
  }

  /** Takes what the leader has said: `events`, behind those up to id `after`. */
  take(batch) {
    if (this.#phase === "leading" || this.#phase === "closed") {
      return;
    }
    if (this.#phase === "following" && this.#continues(batch)) {
      this.#deliver(batch);
      return;
    }
    this.#early.push(batch);
    if (this.#early.length > MOST_EARLY) {
      this.#early.shift();
    }
    if (this.#phase !== "catching") {
      this.#catchUp();
    }
  }

  #continues({ after, events }) {
    const first = events.find(({ kind, id }) => kind === "message" && id !== null)?.id ?? null;
    return this.#isAt(after) || this.#knows(first) || (first !== null && first === following(this.#known));
  }

  #deliver({ after, events }) {
    let at = after;
    for (const event of events) {
      if (this.#phase === "closed") {
        return;
      }
      const isKnown = this.#knows(event.kind === "gap" ? event.next : event.id ?? null);
      // A gap after this tab's newest id is this tab's own, whatever comes behind it.
      if (event.kind === "gap" ? at === this.#last || !isKnown : !isKnown) {
        this.give(event);
      }
      at = event.kind === "message" ? event.id ?? at : at;
    }
  }

  /** Hears an event, unless it is a word on the source that says nothing new. */
  give(event) {
    if (event.kind === "message") {
      this.#reach(event.id ?? this.#last);
    } else if (event.kind === "source") {
      const isTold = JSON.stringify(event) === JSON.stringify(this.#source);
      this.#source = event;
      if (isTold) {
        return;
      }
    } else if (event.kind === "gap" && event.missed === null) {
      this.#known = null;
    }
    this.#hear(event);
  }

  #reach(id) {
    this.#last = id;
    this.#known = id;
  }

  #isAt(id) {
    return id === this.#last || this.#knows(id);
  }

  #knows(id) {
    return id !== null && this.#known !== null && epochOf(id) === epochOf(this.#known) && numberOf(id) <= numberOf(this.#known);
  }

  // ---- what lies before

  /** Asks the server for what comes after this tab's newest id, until that meets what the leader says. */
  async #catchUp() {
    const { signal } = (this.#catching = new AbortController());
    this.#phase = "catching";
    for (let vain = 0; vain < TRIES;) {
      const before = this.#last;
      const isAll = await this.#askOnce(signal);
      if (signal.aborted || this.#join(isAll)) {
        return;
      }
      if (this.#last !== before) {
        vain = 0;
        continue;
      }
      // While the server is away for the leader, too, nothing is in vain.
      vain = this.#isOpen() ? vain + 1 : 1;
      await pause(this.#wait * vain, signal);
    }
    if (!signal.aborted) {
      this.#goOnWithAGap();
    }
  }

  /** True if the server has nothing more after what this tab has. */
  async #askOnce(signal) {
    try {
      const { events, last } = await this.#ask(this.#last, signal);
      for (const event of events) {
        if (signal.aborted) {
          return false;
        }
        this.give(event);
      }
      if (!signal.aborted && this.#last === null) {
        // A newcomer that gets nothing begins here all the same.
        this.#reach(last);
      }
      return !events.some(({ kind }) => kind === "message" || kind === "gap");
    } catch {
      // The server is away, or refuses: another try follows, or the gap.
      return false;
    }
  }

  /** Follows the leader, if what this tab has meets what the leader said, or `isAll` there is. */
  #join(isAll) {
    const from = this.#early.findIndex((batch) => this.#continues(batch));
    const isThere = from !== -1 || isAll || (this.#early.length === 0 && this.#isAt(this.#target));
    if (isThere) {
      this.#follow(from === -1 ? [] : this.#early.slice(from));
    }
    return isThere;
  }

  #goOnWithAGap() {
    const early = this.#early;
    this.give({ kind: "gap", missed: null, stream: "same", next: null });
    if (this.#phase !== "closed") {
      this.#reach(early.length > 0 ? early[0].after : this.#target);
      this.#follow(early);
    }
  }

  #follow(batches) {
    this.#early = [];
    this.#phase = "following";
    this.#catching = null;
    batches.forEach((batch) => this.take(batch));
  }
}

const epochOf = (id) => id.slice(0, id.lastIndexOf("_"));
/** Exact, however long: a producer's own numbers may be nanoseconds. One that has nothing of its stream, in which there was nothing yet, comes before number 0. */
const numberOf = (id) => (id.endsWith("_none") ? -1n : BigInt(id.slice(id.lastIndexOf("_") + 1)));
const following = (id) => (id === null ? null : `${epochOf(id)}_${numberOf(id) + 1n}`);

/** What the server has behind `since`, and the id up to which that goes. */
export async function poll(href, since, { token, signal }) {
  const events = [];
  let last = null;
  const onAnswer = ({ headers }) => {
    last = headers.get("Datecast-Last-Id");
  };
  for await (const said of requestLines(href, { poll: POLL, ...(since === null ? {} : { since }) }, { token, signal, onAnswer })) {
    const event = eventOf(said);
    if (event !== null) {
      events.push(event);
    }
  }
  return { events, last };
}

/** A line as datecast.js would tell it; `null` for what is not told. */
function eventOf({ kind, id, text, source, ...said }) {
  switch (kind) {
    case "message": return { kind, id, text };
    case "notice": return { kind, text };
    case "source": return { kind, source, text };
    case "gap": return { kind, ...gapOf(said) };
    default: return null;
  }
}

/** Waits for milliseconds, or until `signal` is aborted. */
function pause(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    }, { once: true });
  });
}
