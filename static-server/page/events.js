// The event stream format (HTML Standard §9.2.6), for answers that are read by `fetch`. No DOM in here.

/** A line ends with CR LF, LF or CR; a CR at the end of a piece may be half of one. */
const END_OF_LINE = /\r\n|\n|\r(?!$)/g;

/** Calls `onEvent({ type, id, data })` with each event; `id` is the event's own, or `null`. */
export class EventParser {
  #onEvent;
  #rest = "";
  #goesOn = true;
  #event = blank();

  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  /** Takes the next piece of the text. Returns false as soon as `onEvent` has: then nothing more is parsed. */
  feed(text) {
    const all = this.#rest + text;
    let from = 0;
    for (const { index, 0: ending } of all.matchAll(END_OF_LINE)) {
      this.#line(all.slice(from, index));
      from = index + ending.length;
      if (!this.#goesOn) {
        break;
      }
    }
    this.#rest = all.slice(from);
    return this.#goesOn;
  }

  #line(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    // "If value starts with a U+0020 SPACE character, remove it from value."
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") {
      this.#event.data.push(value);
    } else if (name === "event") {
      this.#event.type = value;
    } else if (name === "id" && !value.includes("\0")) {
      this.#event.id = value;
    }
  }

  #dispatch() {
    const { type, id, data } = this.#event;
    this.#event = blank();
    if (data.length > 0) {
      this.#goesOn = this.#onEvent({ type: type || "message", id, data: data.join("\n") }) !== false;
    }
  }
}

const blank = () => ({ type: "", id: null, data: [] });
