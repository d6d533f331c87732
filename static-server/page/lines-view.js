// The view of lines.

/** Shows records as lines in `element`. */
export class LinesView {
  #element;

  constructor({ element }) {
    this.#element = element;
  }

  add(records) {
    for (const { text } of records) {
      this.#row(text);
    }
  }

  event({ text }) {
    this.#row(text);
  }

  reset() {
    this.#element.replaceChildren();
  }

  show() {
    this.#element.hidden = false;
  }

  hide() {
    this.#element.hidden = true;
  }

  #row(text) {
    const row = document.createElement("div");
    row.textContent = text;
    this.#element.append(row);
    if (this.#element.childElementCount > 1000) {
      this.#element.firstElementChild.remove();
    }
  }
}
