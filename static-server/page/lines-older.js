// Lines from before those that the page has: read from the stream's history when the reader comes to the oldest, or asks for one by its number.

import { grouped } from "./numbers.js";

/** Lines of one read while the reader scrolls, and while a number is looked for. */
const A_READ = 2_000;
const A_LONG_READ = 20_000;
/** Of long lines a read has fewer: about so many bytes. */
const A_LOT = 16 * 1024 * 1024;
/** Lines before the one that was asked for. */
const CONTEXT = 200;
/** While the reader is at the oldest lines, the page keeps so many more than otherwise. */
export const SLACK = 100_000;
/** Milliseconds after a failure in which scrolling asks for nothing. */
const AFTER_FAILURE = 3_000;

export class Older {
  #store;
  #fetch;
  #onNews;
  #reading = null;
  #failure = null;
  #failedAt = -Infinity;
  /** The history begins with this number, as far as is known. */
  #begins = null;
  /** Numbers above this one have been asked for: a producer's own numbers may leave some out. */
  #asked = null;
  /** Lines before that one are known not to be kept. */
  #hasLeft = false;
  /** A read of all that there is goes on. */
  #all = null;

  /** `fetch(since, until, { signal })` gives a promise of `{ records, gap }`; `onNews()` is called when `note` or the store has changed. */
  constructor({ store, fetch, onNews }) {
    this.#store = store;
    this.#fetch = fetch;
    this.#onNews = onNews;
  }

  /** A new stream: what was known of the history is void. */
  reset() {
    this.cancel();
    this.#begins = null;
    this.#asked = null;
    this.#hasLeft = false;
    this.#failure = null;
  }

  cancel() {
    this.#reading?.abort();
    this.#reading = null;
    this.#all = null;
  }

  get isReadingAll() {
    return this.#all !== null;
  }

  /** Lines have left the page: they can be asked for again. */
  forget() {
    this.#asked = null;
  }

  get #oldest() {
    return this.#store.hasEarlierStream ? null : this.#store.oldest;
  }

  get #next() {
    const oldest = this.#oldest;
    return oldest === null ? null : Math.min(oldest, (this.#asked ?? oldest - 1) + 1);
  }

  /** Whether there may be older lines, and room for them. */
  get mayRead() {
    return this.extent === "more";
  }

  /** What there is before the oldest line: "more", nothing as it is the "first" of the stream, lines that have "left" the history or for which the page is "full"; or "unknown". */
  get extent() {
    const next = this.#next;
    if (next === null) {
      return "unknown";
    }
    if (next <= 1 || (this.#begins !== null && next <= this.#begins)) {
      return this.#hasLeft ? "left" : "first";
    }
    return this.#store.room(SLACK) > 0 ? "more" : "full";
  }

  /** What stands above the oldest line. */
  get note() {
    const oldest = this.#oldest;
    if (this.#store.hasEarlierStream) {
      return "The page keeps no older lines of the stream before.";
    }
    if (oldest === null) {
      return this.#store.lines > 0 ? "The first line that this page got." : "";
    }
    if (this.#reading !== null) {
      return "Fetching older lines…";
    }
    if (this.#failure !== null) {
      return `Older lines could not be fetched: ${this.#failure}.`;
    }
    switch (this.extent) {
      case "first": return "The first line of the stream.";
      case "left": return "Older lines have left the stream’s history.";
      case "full": return `This page keeps ${grouped(this.#store.lines)} lines at most; older ones are in the stream’s history.`;
      default: return "Older lines follow when you scroll up.";
    }
  }

  /** Reads some more, unless it does already. */
  readMore() {
    if (this.#reading === null && this.mayRead && performance.now() - this.#failedAt > AFTER_FAILURE) {
      this.#read((next) => next - 1 - A_READ).catch(() => {});
    }
  }

  /** Reads until there are no older lines, or no room beyond the page's own and `slack()`; resolves to whether it came so far, or failed, and was not cancelled. */
  async readAll(slack) {
    this.cancel();
    const all = {};
    this.#all = all;
    try {
      while (this.mayRead && this.#store.room(slack()) > 0) {
        await this.#read((next) => next - 1 - Math.min(this.#aLongRead, this.#store.room(slack())));
      }
    } catch {
      // `note` says why.
    }
    if (this.#all !== all) {
      return false;
    }
    this.#all = null;
    this.#onNews();
    return true;
  }

  get #aLongRead() {
    return Math.max(1, Math.min(A_LONG_READ, Math.floor(A_LOT / this.#store.bytesOfALine)));
  }

  /** Reads until the page has line `number`; returns a sentence that says why not, or `null` if it is there. */
  async readTo(number) {
    this.cancel();
    if (this.#begins !== null && number < this.#begins) {
      return this.#left(number);
    }
    if (this.#oldest === null) {
      return `Line ${grouped(number)} is not on this page, and cannot be fetched.`;
    }
    if (this.#oldest - number > this.#store.room(SLACK)) {
      return `Line ${grouped(number)} is further back than the ${grouped(this.#store.lines + this.#store.room(SLACK))} lines that this page can keep.`;
    }
    const goal = Math.max(1, number - CONTEXT);
    try {
      while (this.#oldest > number && this.mayRead) {
        await this.#read((next) => Math.max(goal - 1, next - 1 - this.#aLongRead));
      }
    } catch (error) {
      return error.name === "AbortError" ? null : `Line ${grouped(number)} could not be fetched: ${error.message}.`;
    }
    return this.#store.find(number) === null ? this.#left(number) : null;
  }

  #left(number) {
    const oldest = this.#store.oldest;
    return oldest !== null && number > oldest
      ? `Line ${grouped(number)} was missed.`
      : `Line ${grouped(number)} has left the stream’s history, which begins with line ${grouped(oldest)}.`;
  }

  /** One read, down to what `sinceOf` says of the oldest number there is. */
  async #read(sinceOf) {
    const reading = new AbortController();
    this.#reading = reading;
    this.#failure = null;
    this.#onNews();
    const oldest = this.#oldest;
    const until = this.#next - 1;
    const since = Math.max(0, sinceOf(until + 1));
    try {
      const { records, gap } = await this.#fetch(since, until, { signal: reading.signal });
      if (reading.signal.aborted) {
        throw new Error("cancelled");
      }
      if (this.#oldest !== oldest) {
        throw new Error("lines have left the page in the meantime");
      }
      this.#took(records.filter(({ number }) => number > since && number <= until), gap, since);
    } catch (error) {
      if (reading.signal.aborted) {
        throw Object.assign(new Error("cancelled"), { name: "AbortError" });
      }
      this.#failure = error.message;
      this.#failedAt = performance.now();
      throw error;
    } finally {
      if (this.#reading === reading) {
        this.#reading = null;
      }
      this.#onNews();
    }
  }

  #took(records, gap, since) {
    this.#store.prepend(records);
    this.#asked = since;
    const first = records.length > 0 ? records[0].number : null;
    if (since === 0 || gap !== null || first === null) {
      this.#begins = first ?? this.#oldest;
      this.#hasLeft = gap !== null || since > 0;
    }
  }
}
