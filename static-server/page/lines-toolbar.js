// The buttons above the lines. Each has a key; on a narrow screen they are pictures only.

import { icon, make, setText } from "./dom.js";
import { counted } from "./numbers.js";

const BUTTONS = [
  ["search", "Search", "/", "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5 20 20"],
  ["pause", "Pause", "Space", "M9 5v14M15 5v14"],
  ["wrap", "Wrap", "w", "M4 6h16M4 12h13a3 3 0 0 1 0 6h-4m2-2-2 2 2 2M4 18h5"],
  ["times", "Times", "t", "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 8v4l3 2"],
  ["first", "Oldest", "g", "M5 5h14M12 20V9m-5 5 5-5 5 5"],
  ["copy", "Copy", "", "M9 9h10v11H9zM5 15V4h10"],
  ["download", "Download", "", "M12 4v11m-5-5 5 5 5-5M5 20h14"],
  ["keys", "Keys", "?", "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2 1-1.2 2.2M12 17.5v.5"],
];
const HINTS = { pause: "Pause, and go on", wrap: "Wrap long lines", times: "Times of arrival in this page", first: "To the oldest line that the stream’s history has",
  copy: "Copy what is selected, or all lines that are shown", download: "Download the lines that are shown, as text", keys: "List of keys" };

/** `act(name)` is called for a button. */
export class Toolbar {
  #buttons = new Map();
  #count = make("span", { className: "total" });

  constructor(act) {
    this.element = make("div", { className: "lines-bar", role: "toolbar", "aria-label": "Lines" }, this.#count);
    for (const [name, label, key, path] of BUTTONS) {
      const hint = `${HINTS[name] ?? label}${key === "" ? "" : ` (${key})`}`;
      const button = make("button", { type: "button", title: hint, "aria-label": label }, icon(path), make("span", { textContent: label }));
      if (key.length === 1) {
        button.setAttribute("aria-keyshortcuts", key);
      }
      button.dataset.action = name;
      button.addEventListener("click", () => act(name));
      this.#buttons.set(name, button);
      this.element.append(button);
    }
  }

  press(name, isPressed) {
    this.#buttons.get(name).setAttribute("aria-pressed", String(isPressed));
  }

  /** `text` on the button for a moment, for instance that something was copied. */
  say(name, text) {
    const label = this.#buttons.get(name).lastChild;
    const [, usual] = BUTTONS.find(([other]) => other === name);
    label.textContent = text;
    setTimeout(() => { label.textContent = usual; }, 2_000);
  }

  /** `isNewest`: there are older ones that the page has not. */
  showCount(lines, isNewest) {
    setText(this.#count, `${isNewest ? "newest " : ""}${counted(lines, "line")}`);
  }
}
