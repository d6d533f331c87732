// The keys of the view of lines: what each does, and the dialog that lists them.

import { make } from "./dom.js";

/** Keys, the name of what they do, and what the list says of it. A name without a sentence is listed with the one before it. */
const KEYS = [
  [["/"], "search", "Search"],
  [["n", "Enter"], "next", "Next match (in the search field: Enter)"],
  [["N"], "previous", "Previous match (in the search field: Shift and Enter)"],
  [["Escape"], "leave", "End the search, or what is being fetched"],
  [[" "], "pause", "Pause, and go on"],
  [["w"], "wrap", "Wrap long lines"],
  [["t"], "times", "Show the times of arrival"],
  [["g", "Home"], "first", "To the oldest line that the stream’s history has"],
  [["G", "End"], "last", "To the newest line, and follow"],
  [["ArrowUp"], "up", "A line up"],
  [["ArrowDown"], "down", "A line down"],
  [["PageUp"], "pageUp", "A page up"],
  [["PageDown"], "pageDown", "A page down"],
  [["ArrowLeft"], "left", "To the left"],
  [["ArrowRight"], "right", "To the right"],
  [["?"], "keys", "This list"],
];
const NAMES = { " ": "Space", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", PageUp: "Page Up", PageDown: "Page Down", Escape: "Esc" };
const ACTIONS = new Map(KEYS.flatMap(([keys, action]) => keys.map((key) => [key, action])));

/** The name of what a key press does, or `null`: with Ctrl, Alt or Meta it is the browser's, in a field it is text, and on a button it may press it. */
export function actionOf({ key, ctrlKey, altKey, metaKey, target }) {
  if (ctrlKey || altKey || metaKey || target.closest?.("input, textarea, select, [contenteditable], dialog")) {
    return null;
  }
  if ((key === " " || key === "Enter") && target.closest?.("button, a[href], summary")) {
    return null;
  }
  return ACTIONS.get(key) ?? null;
}

/** The dialog with all keys. */
export class KeyList {
  #dialog;

  constructor(element) {
    const rows = KEYS.map(([keys, , says]) => make("div", {},
      make("dt", {}, ...keys.flatMap((key, index) => [index > 0 ? " or " : "", make("kbd", { textContent: NAMES[key] ?? key })])),
      make("dd", { textContent: says })));
    const close = make("button", { type: "button", textContent: "Close" });
    close.addEventListener("click", () => this.close());
    this.#dialog = make("dialog", { className: "lines-keys", "aria-labelledby": "lines-keys-title" },
      make("h2", { id: "lines-keys-title", textContent: "Keys" }), make("dl", {}, ...rows), close);
    this.#dialog.addEventListener("click", ({ target }) => { if (target === this.#dialog) { this.close(); } });
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "?" || event.key === "Escape") {
        event.preventDefault();
        this.close();
      }
      event.stopPropagation();
    });
    element.append(this.#dialog);
  }

  open() {
    // Firefox before 98 has no dialogs: there it stands below the lines.
    if (this.#dialog.showModal === undefined) {
      this.#dialog.setAttribute("open", "");
      this.#dialog.querySelector("button").focus();
    } else if (!this.#dialog.open) {
      this.#dialog.showModal();
    }
  }

  close() {
    if (this.#dialog.close === undefined) {
      this.#dialog.removeAttribute("open");
    } else {
      this.#dialog.close();
    }
  }
}
