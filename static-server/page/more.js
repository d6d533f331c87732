// What does not take room from the lines: the figures, and how to do the same elsewhere. Beside the clock it is always there, below it.

/** The button that opens and closes it; Escape and a click beside it close it, too. */
export class More {
  #button = document.getElementById("more-button");
  #panel = document.getElementById("more");

  get isOpen() {
    return this.#button.getAttribute("aria-expanded") === "true";
  }

  constructor() {
    this.#button.addEventListener("click", () => this.#toggle(!this.isOpen));
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.isOpen && !this.#panel.contains(target) && !this.#button.contains(target)) {
        this.#toggle(false);
      }
    });
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) {
        event.stopPropagation();
        this.#toggle(false);
      }
    });
  }

  close() {
    if (this.isOpen) {
      this.#toggle(false);
    }
  }

  #toggle(isOpen) {
    this.#button.setAttribute("aria-expanded", String(isOpen));
    document.body.classList.toggle("more-open", isOpen);
    (isOpen ? this.#panel : this.#button).focus({ preventScroll: true });
  }
}
