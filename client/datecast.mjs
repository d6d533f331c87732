// datecast.js for modules: a stream to loop over, or to listen to. See README.md.
//
//     for await (const { id, text } of datecast(url)) { … }
//
//     datecast.js ──▶ DatecastStream ──▶ events, at once
//                          │  ▲
//                          ▼  │ closed while a loop is far behind; goes on behind its newest id
//                        Backlog of each loop

import * as script from "./datecast.js";
import { Backlog } from "./datecast-loop.mjs";
import { gapOf, read, streamUrl } from "./datecast-read.mjs";

export { read };

/** The most that a loop may be behind, in messages and in characters: then the connection is closed until the loop has taken three quarters of it. */
const MOST_MESSAGES = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** Opens the stream at `url`: `ws:`, `wss:`, `http:` or `https:`, in a page also relative to it. */
export function datecast(url, options = {}) {
  return new DatecastStream(url, options);
}

export default datecast;

/** What a loop throws when the server wants another token; `stream.connect(token)` goes on. */
export class DatecastRefused extends Error {
  constructor({ reason, status }) {
    super(`the stream is refused: ${reason}`);
    this.name = "DatecastRefused";
    this.status = status;
  }
}

class DatecastEvent extends Event {
  constructor(type, fields) {
    super(type);
    Object.assign(this, fields);
  }
}

/** It connects once somebody listens or loops, so that nobody misses the beginning. */
export class DatecastStream extends EventTarget {
  #href;
  #options;
  #token;
  #most;
  #last;
  #backlogs = new Set();
  /** What brings the messages, while it does; `null` before, while a loop is far behind, and afterwards. */
  #link = null;
  /** The gap before the next message. */
  #gap = null;
  #isWithoutIds = false;
  #isBegun = false;
  /** The page is in the browser's cache, or frozen. */
  #isAside = false;
  #isWatching = false;
  #state = { state: "idle", transport: null, reason: "", status: null, wait: null, role: "alone", unshared: null };
  #unshared = null;
  #unlisten = new AbortController();

