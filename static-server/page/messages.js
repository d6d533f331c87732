// The list of messages: newest first, bounded, frozen while paused.

import { findDate, localClock, localDayAndClock, reader } from "./dates.js";
import { make } from "./dom.js";

const KEPT = 100;
/** Characters of one message that are shown: the server's own limit for a line is 16 KiB. */
const SHOWN = 2_000;

/** Shows records in `element`, an ordered list. */
export class MessageList {
  #element;
  #pending = [];
  #paused = false;
  #missedWhilePaused = 0;

  constructor(element) {
    this.#element = element;
  }

  get paused() {
    return this.#paused;
  }

  /** Messages that came since the pause began. */
  get whilePaused() {
    return this.#missedWhilePaused;
  }

  pause(paused) {
    this.#paused = paused;
    this.#missedWhilePaused = 0;
  }

  /** Takes a record for the next `flush`; of more than a hundred, the newest are kept. */
  add(record) {
    this.#pending.push(record);
    if (this.#paused && !record.kind.startsWith("event")) {
      this.#missedWhilePaused += 1;
    }
    // Cut seldom, so that a firehose costs little per message.
    if (this.#pending.length > 4 * KEPT) {
      this.#pending = this.#pending.slice(-KEPT);
    }
  }

  /** Draws what came since the last call, unless paused. */
  flush() {
    if (this.#paused || this.#pending.length === 0) {
      return;
    }
    const newest = this.#pending.slice(-KEPT).reverse();
    this.#element.classList.toggle("burst", newest.length > 5);
    const rows = document.createDocumentFragment();
    rows.append(...newest.map(row));
    this.#element.prepend(rows);
    while (this.#element.childElementCount > KEPT) {
      this.#element.lastElementChild.remove();
    }
    this.#pending = [];
  }
}

/** One row: number, text, time in the reader's zone. Text from the network goes through `textContent` only. */
function row(record) {
  const text = record.text.length > SHOWN ? `${record.text.slice(0, SHOWN)}…` : record.text;
  const date = record.kind === "message" ? findDate(record.text) : null;
  const instant = date?.instant ?? record.wall;
  return make("li", { className: record.kind },
    make("span", { className: "number", textContent: record.number === null ? "" : `${record.number}` }),
    make("span", { className: "text", textContent: text }),
    make("time", { className: "when", textContent: date !== null ? localDayAndClock(instant) : localClock(instant),
      dateTime: new Date(instant).toISOString(), lang: reader.language }));
}
