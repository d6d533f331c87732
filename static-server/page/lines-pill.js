// The button over the lines that says what is new, and leads there.

import { icon, make, setText } from "./dom.js";
import { counted } from "./numbers.js";

export class Pill {
  #words = make("span");

  constructor(onClick) {
    this.element = make("button", { type: "button", className: "lines-pill", hidden: true }, icon("M12 5v14m-6-6 6 6 6-6"), this.#words);
    this.element.addEventListener("click", onClick);
  }

  /** Shows that so many lines are `unseen`; it stands there during a pause, and else if `isAway` from the newest line. */
  show({ isAway, paused, unseen }) {
    this.element.hidden = !isAway && !paused;
    const what = unseen === 0 ? (paused ? "Go on" : "To the newest") : counted(unseen, "new line");
    setText(this.#words, paused && unseen > 0 ? `Paused: ${what}` : what);
  }
}
