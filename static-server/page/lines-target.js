// The line that the page's address names, as in `#L1234`: shown when it is there, fetched if it is older, and else it is said where it is.

import { grouped } from "./numbers.js";

const TARGET = /^#L(\d{1,15})$/;
const WHILE_FETCHING = 60_000;

export class Target {
  #store;
  #older;
  #note;
  #goTo;
  #isPending = false;
  #isSaid = false;
  /** The number of the line, or `null`. */
  number = null;

  /** `note` is a `Note`, `goTo(serial)` shows a line. */
  constructor({ store, older, note, goTo }) {
    this.#store = store;
    this.#older = older;
    this.#note = note;
    this.#goTo = goTo;
  }

  /** Reads the fragment of the address. */
  read(hash) {
    const match = TARGET.exec(hash);
    this.number = match === null ? null : Number(match[1]);
    this.#isPending = match !== null;
    this.#isSaid = false;
  }

  /** Once a frame until the line is there, or known not to come. */
  seek() {
    const { oldest, newest } = this.#store;
    if (!this.#isPending || newest === null) {
      return;
    }
    const serial = this.#store.find(this.number);
    if (serial === null && this.number > newest) {
      this.#wait(newest);
      return;
    }
    this.#isPending = false;
    if (serial !== null) {
      this.#arrive(serial);
    } else if (this.number < oldest) {
      this.#fetch(this.number);
    } else {
      this.#note.say(`Line ${grouped(this.number)} was missed.`);
    }
  }

  #arrive(serial) {
    if (this.#isSaid) {
      this.#note.say("");
    }
    this.#goTo(serial);
  }

  #wait(newest) {
    if (!this.#isSaid) {
      this.#isSaid = true;
      this.#note.say(`Line ${grouped(this.number)} is not there yet: the newest is ${grouped(newest)}.`);
    }
  }

  async #fetch(number) {
    this.#note.say(`Fetching line ${grouped(number)}…`, WHILE_FETCHING);
    const problem = await this.#older.readTo(number);
    if (number !== this.number) {
      return;
    }
    this.#note.say(problem ?? "");
    const serial = this.#store.find(number);
    if (problem === null && serial !== null) {
      this.#goTo(serial);
    }
  }
}
