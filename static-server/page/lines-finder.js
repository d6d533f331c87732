// Finds the lines that match, newest first, then as they arrive; the work is another thread's, which is ended if it takes too long.

import { plain } from "./ansi.js";
import { Matches, rangesOf } from "./search.js";

const WORKER = new URL("lines-search-worker.js", import.meta.url);
/** Blocks of lines that the other thread has before it; more would only wait there. */
const IN_FLIGHT = 3;
/** The same for lines that arrive, which come first. */
const MOST_IN_FLIGHT = 16;
/** Lines of a block whose text must first be read as a terminal would, which is this thread's work. */
const READ_AT_ONCE = 256;
/** Milliseconds of a frame for handing blocks over. */
const A_FRAME = 2;
/** Milliseconds for a block, or for the lines in view. */
const PATIENCE = 2_000;
const REMEMBERED = 4_000;

export class Finder {
  #store;
  #onNews;
  #expression = null;
  #isSafe = true;
  #worker = null;
  #waiting = new Map();
  #parts = new Map();
  #asked = new Map();
  #watch = null;
  /** Lines from `#since` to `#until` have been handed over. */
  #since = 0;
  #until = 0;
  #isStopped = false;
  #isReady = false;
  matches = new Matches();

  /** `onNews(serials)` is called when more is known: of the lines `serials`, or in general. */
  constructor({ store, onNews }) {
    this.#store = store;
    this.#onNews = onNews;
  }

  get isActive() {
    return this.#expression !== null;
  }

  /** The search took too long: what was found until then is all. */
  get isStopped() {
    return this.#isStopped;
  }

  get isSearching() {
    return this.isActive && !this.#isStopped && (this.#waiting.size > 0 || this.#since > this.#store.first || this.#until < this.#store.end);
  }

  /** Whether all rows from `serial` on have been looked at, but for those that have just come. */
  hasSearched(serial) {
    return this.#since <= serial && ![...this.#waiting.values()].includes("older");
  }

  /** Searches for `expression` (of `compile`), or for nothing if it is `null`. `isSafe` says that it is a text and cannot take long. */
  search(expression, isSafe) {
    this.#end();
    this.#expression = expression;
    this.#isSafe = isSafe;
    this.#isStopped = false;
    this.matches = new Matches();
    this.#parts.clear();
    this.#since = this.#until = this.#store.end;
    if (expression !== null) {
      this.#begin();
    }
  }

  /** Hands over what is new, and some of what is old. Once a frame. */
  update() {
    if (!this.isActive) {
      return;
    }
    this.matches.dropBefore(this.#store.first);
    if (this.#isStopped) {
      return;
    }
    const started = performance.now();
    this.#until = Math.max(this.#until, this.#store.first);
    this.#since = Math.max(this.#since, this.#store.first);
    while (this.#until < this.#store.end && this.#waiting.size < MOST_IN_FLIGHT && performance.now() - started < A_FRAME) {
      const end = Math.min(this.#store.end, this.#until + READ_AT_ONCE);
      this.#handOver(this.#until, end, "newer");
      this.#until = end;
    }
    while (this.#since > this.#store.first && this.#waiting.size < IN_FLIGHT && performance.now() - started < A_FRAME) {
      const block = this.#store.block(this.#since - 1);
      const first = this.#store.isRead(block.first) ? block.first : Math.max(block.first, this.#since - READ_AT_ONCE);
      this.#handOver(first, this.#since, "older");
      this.#since = first;
    }
  }

  /** Where a line matches, as far as it is known now. */
  ranges(serial, text) {
    if (!this.isActive) {
      return [];
    }
    if (this.#isSafe) {
      return rangesOf(this.#expression, text);
    }
    const known = this.#parts.get(serial);
    if (known === undefined && !this.#isStopped) {
      this.#asked.set(serial, text);
    }
    return known ?? [];
  }

  /** Asks for what `ranges` did not know. */
  askForRanges() {
    if (this.#asked.size > 0 && this.#worker !== null) {
      this.#worker.postMessage({ serials: [...this.#asked.keys()], parts: [...this.#asked.values()] });
      this.#waiting.set("ranges", null);
      this.#watchOut();
    }
    this.#asked.clear();
  }

  #handOver(first, end, side) {
    const texts = this.#store.texts(first, end, plain);
    this.#waiting.set(first, side);
    this.#worker.postMessage({ key: first, texts });
    this.#watchOut();
  }

  #begin() {
    const worker = new Worker(WORKER);
    this.#isReady = false;
    worker.onmessage = ({ data }) => this.#heard(data);
    worker.onerror = () => this.#stop();
    worker.postMessage(this.#expression);
    this.#worker = worker;
  }

  #heard({ ready, key, found, serials, parts }) {
    clearTimeout(this.#watch);
    this.#watch = null;
    this.#isReady = true;
    if (serials !== undefined) {
      this.#waiting.delete("ranges");
      this.#remember(serials, parts);
    } else if (ready === undefined) {
      const side = this.#waiting.get(key);
      this.#waiting.delete(key);
      this.#take(key, found, side);
    }
    if (this.#waiting.size > 0) {
      this.#watchOut();
    }
    this.#onNews(serials === undefined ? null : new Set(serials));
  }

  #take(first, found, side) {
    const serials = [];
    for (const index of found) {
      if (first + index >= this.#store.first && this.#store.isLine(first + index)) {
        serials.push(first + index);
      }
    }
    if (side === "newer") {
      this.matches.push(serials);
    } else {
      this.matches.unshift(serials);
    }
  }

  #remember(serials, parts) {
    if (this.#parts.size > REMEMBERED) {
      this.#parts.clear();
    }
    serials.forEach((serial, index) => {
      const ends = parts[index];
      this.#parts.set(serial, Array.from({ length: ends.length / 2 }, (_, part) => ({ start: ends[2 * part], end: ends[2 * part + 1] })));
    });
  }

  /** Each answer must come in time; the thread's start is not its fault. */
  #watchOut() {
    if (this.#isReady) {
      this.#watch ??= setTimeout(() => this.#stop(), PATIENCE);
    }
  }

  #stop() {
    this.#end();
    this.#isStopped = true;
    this.#onNews(null);
  }

  #end() {
    clearTimeout(this.#watch);
    this.#watch = null;
    this.#worker?.terminate();
    this.#worker = null;
    this.#waiting.clear();
    this.#asked.clear();
  }
}
