// All the older lines, as far as the history goes and the page has room: for a reader who goes to the oldest, and for a search that has been through the page's lines.

import { grouped } from "./numbers.js";
import { SLACK } from "./lines-older.js";

const WHILE_FETCHING = 60_000;

export class Back {
  #older;
  #store;
  #isFollowing;
  #note;
  #onNews;
  /** The reader waits for the oldest line: `arrive()` goes there. */
  #arrive = null;
  #begunAt = null;
  /** A search goes back once by itself. */
  #hasSearched = false;

  /** `isFollowing()` tells whether the view follows, `note` is a `Note`, and `onNews()` is called when `scope` has changed. */
  constructor({ older, store, isFollowing, note, onNews }) {
    this.#older = older;
    this.#store = store;
    this.#isFollowing = isFollowing;
    this.#note = note;
    this.#onNews = onNews;
  }

  get isReading() {
    return this.#older.isReadingAll;
  }

  /** To the oldest line: `arrive()` is called when it is there. */
  toFirst(arrive) {
    if (this.#older.mayRead) {
      this.#arrive = arrive;
      this.#read();
    } else {
      arrive();
    }
  }

  /** The reader goes elsewhere. */
  abandon() {
    if (this.#arrive !== null) {
      this.#arrive = null;
      this.#older.cancel();
      this.#note.show("");
    }
  }

  /** Another search begins, or none if `isActive` is false. */
  begin(isActive) {
    this.#hasSearched = false;
    if (!isActive && this.isReading && this.#arrive === null) {
      this.#older.cancel();
    }
  }

  /** The lines of the page have been searched: on with older ones, once, or because the reader wants it. */
  search({ isWanted = false } = {}) {
    if (isWanted || (!this.#hasSearched && this.#older.extent !== "unknown")) {
      this.#hasSearched = true;
      this.#read();
    }
  }

  /** Ends a read; returns whether there was one. */
  stop() {
    const wasReading = this.isReading;
    this.#arrive = null;
    this.#older.cancel();
    if (wasReading) {
      this.#note.say(`Ended: the page has the lines from ${grouped(this.#store.oldest)} on.`);
    }
    return wasReading;
  }

  /** Once older lines have come. */
  tell() {
    const { oldest } = this.#store;
    if (this.#arrive !== null && this.isReading && oldest !== null && oldest !== this.#begunAt) {
      this.#note.show(`Fetching older lines: ${grouped(this.#store.lines)} are here, at most ${grouped(oldest - 1)} to come (Esc ends it).`, WHILE_FETCHING);
    }
  }

  /** Which lines a search has looked at, `{ text, mayGoOn }`: an empty text for all that the stream has. */
  get scope() {
    const lines = grouped(this.#store.lines);
    const full = { text: `in the newest ${lines} lines; this page cannot keep older ones`, mayGoOn: false };
    if (this.isReading) {
      return { text: `in ${lines} lines so far, at most ${grouped(this.#store.oldest - 1)} older to come (Esc ends it)`, mayGoOn: false };
    }
    switch (this.#older.extent) {
      case "more": return !this.#hasSearched ? { text: "", mayGoOn: false } : this.#store.room(this.#slack) === 0 ? full : { text: `in the newest ${lines} lines; older ones are not searched`, mayGoOn: true };
      case "full": return full;
      case "left": return { text: `in ${lines} lines; older ones have left the history`, mayGoOn: false };
      default: return { text: "", mayGoOn: false };
    }
  }

  async #read() {
    if (this.isReading) {
      return;
    }
    this.#begunAt = this.#store.oldest;
    const isWhole = await this.#older.readAll(() => this.#slack);
    if (!this.isReading) {
      const arrive = this.#arrive;
      this.#arrive = null;
      if (isWhole && arrive !== null) {
        arrive();
        this.#note.say(this.#older.note);
      }
    }
    this.#onNews();
  }

  /** While the view follows, what is beyond the page's own room would leave it again at once. */
  get #slack() {
    return this.#isFollowing() ? 0 : SLACK;
  }
}