  constructor(url, { token = null, since = null, buffer = MOST_MESSAGES, signal = null, shared = false, ...options }) {
    super();
    signal?.throwIfAborted();
    this.#href = streamUrl(url).href;
    this.#options = { ...options, shared };
    this.#token = token;
    this.#last = since;
    this.#most = buffer;
    signal?.addEventListener("abort", () => this.#finish(signal.reason, true), { signal: this.#unlisten.signal });
  }

  /** idle, connecting, open, waiting, refused, paused or closed. */
  get state() {
    return this.#state.state;
  }

  get transport() {
    return this.#state.transport;
  }

  /** The newest id, or `null`. */
  get last() {
    return this.#last;
  }

  /** alone, or in a group of tabs with one connection the leader or a follower. */
  get role() {
    return this.#state.role;
  }

  /** Why tabs do not share a connection although `shared` was asked for, or `null`. */
  get unshared() {
    return this.#unshared;
  }

  addEventListener(...args) {
    super.addEventListener(...args);
    this.#begin();
  }

  /** Connects now: ends a wait, and leaves `refused`, perhaps with another token. */
  connect(token = this.#token ?? undefined) {
    if (this.state === "closed") {
      return;
    }
    const isOther = (token ?? null) !== this.#token;
    this.#token = token ?? null;
    this.#isBegun = true;
    if (this.#link === null) {
      this.#open();
    } else if (isOther && this.#options.shared) {
      // Tabs with another token are another group.
      this.#open();
    } else {
      this.#link.connect(this.#token ?? undefined);
    }
  }

  /** No more comes; loops get what they hold, and end. */
  close() {
    this.#finish(null, false);
  }

  [Symbol.asyncIterator]() {
    return this.values();
  }

  /** The messages from now on. Leaving the last loop closes the stream, unless `preventCancel` keeps it open. */
  values({ preventCancel = false } = {}) {
    const backlog = new Backlog(() => this.#goOn());
    if (this.state === "closed") {
      backlog.end();
    }
    this.#backlogs.add(backlog);
    this.#begin();
    const leave = () => {
      backlog.drop();
      backlog.end();
      this.#backlogs.delete(backlog);
      if (this.#backlogs.size > 0 || preventCancel) {
        this.#goOn();
      } else {
        this.close();
      }
    };
    return {
      next: () => backlog.take(),
      return: async (value) => {
        leave();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  // ---- the connection

  #begin() {
    if (!this.#isBegun) {
      this.#isBegun = true;
      queueMicrotask(() => this.state === "idle" && this.#open());
    }
  }

  #open() {
    const link = { connect: () => {}, close: () => {} };
    const on = {
      hear: (event) => this.#link === link && this.#hear(event),
      tell: (state) => this.#link === link && this.#tell({ role: "alone", ...state }),
    };
    this.#drop();
    this.#link = link;
    if (this.#isWithoutIds && this.#last === null) {
      on.hear({ kind: "gap", ...gapOf({}) });
    }
    if (this.#options.shared) {
      this.#share(link, on);
    } else {
      Object.assign(link, this.#connectAlone(this.#last, on));
    }
  }

  #connectAlone(since, on) {
    const open = script.default ?? globalThis.datecast;
    const { shared, ...options } = this.#options;
    const told = (kind) => (fields) => on.hear({ kind, ...fields });
    const connection = open(this.#href, {
      ...options,
      ...(this.#token === null ? {} : { token: this.#token }),
      ...(since === null ? {} : { since }),
      onmessage: told("message"), onnotice: told("notice"), ongap: told("gap"), onresume: told("resume"), onsource: told("source"),
      onstate: on.tell,
    });
    return { connect: (token) => connection.connect(token), close: () => connection.close() };
  }

  /** Joins the tabs that read the same, or says why it cannot and connects alone. */
  async #share(link, on) {
    let why;
    let parts;
    try {
      const shared = await import("./datecast-shared.mjs");
      const { transports = null, heartbeat = null } = this.#options;
      why = await shared.whyNotShared();
      parts = why === null ? { ...shared, name: await shared.groupName(this.#href, { transports, heartbeat }, this.#token) } : null;
    } catch (error) {
      why = error.message;
    }
    if (this.#link !== link) {
      return;
    }
    this.#unshared = why;
    if (why !== null) {
      Object.assign(link, this.#connectAlone(this.#last, on));
      return;
    }
    this.#watchPage();
    const membership = new parts.Membership({
      ...on,
      name: parts.name,
      since: this.#last,
      lead: (since, own) => this.#connectAlone(since, own),
      ask: (since, signal) => parts.poll(this.#href, since, { token: this.#token, signal }),
    });
    Object.assign(link, { connect: () => membership.connect(), close: () => membership.close() });
  }

  /** A tab that does not run leads nobody: it leaves its group, and joins again behind its newest id. */
  #watchPage() {
    if (this.#isWatching) {
      return;
    }
    this.#isWatching = true;
    const aside = () => {
      this.#isAside = true;
      this.#drop();
      if (!["idle", "refused", "closed"].includes(this.state)) {
        this.#pause("the page is put aside");
      }
    };
    const back = () => {
      this.#isAside = false;
      this.#goOn();
    };
    // Timers of a hidden leader are slow, those of a tab that is seen are not.
    const hurry = () => {
      if (this.state === "waiting" && globalThis.document?.hidden !== true) {
        this.#link.connect();
      }
    };
    const { signal } = this.#unlisten;
    const listen = (target, handlers) => Object.entries(handlers).forEach(([type, handler]) => target?.addEventListener?.(type, handler, { signal }));
    listen(globalThis, { pagehide: aside, pageshow: back, online: hurry });
    listen(globalThis.document, { freeze: aside, resume: back, visibilitychange: hurry });
  }

  #pause(reason) {
    this.#drop();
    this.#tell({ state: "paused", reason });
  }

  /** What brought the messages brings no more, and nobody hears how it ends. */
  #drop() {
    const link = this.#link;
    this.#link = null;
    link?.close();
  }

  /** Goes on after a pause, if nothing is in the way any more. */
  #goOn() {
    const isNear = ({ length, characters }) => length <= this.#most / 4 && characters <= MOST_CHARACTERS / 4;
    if (this.state === "paused" && !this.#isAside && [...this.#backlogs].every(isNear)) {
      this.#open();
    }
  }

  #finish(error, isDropping) {
    if (this.state === "closed") {
      return;
    }
    this.#drop();
    this.#unlisten.abort();
    if (isDropping) {
      this.#backlogs.forEach((backlog) => backlog.drop());
    }
    this.#endLoops(error);
    this.#tell({ state: "closed" });
  }

  #endLoops(error) {
    this.#backlogs.forEach((backlog) => backlog.end(error));
    this.#backlogs.clear();
  }

  // ---- what comes

  #hear({ kind, ...fields }) {
    if (kind === "message") {
      this.#take(fields);
    } else if (kind !== "gap" || JSON.stringify(fields) !== JSON.stringify(this.#gap)) {
      // A connection that broke behind a gap hears of it again.
      this.#gap = kind === "gap" ? fields : this.#gap;
      this.dispatchEvent(new DatecastEvent(kind, fields));
    }
  }

  #take({ id, text }) {
    this.#last = id ?? this.#last;
    this.#isWithoutIds ||= id === null;
    const message = this.#gap === null ? { id, text } : { id, text, gap: this.#gap };
    this.#gap = null;
    this.#backlogs.forEach((backlog) => backlog.add(message));
    this.dispatchEvent(new DatecastEvent("message", message));
    const isFar = ({ length, characters }) => length >= this.#most || characters >= MOST_CHARACTERS;
    if (this.#link !== null && [...this.#backlogs].some(isFar)) {
      this.#pause("a loop is too slow");
    }
  }

  #tell(state) {
    this.#state = { transport: this.transport, reason: "", status: null, wait: null, role: this.role, ...state, unshared: this.#unshared };
    if (state.state === "refused") {
      this.#endLoops(new DatecastRefused(state));
    }
    this.dispatchEvent(new DatecastEvent("state", this.#state));
  }
}
