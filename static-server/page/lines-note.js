// A sentence for the reader, over the lines for a while.

import { make } from "./dom.js";

const FOR = 8_000;

export class Note {
  element = make("p", { className: "lines-note", hidden: true });
  #announce;
  #timer = null;

  /** `announce` tells a screen reader. */
  constructor(announce) {
    this.#announce = announce;
  }

  /** Shows `text` in the place of the one before it, and to the eye alone; an empty one shows nothing. */
  show(text, milliseconds = FOR) {
    clearTimeout(this.#timer);
    this.element.textContent = text;
    this.element.hidden = text === "";
    if (text !== "") {
      this.#timer = setTimeout(() => { this.element.hidden = true; }, milliseconds);
    }
  }

  /** Shows `text`, and tells a screen reader. */
  say(text, milliseconds = FOR) {
    this.show(text, milliseconds);
    if (text !== "") {
      this.#announce(text);
    }
  }
}
