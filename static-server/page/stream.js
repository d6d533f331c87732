// The stream as datecast.js keeps it: in the page's own thread at first, since nothing is there sooner; and where messages rush in, in a thread of its own.

import { goesOnAfter, isKnown, isLeaveNotice } from "./ids.js";
import { Rush } from "./rush.js";
import { openInThread } from "./thread.js";

/** Milliseconds in which the leave notice of the page's own first connection comes. */
const OWN_NOTICE = 3_000;
const KINDS = ["message", "notice", "gap", "resume", "source", "state"];

/**
 * A stream that moves in a rush: the thread's begins behind the last message, and takes over once it has the one that comes next. `hear(kind, detail)` gets what
 * datecast.js tells, `kind` being the name of its callback without `on`; `url` and `options` (data only) are its arguments.
 */
export class Stream {
  #url;
  #options;
  #hear;
  #own;
  #last = null;
  #rush = new Rush();
  #thread = null;
  #hasMoved = false;
  /** What the thread has told before it takes over. */
  #early = [];
  #noticeUntil = -Infinity;

  constructor(url, options, hear) {
    this.#url = url;
    this.#options = options;
    this.#hear = hear;
    this.#open();
  }

  /** The id of the newest message, or `null`. */
  get last() {
    return this.#last;
  }

  /** Connects now, with another token if one is given. */
  connect(token) {
    this.#options = { ...this.#options, token: token ?? this.#options.token };
    (this.#hasMoved ? this.#thread : this.#own).connect(token);
  }

  #open() {
    const callbacks = KINDS.map((kind) => [`on${kind}`, (detail) => this.#hearOwn(kind, detail)]);
    this.#own = datecast(this.#url.href, { ...this.#options, ...(this.#last === null ? {} : { since: this.#last }), ...Object.fromEntries(callbacks) });
  }

  #hearOwn(kind, detail) {
    if (this.#hasMoved) {
      return;
    }
    this.#tell(kind, detail);
    if (kind === "message" && this.#rush.isNew(performance.now()) && this.#last !== null && this.#thread === null) {
      this.#begin();
    }
    if (kind === "state" && detail.state !== "open") {
      this.#giveThreadUp();
    }
    this.#join();
  }

  #tell(kind, detail) {
    if (kind === "message") {
      this.#last = detail.id ?? this.#last;
    }
    this.#hear(kind, detail);
  }

  #begin() {
    const { transport } = this.#own;
    if (transport !== "jsonp") {
      // What works here comes first; the thread has no elements for JSONP.
      const transports = [transport, ...this.#options.transports.filter((name) => name !== transport && name !== "jsonp")];
      this.#thread = openInThread(this.#url, { ...this.#options, transports, since: this.#last }, (kind, detail) => this.#hearThread(kind, detail));
    }
  }

  #hearThread(kind, detail) {
    if (this.#hasMoved) {
      this.#hearMoved(kind, detail);
    } else if (kind !== "state") {
      this.#early.push([kind, detail]);
      this.#join();
    } else if (detail.state !== "connecting" && detail.state !== "open") {
      // Until it has taken over nothing needs it.
      this.#giveThreadUp();
    }
  }

  #giveThreadUp() {
    this.#thread?.close();
    this.#thread = null;
    this.#early = [];
  }

  #join() {
    const first = this.#early.findIndex(([kind, { id }]) => kind === "message" && id !== null);
    if (first === -1 || !goesOnAfter(this.#early[first][1].id, this.#last)) {
      return;
    }
    // The gap before the first and the notices are the page's own connection's to tell.
    const early = this.#early.slice(first).filter(([kind]) => kind !== "notice");
    this.#early = [];
    this.#hasMoved = true;
    this.#noticeUntil = performance.now() + OWN_NOTICE;
    this.#own.close();
    early.forEach(([kind, detail]) => this.#hearMoved(kind, detail));
  }

  #hearMoved(kind, detail) {
    if (kind === "message" && isKnown(detail.id, this.#last)) {
      // The page's own connection has brought it, too.
      return;
    }
    if (kind === "notice" && performance.now() < this.#noticeUntil && isLeaveNotice(detail.text)) {
      // The first one that left was this page.
      this.#noticeUntil = -Infinity;
    } else if (kind === "state" && detail.state === "closed") {
      this.#moveBack(detail);
    } else {
      this.#tell(kind, detail);
    }
  }

  /** The thread has ended, which nobody asked for. */
  #moveBack({ transport, reason }) {
    this.#giveThreadUp();
    this.#hasMoved = false;
    this.#rush = new Rush();
    this.#hear("state", { state: "waiting", transport, reason, wait: 0 });
    this.#open();
  }
}
