// The rows that are in the document: as many as can be seen and some around them, used again for other lines as the view moves.

import { make } from "./dom.js";
import { dress } from "./lines-colours.js";
import { grouped } from "./numbers.js";

/**
 * Cuts a text where its style or its marks change: `[{ start, end, style, mark }]` in order, `style` and `mark` being `null` for what has none. `spans`
 * are `{ start, end, style }`, `ranges` are `{ start, end }`, each in order and not overlapping; they may go beyond `length`.
 */
export function segments(length, spans, ranges) {
  const parts = [];
  let [span, range] = [0, 0];
  for (let start = 0; start < length;) {
    while (span < spans.length && spans[span].end <= start) {
      span += 1;
    }
    while (range < ranges.length && ranges[range].end <= start) {
      range += 1;
    }
    const ends = [length];
    const style = within(spans[span], start, ends);
    const mark = within(ranges[range], start, ends);
    const end = Math.min(...ends);
    parts.push({ start, end, style: style?.style ?? null, mark });
    start = end;
  }
  return parts;
}

/** The part that `start` lies in, or `null`; notes in `ends` where that changes. */
function within(part, start, ends) {
  if (part === undefined) {
    return null;
  }
  ends.push(part.start > start ? part.start : part.end);
  return part.start > start ? null : part;
}

/** Marks that some fonts pile up over the lines above and below. */
const PILE = /\p{M}{4}/u;

/** One row: number, time of arrival, text. */
class Row {
  #number = make("a", { className: "number", tabIndex: -1 });
  #time = make("span", { className: "time" });
  #text = make("span", { className: "text", dir: "auto" });
  #more = null;
  /** The place in the view that it shows now. */
  place = null;
  stamp = -1;
  kind = "line";
  isCut = false;

  constructor() {
    this.element = make("div", { className: "row" }, this.#number, this.#time, this.#text);
  }

  /** What is selected of the text, for a copy of it. */
  get textElement() {
    return this.#text;
  }

  /** Shows `{ kind, number, link, time, text, spans, ranges, hidden, isTarget, isCurrent }`; `hidden` is how many characters of the text are left out. */
  fill({ kind, number = null, link = null, time = "", text, spans = [], ranges = [], hidden = 0, isTarget = false, isCurrent = false }) {
    this.kind = kind;
    this.isCut = hidden > 0;
    put(this.element, "className", `row ${kind}${PILE.test(text) ? " piled" : ""}${isTarget ? " target" : ""}${isCurrent ? " found" : ""}`);
    put(this.#number, "textContent", number === null ? "" : `${number}`);
    if (link === null) {
      this.#number.removeAttribute("href");
    } else {
      this.#number.setAttribute("href", link);
    }
    put(this.#time, "textContent", time);
    if (spans.length === 0 && ranges.length === 0) {
      put(this.#text, "textContent", text);
    } else {
      this.#text.replaceChildren(...segments(text.length, spans, ranges).map((part) => dressed(text.slice(part.start, part.end), part)));
    }
    this.#cut(hidden);
  }

  #cut(hidden) {
    if (hidden === 0) {
      this.#more?.remove();
      this.#more = null;
      return;
    }
    this.#more ??= make("button", { type: "button", className: "whole" });
    this.#more.textContent = `… ${grouped(hidden)} more characters`;
    this.element.append(this.#more);
  }
}

function put(element, property, value) {
  if (property === "textContent" && element.firstChild?.nodeType === 3 && element.firstChild === element.lastChild) {
    if (element.firstChild.data !== value) {
      element.firstChild.data = value;
    }
  } else if (element[property] !== value) {
    element[property] = value;
  }
}

function dressed(text, { style, mark }) {
  if (style === null && mark === null) {
    return document.createTextNode(text);
  }
  const element = make(mark === null ? "span" : "mark", { textContent: text });
  if (style !== null) {
    const { className, properties } = dress(style);
    element.className = className;
    for (const [name, value] of properties) {
      element.style.setProperty(name, value);
    }
  }
  return element;
}

/** Rows that may stay in the document for a selection. */
const MOST_HELD = 3_000;

/** The rows for a stretch of places, in a layer of the document. `fill(row, place)` fills one. */
export class RowWindow {
  #layer;
  #fill;
  #rows = [];
  #from = 0;
  #stamp = 0;
  #filled = 0;

  constructor(layer, fill) {
    this.#layer = layer;
    this.#fill = fill;
  }

  get rows() {
    return this.#rows;
  }

  get from() {
    return this.#from;
  }

  get to() {
    return this.#from + this.#rows.length;
  }

  /** How many rows the last `show` had to fill. */
  get filled() {
    return this.#filled;
  }

  /** What rows show has changed: they, or those at `places` alone, are filled anew with the next `show`. */
  refresh(places = null) {
    if (places === null) {
      this.#stamp += 1;
    } else {
      this.#rows.filter(({ place }) => places.has(place)).forEach((row) => { row.stamp = -1; });
    }
  }

  /** Shows the places from `from` to `to`, exclusive, of those from `first` to `end`; and those between them and a selection. */
  show(from, to, first = from, end = to) {
    const held = this.#selected();
    if (held === null) {
      this.#show(from, to, false);
      return;
    }
    const [low, high] = [Math.max(first, Math.min(from, held.from)), Math.min(end, Math.max(to, held.to))];
    if (high - low <= MOST_HELD) {
      this.#show(low, high, true);
    } else {
      // No selection is better than one that goes on in other lines.
      getSelection().removeAllRanges();
      this.#show(from, to, false);
    }
  }

  /** The places in which a selection begins and ends, or `null`: those rows must not be used for other lines. */
  #selected() {
    const selection = getSelection();
    if (selection === null || selection.isCollapsed) {
      return null;
    }
    const ends = [selection.anchorNode, selection.focusNode]
      .filter((node) => this.#layer.contains(node))
      .map((node) => this.#rows.findIndex(({ element }) => element.contains(node)))
      .filter((index) => index !== -1)
      .map((index) => this.#from + index);
    return ends.length === 0 ? null : { from: Math.min(...ends), to: Math.max(...ends) + 1 };
  }

  #show(from, to, isHeld) {
    this.#filled = 0;
    const kept = Math.min(to, this.to) - Math.max(from, this.#from);
    // Few rows go on: to move elements would cost more than to fill them again where they are.
    const free = !isHeld && kept < (to - from) / 2 ? this.#rows.splice(0) : this.#release(from, to);
    const isInPlace = this.#rows.length === 0;
    if (isInPlace) {
      this.#from = from;
      this.#rows = free.splice(0, to - from);
    }
    while (this.#from > from) {
      const row = free.pop() ?? new Row();
      this.#layer.prepend(row.element);
      this.#rows.unshift(row);
      this.#from -= 1;
    }
    while (this.to < to) {
      const row = free.pop() ?? new Row();
      this.#layer.append(row.element);
      this.#rows.push(row);
    }
    free.forEach((row) => row.element.remove());
    this.#rows.forEach((row, index) => this.#refill(row, from + index));
  }

  #release(from, to) {
    const before = this.#rows.splice(0, Math.max(0, from - this.#from));
    this.#from += before.length;
    return before.concat(this.#rows.splice(Math.max(0, to - this.#from)));
  }

  #refill(row, place) {
    if (row.place !== place || row.stamp !== this.#stamp) {
      row.place = place;
      row.stamp = this.#stamp;
      this.#filled += 1;
      this.#fill(row, place);
    }
  }
}
