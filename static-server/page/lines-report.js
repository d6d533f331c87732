// What is told of the lines: a summary for a screen reader now and then, and the numbers of title and status.

import { counted } from "./numbers.js";

/** Milliseconds between two summaries, and between two reports of numbers. */
const SUMMARY_EVERY = 10_000;
const REPORT_EVERY = 200;

export class Reporter {
  #announce;
  #onChange;
  #numbers;
  #arrived = 0;
  #summarized = 0;
  #summaryTimer = null;
  #timer = null;
  #last = "";
  isShown = false;

  /** `numbers()` gives `{ following, paused, unseen, total, shown }`, which `onChange` hears; `announce` tells a screen reader. */
  constructor({ announce, onChange, numbers }) {
    this.#announce = announce;
    this.#onChange = onChange;
    this.#numbers = numbers;
  }

  /** So many lines have come. */
  came(count) {
    this.#arrived += count;
    this.#summaryTimer ??= setTimeout(() => this.#summarize(), SUMMARY_EVERY);
  }

  /** Something may have changed. Whether the view follows is told at once, numbers a little later. */
  update() {
    const { following, paused } = this.#numbers();
    if (`${following} ${paused}` === this.#last) {
      this.#timer ??= setTimeout(() => this.#report(), REPORT_EVERY);
    } else {
      this.#report();
    }
  }

  #report() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const numbers = this.#numbers();
    this.#last = `${numbers.following} ${numbers.paused}`;
    this.#onChange(numbers);
  }

  #summarize() {
    this.#summaryTimer = null;
    const count = this.#arrived - this.#summarized;
    this.#summarized = this.#arrived;
    if (this.isShown) {
      this.#announce(`${counted(count, "new line")}.`);
    }
  }
}
