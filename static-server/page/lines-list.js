// What the view shows of the store: all lines or those that match, up to where a pause began. A place is a row's number in that.

import { plain } from "./ansi.js";

export class LineList {
  #store;
  #finder;
  /** The serial that nothing is shown from during a pause. */
  #frozen = null;
  only = false;

  constructor({ store, finder }) {
    this.#store = store;
    this.#finder = finder;
  }

  /** Only lines that match are shown. */
  get isFiltered() {
    return this.only && this.#finder.isActive;
  }

  get first() {
    return this.isFiltered ? this.#finder.matches.first : this.#store.first;
  }

  get end() {
    return this.#frozen === null ? this.#endOfAll : Math.max(this.first, this.placeOf(this.#frozen));
  }

  get #endOfAll() {
    return this.isFiltered ? this.#finder.matches.end : this.#store.end;
  }

  /** How many lines are shown; a pause does not hold this number. */
  get count() {
    return this.isFiltered ? this.#finder.matches.count : this.#store.lines;
  }

  serialAt(place) {
    return this.isFiltered ? this.#finder.matches.at(place) : place;
  }

  /** The place of a row, or of the next newer one that is shown. */
  placeOf(serial) {
    return this.isFiltered ? this.#finder.matches.placeOf(serial) : serial;
  }

  has(serial) {
    const place = this.placeOf(serial);
    return place < this.end && this.serialAt(place) === serial;
  }

  /** The text at a place as a terminal would show it, `null` if that is no line, or gone. */
  textAt(place) {
    return place < this.first ? null : this.#textOf(this.serialAt(place));
  }

  /** What is shown now as `{ first, end, textAt }`, which stays that while it is read: whatever is searched, filtered or arrives meanwhile. */
  get contents() {
    const matches = this.isFiltered ? this.#finder.matches : null;
    const textAt = (place) => {
      if (matches !== null && place < matches.first) {
        return null;
      }
      const serial = matches === null ? place : matches.at(place);
      return serial < this.#store.first ? null : this.#textOf(serial);
    };
    return { first: this.first, end: this.end, textAt };
  }

  #textOf(serial) {
    const { text, kind } = this.#store.row(serial);
    return kind === "line" ? plain(text) : null;
  }

  /** What comes from now on is not shown. */
  freeze() {
    this.#frozen = this.#store.end;
  }

  thaw() {
    this.#frozen = null;
  }

  /** A row that came during the pause can be gone to, without ending it. */
  includeInPause(serial) {
    if (this.#frozen !== null && serial >= this.#frozen) {
      this.freeze();
    }
  }
}
