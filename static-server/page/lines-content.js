// What a row of the view shows: a line, cut where it is too long, an event, or what there is above the oldest line.

import { columns, parse } from "./ansi.js";

/** A longer line is cut until the reader asks for the whole. */
const SHOWN = 2_000;
const LEAST_HIDDEN = 200;
/** So is one with more changes of its style: each is an element, and a screen of lines has fifty times as many. */
const MOST_SPANS = 300;
/** The whole of it has so many, and is plain from there: of ten thousand in one row a browser makes half a minute of work. */
const MOST_SPANS_WHOLE = 2_000;

export class Content {
  #store;
  #list;
  #finder;
  #target;
  #space;
  #edge;
  #whole = new Set();
  #columns = 0;
  #digits = 0;
  /** True if the rows show when their lines came. */
  times = false;
  /** The serial of the match that the reader has gone to. */
  current = null;

  /** `space` is the element that is as wide as the widest row, `edge()` what stands above the oldest line. */
  constructor({ store, list, finder, target, space, edge }) {
    this.#store = store;
    this.#list = list;
    this.#finder = finder;
    this.#target = target;
    this.#space = space;
    this.#edge = edge;
  }

  fill(row, place) {
    if (place < this.#list.first) {
      row.fill({ kind: "edge", text: this.#edge() });
      return;
    }
    const serial = this.#list.serialAt(place);
    const { text, number, wall, kind, isPresent } = this.#store.row(serial);
    const line = kind === "line" ? parse(text) : { text, spans: [] };
    const shown = this.#whole.has(serial) ? line.text : beginning(line);
    const ranges = kind === "line" ? this.#finder.ranges(serial, line.text) : [];
    this.#widen(columns(shown));
    row.fill({
      kind,
      number,
      link: number !== null && isPresent ? `#L${number}` : null,
      time: this.times && wall !== null ? clock(wall) : "",
      text: shown,
      spans: line.spans.slice(0, MOST_SPANS_WHOLE),
      ranges,
      hidden: line.text.length - shown.length,
      isTarget: number !== null && isPresent && number === this.#target.number,
      isCurrent: serial === this.current,
    });
  }

  showWhole(serial) {
    this.#whole.add(serial);
  }

  /** Shows a line whole if its first match is beyond what is shown of it. */
  uncut(serial) {
    const line = parse(this.#store.row(serial).text);
    const [range] = this.#finder.ranges(serial, line.text);
    if (range === undefined || range.end > beginning(line).length) {
      this.showWhole(serial);
    }
  }

  /** Makes room for the longest number. */
  widenNumbers() {
    const digits = Math.max(3, `${this.#store.newest ?? ""}`.length);
    if (digits !== this.#digits && this.#store.newest !== null) {
      this.#digits = digits;
      this.#space.style.setProperty("--digits", digits);
    }
  }

  /** The space is as wide as the widest row that was seen: no row need be measured, and the view never becomes narrower while one reads. */
  #widen(count) {
    if (count > this.#columns) {
      this.#columns = count;
      this.#space.style.setProperty("--columns", count);
    }
  }
}

/** The text of a line, of a long one its beginning, not cut within a character. */
function beginning({ text, spans }) {
  const most = spans.length > MOST_SPANS ? Math.min(SHOWN, spans[MOST_SPANS].start) : SHOWN;
  if (text.length <= most + (most < SHOWN ? 0 : LEAST_HIDDEN)) {
    return text;
  }
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

/** `14:03:27.512`, in the reader's zone. */
function clock(wall) {
  const time = new Date(wall);
  const part = (value, length = 2) => `${value}`.padStart(length, "0");
  return `${part(time.getHours())}:${part(time.getMinutes())}:${part(time.getSeconds())}.${part(time.getMilliseconds(), 3)}`;
}
