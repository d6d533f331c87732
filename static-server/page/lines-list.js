// What the view shows of the store: all lines or those that match, up to where a pause began. A place is a row's number in that.

import { plain } from "./ansi.js";

export class LineList {
  #store;
  #finder;
  /** Where the list ends during a pause: of all rows, and of matching ones. */
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
    const [all, matching] = this.#frozen ?? [this.#store.end, Infinity];
    return Math.max(this.first, this.isFiltered ? Math.min(matching, this.#finder.matches.end) : all);
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
    if (place < this.first) {
      return null;
    }
    const { text, kind } = this.#store.row(this.serialAt(place));
    return kind === "line" ? plain(text) : null;
  }

  /** What comes from now on is not shown. */
  freeze() {
    this.#frozen = [this.#store.end, this.#finder.matches.end];
  }

  thaw() {
    this.#frozen = null;
  }

  /** Another search has begun: what it finds is shown even during a pause, as far as that lets lines be seen. */
  searchAnew() {
    if (this.#frozen !== null) {
      this.#frozen = [this.#frozen[0], Infinity];
    }
  }

  /** A row that came during the pause can be gone to, without ending it. */
  includeInPause(serial) {
    if (this.#frozen !== null && serial >= this.#frozen[0]) {
      this.freeze();
    }
  }
}
