// Searching lines: what a reader's words mean as an expression, where it matches in a text, and the list of the lines that match. No DOM in here.

const SPECIAL = /[\\^$.*+?()[\]{}|/]/g;
const MOST_RANGES = 500;

/**
 * The expression for `{ text, isExpression, isExact }` as `{ source, flags }`, or `null` for an empty text. `isExact` tells capital letters from small ones.
 *
 * Throws a `SyntaxError` for an expression that is none.
 */
export function compile({ text, isExpression, isExact }) {
  if (text === "") {
    return null;
  }
  const source = isExpression ? text : text.replace(SPECIAL, "\\$&");
  const flags = isExact ? "" : "i";
  try {
    return checked(source, `${flags}u`);
  } catch {
    // Such as `\-`: without the flag `u`, an escape that means nothing stands for its character.
    return checked(source, flags);
  }
}

function checked(source, flags) {
  RegExp(source, flags);
  return { source, flags };
}

/** What is wrong with an expression, in the browser's words without its preamble. */
export function complaint({ message }) {
  return message.replace(/^invalid (?:regular expression|regexp group):?\s*/i, "").replace(/^\/.*\/\w*:\s*/s, "");
}

/** The parts of `text` that `{ source, flags }` matches, as `{ start, end }`; empty matches are none. */
export function rangesOf({ source, flags }, text) {
  const ranges = [];
  for (const match of text.matchAll(RegExp(source, `${flags}g`))) {
    if (match[0] !== "" && ranges.push({ start: match.index, end: match.index + match[0].length }) >= MOST_RANGES) {
      break;
    }
  }
  return ranges;
}

/** Serials of matching lines in their order, growing at both ends. Each has a place that stays its own while others come and go. */
export class Matches {
  /** Those before the place `#base`, the nearest first; and those from it on. */
  #before = [];
  #after = [];
  #base = 0;

  get first() {
    return this.#base - this.#before.length;
  }

  get end() {
    return this.#base + this.#after.length;
  }

  get count() {
    return this.end - this.first;
  }

  at(place) {
    return place < this.#base ? this.#before[this.#base - 1 - place] : this.#after[place - this.#base];
  }

  /** Adds newer ones. */
  push(serials) {
    for (const serial of serials) {
      this.#after.push(serial);
    }
  }

  /** Adds older ones, also in their order. */
  unshift(serials) {
    for (let index = serials.length - 1; index >= 0; index -= 1) {
      this.#before.push(serials[index]);
    }
  }

  /** Drops those older than `serial`. */
  dropBefore(serial) {
    if (this.count === 0 || this.at(this.first) >= serial) {
      return;
    }
    const place = this.placeOf(serial);
    if (place <= this.#base) {
      this.#before.length = this.#base - place;
    } else {
      this.#before = [];
      this.#after.splice(0, place - this.#base);
      this.#base = place;
    }
  }

  /** The place of `serial`, or of the next newer one. */
  placeOf(serial) {
    let [low, high] = [this.first, this.end];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      [low, high] = this.at(middle) < serial ? [middle + 1, high] : [low, middle];
    }
    return low;
  }
}
