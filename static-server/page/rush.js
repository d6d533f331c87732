// When messages rush in: thousands a second leave a page no time to draw. No DOM in here.

/** So many messages in each of so many seconds are a rush. What is sent at the start, however much, is over before. */
const RUSH = 500;
const SECONDS = 3;

/** Tells once that messages rush in. */
export class Rush {
  #count = 0;
  #since = -Infinity;
  #seconds = 0;

  /** Counts a message, at `now` in milliseconds. Returns true for the one with which a rush has lasted long enough. */
  isNew(now) {
    this.#count += 1;
    if (now - this.#since < 1_000) {
      return false;
    }
    this.#seconds = this.#count > RUSH && now - this.#since < 2_000 ? this.#seconds + 1 : 0;
    this.#since = now;
    this.#count = 0;
    return this.#seconds === SECONDS;
  }
}
