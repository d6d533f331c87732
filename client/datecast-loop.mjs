// What a loop over a stream has still to take.

/** Holds messages for one reader, and answers each of its `take()`s with the next one, in order. */
export class Backlog {
  #held = [];
  #first = 0;
  #asked = [];
  #characters = 0;
  #isEnded = false;
  #error = null;
  #onTaken;

  /** `onTaken()` is called whenever the reader has taken a held message. */
  constructor(onTaken) {
    this.#onTaken = onTaken;
  }

  /** Messages, and characters of them, that are held. */
  get length() {
    return this.#held.length - this.#first;
  }

  get characters() {
    return this.#characters;
  }

  add(message) {
    if (this.#isEnded) {
      return;
    }
    if (this.#asked.length > 0) {
      this.#asked.shift().resolve({ value: message, done: false });
    } else {
      this.#held.push(message);
      this.#characters += message.text.length;
    }
  }

  /** Nothing comes any more: the reader gets what is held, and then the end, or `error`. */
  end(error = null) {
    if (this.#isEnded) {
      return;
    }
    this.#isEnded = true;
    this.#error = error;
    for (const asked of this.#asked.splice(0)) {
      this.#finish(asked);
    }
  }

  /** The reader gets nothing of what is held. */
  drop() {
    this.#held = [];
    this.#first = 0;
    this.#characters = 0;
  }

  take() {
    return new Promise((resolve, reject) => {
      if (this.length > 0) {
        resolve({ value: this.#next(), done: false });
        this.#onTaken();
      } else if (this.#isEnded) {
        this.#finish({ resolve, reject });
      } else {
        this.#asked.push({ resolve, reject });
      }
    });
  }

  #next() {
    const message = this.#held[this.#first];
    this.#held[this.#first] = undefined;
    this.#first += 1;
    this.#characters -= message.text.length;
    // Half of it is empty places: moving the rest costs each message one move at the most.
    if (this.#first * 2 >= this.#held.length) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
    return message;
  }

  /** An error is thrown once; behind it is the end. */
  #finish({ resolve, reject }) {
    const error = this.#error;
    this.#error = null;
    if (error === null) {
      resolve({ value: undefined, done: true });
    } else {
      reject(error);
    }
  }
}
