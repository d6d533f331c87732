// How the stream is: the connection, what writes the messages, and the reader's pause, in one word and a sentence.

import { httpUrl } from "./address.js";
import { duration, localClock } from "./dates.js";
import { titleOf } from "./title.js";
import { REFUSALS } from "./token.js";
import { TRANSPORTS } from "./transports.js";
import { put, showPhase } from "./view.js";

/** Milliseconds between two titles that differ only in their count. */
const TITLE_EVERY = 1_000;
const LONGEST_NAME = 60;
const WORDS = { connecting: "Connecting", away: "Not connected", lost: "Connection lost", live: "Live", paused: "Paused", waiting: "Waiting", ended: "Ended",
  refused: "Token needed" };
const SOURCE_SAYS = { running: "it goes on", waiting: "what writes it will be started again", ended: "the stream has ended" };

export class Status {
  #url;
  #name;
  #connection = { phase: "connecting", transport: "websocket" };
  #source = { phase: "running", said: "" };
  #view = { view: "none", paused: false, unseen: 0 };
  #opened = 0;
  #lost = false;
  #hiddenCount = 0;
  #titledAt = 0;
  #titledState = "";

  /** `name` is what the stream is called, or empty. */
  constructor({ url, name }) {
    this.#url = url;
    this.#name = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name || "datecast";
    put("name", this.#name);
    document.addEventListener("visibilitychange", () => {
      this.#hiddenCount = 0;
      this.draw();
    });
  }

  get isOpen() {
    return this.#connection.phase === "open";
  }

  /** What writes the messages has ended: there will be no more. */
  get isEnded() {
    return this.#source.phase === "ended";
  }

  get reconnects() {
    return Math.max(0, this.#opened - 1);
  }

  /** Notes a change of the connection; returns what a screen reader should hear of it and what the list should, each `null` if nothing. */
  setConnection(state) {
    this.#connection = state;
    const news = { announce: null, row: null };
    if (state.phase === "open") {
      this.#opened += 1;
      this.#lost = false;
      news.announce = `Connected ${this.#way()}`;
    } else if (state.phase === "waiting" && !this.#lost) {
      this.#lost = true;
      const what = `${this.#opened > 0 ? "Connection lost" : "No connection yet"}: ${state.reason}.`;
      news.announce = `${what} Trying again.`;
      news.row = this.#opened > 0 ? what : null;
    } else if (state.phase === "refused") {
      this.#lost = false;
      news.announce = `${REFUSALS[state.why]}.`;
      news.row = this.#opened > 0 ? news.announce : null;
    }
    this.draw();
    return news;
  }

  /** Notes what the server says of the messages' source; returns it as a row for the list, or `null` if it is known. */
  setSource(source) {
    const { phase, said } = this.#source;
    if (phase === source.phase && said === source.said) {
      return null;
    }
    this.#source = source;
    this.draw();
    const words = source.said || SOURCE_SAYS[source.phase];
    return source.phase === "ended" ? `Ended: ${words}` : words;
  }

  setView(view) {
    this.#view = view;
    this.draw();
  }

  /** Counts messages that came while nobody looked. */
  came(count) {
    this.#hiddenCount += document.hidden ? count : 0;
  }

  /** Shows what has changed. */
  draw() {
    const state = this.#state();
    showPhase(this.#connection.phase, state);
    put("phase", WORDS[state]);
    put("detail", this.#detail(state));
    this.#title(state);
  }

  #state() {
    const { phase } = this.#connection;
    if (phase === "refused") {
      return "refused";
    }
    if (this.#source.phase === "ended") {
      return "ended";
    }
    if (phase !== "open") {
      const before = this.#opened > 0 ? "lost" : "away";
      return phase === "connecting" && !this.#lost ? "connecting" : before;
    }
    if (this.#view.paused) {
      return "paused";
    }
    return this.#source.phase === "waiting" ? "waiting" : "live";
  }

  #detail(state) {
    const { phase, reason, until, since, why } = this.#connection;
    if (phase === "refused") {
      return REFUSALS[why];
    }
    const said = this.#source.said || SOURCE_SAYS[this.#source.phase];
    const words = state === "ended" || state === "waiting" ? [said] : [];
    if (phase === "waiting") {
      words.push(`${reason}; trying again in ${Math.max(1, Math.ceil((until - performance.now()) / 1000))} s`);
    } else if (phase === "connecting") {
      words.push(`connecting by ${TRANSPORTS[this.#connection.transport]} to ${this.#url.host}`);
    } else if (words.length === 0) {
      words.push(`${this.#way()} since ${localClock(since)} (${duration(Date.now() - since)})`);
    }
    return words.join("; ");
  }

  #way() {
    const { transport } = this.#connection;
    const address = transport === "websocket" ? this.#url : httpUrl(this.#url);
    return `by ${TRANSPORTS[transport]} to ${address.href}`;
  }

  /** A new state shows at once, a new count once a second: a title that flickers tells nothing. */
  #title(state) {
    const now = performance.now();
    if (state === this.#titledState && now - this.#titledAt < TITLE_EVERY) {
      return;
    }
    const { view, unseen } = this.#view;
    // Each date makes the one before it worthless: nobody counts them.
    const count = view === "clock" && !this.#view.paused ? 0 : Math.max(unseen, this.#hiddenCount);
    const title = titleOf({ name: this.#name, word: WORDS[state].toLowerCase().replace("connection ", ""), unseen: count });
    this.#titledState = state;
    this.#titledAt = now;
    if (document.title !== title) {
      document.title = title;
    }
  }
}
