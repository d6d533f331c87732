// How high rows are, in pixels: all alike or, where they are wrapped, as those were that have been in the document.

const KEPT = 4_000;

export class Heights {
  #row = 20;
  #average = 20;
  #measured = new Map();
  #wrapped = false;

  get wrapped() {
    return this.#wrapped;
  }

  set wrapped(wrapped) {
    this.#wrapped = wrapped;
    this.row = this.#row;
  }

  /** A row of one line. */
  get row() {
    return this.#row;
  }

  /** Another font, or another size of it: all must be measured anew. */
  set row(height) {
    this.#row = height;
    this.#average = height;
    this.forget();
  }

  /** One row with another. */
  get average() {
    return this.#wrapped ? this.#average : this.#row;
  }

  /** What rows show, or how wide they are, has changed. */
  forget() {
    this.#measured.clear();
  }

  /** The row at `place`; one that has not been measured counts as a row of one line. */
  of(place) {
    return this.#wrapped ? this.#measured.get(place) ?? this.#row : this.#row;
  }

  /** All rows from place `from` to `to`, exclusive. */
  between(from, to) {
    if (!this.#wrapped) {
      return (to - from) * this.#row;
    }
    let sum = 0;
    for (let place = from; place < to; place += 1) {
      sum += this.of(place);
    }
    return sum;
  }

  /** Measures rows that are in the document, which makes the browser lay them out: only those that are wrapped. */
  measure(rows) {
    if (!this.#wrapped || rows.length === 0) {
      return;
    }
    if (this.#measured.size > KEPT) {
      this.forget();
    }
    let sum = 0;
    for (const { place, element } of rows) {
      const height = element.offsetHeight;
      this.#measured.set(place, height);
      sum += height;
    }
    this.#average = 0.9 * this.#average + 0.1 * (sum / rows.length);
  }
}
