// The field for what is searched, and how.

import { icon, make, setText } from "./dom.js";
import { counted, grouped } from "./numbers.js";
import { compile, complaint } from "./search.js";

/** Milliseconds after the last change of the field until it is searched. */
const REST = 120;

export class SearchBar {
  #field = make("input", { type: "search", className: "pattern", placeholder: "Search", autocomplete: "off", spellcheck: false, "aria-label": "Search the lines",
    enterKeyHint: "search" });
  #exact = toggle("Aa", "Capital and small letters differ");
  #expression = toggle(".*", "A regular expression");
  #only = toggle("Only matching", "Show only lines that match; copy and download take only them, too");
  #count = make("output", { className: "count", "aria-live": "polite" });
  #error = make("p", { className: "error", role: "alert" });
  #scope = make("p", { className: "scope", hidden: true }, make("span"));
  #older = make("button", { type: "button", textContent: "Search older lines", hidden: true });
  #waiting = null;
  #onSearch;
  #onOnly;

  /** `onSearch(expression, isSafe)` for a new search, `null` for none; `onOnly(only)`; `onStep(direction)` for the next (1) and the previous match (-1); `onOlder()` for older lines; `onClose()`, and `onEscape()` for the key, which may end something else first. */
  constructor({ onSearch, onOnly, onStep, onOlder, onClose, onEscape }) {
    this.#onSearch = onSearch;
    this.#onOnly = onOnly;
    this.#field.setAttribute("autocapitalize", "off");
    const previous = button("M6 15l6-6 6 6", "Previous match (N)", () => onStep(-1));
    const next = button("M6 9l6 6 6-6", "Next match (n)", () => onStep(1));
    const close = button("M6 6l12 12M18 6 6 18", "End the search (Esc)", onClose);
    this.element = make("div", { className: "lines-search", role: "search", hidden: true },
      this.#field, this.#exact, this.#expression, this.#only, this.#count, previous, next, close, this.#error,
      this.#scope);
    this.#scope.append(this.#older);
    this.#older.addEventListener("click", onOlder);
    this.#field.addEventListener("input", () => this.#soon());
    this.#field.addEventListener("keydown", (event) => this.#key(event, onStep, onEscape));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && event.target !== this.#field) {
        event.stopPropagation();
        onEscape();
      }
    });
    for (const box of [this.#exact, this.#expression]) {
      box.addEventListener("click", () => { flip(box); this.#search(); });
    }
    this.#only.addEventListener("click", () => { flip(this.#only); this.#onOnly(this.only); });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get only() {
    return isOn(this.#only);
  }

  /** Ends "only matching", without telling it back. */
  showAll() {
    this.#only.setAttribute("aria-pressed", "false");
  }

  open() {
    const wasOpen = this.isOpen;
    this.element.hidden = false;
    this.#field.focus();
    this.#field.select();
    if (!wasOpen) {
      this.#search();
    }
  }

  close() {
    clearTimeout(this.#waiting);
    this.element.hidden = true;
    this.#complain("");
    this.#onSearch(null, true);
  }

  /** What was found: `{ at, count, isSearching, isStopped, scope }`, `at` being the place of the current match from 1, or 0, and `scope` of which lines this is true. */
  show({ at, count, isSearching, isStopped, scope }) {
    const found = at > 0 ? `${grouped(at)} of ${grouped(count)}` : counted(count, "line");
    const text = this.#field.value === "" || this.#error.textContent !== "" && !isStopped ? "" : `${found}${isSearching ? " …" : ""}`;
    setText(this.#count, text);
    const where = text === "" ? "" : scope.text;
    setText(this.#scope.firstChild, where);
    this.#scope.hidden = where === "";
    this.#older.hidden = where === "" || !scope.mayGoOn;
    if (isStopped) {
      this.#complain("This expression takes too long. What was found until then is shown.");
    }
  }

  #key(event, onStep, onEscape) {
    if (event.isComposing) {
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      this.#now();
      onStep(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onEscape();
    }
  }

  #soon() {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#search(), REST);
  }

  #now() {
    if (this.#waiting !== null) {
      this.#search();
    }
  }

  #search() {
    clearTimeout(this.#waiting);
    this.#waiting = null;
    const isExpression = isOn(this.#expression);
    try {
      const expression = compile({ text: this.#field.value, isExpression, isExact: isOn(this.#exact) });
      this.#complain("");
      this.#onSearch(expression, !isExpression);
    } catch (error) {
      this.#complain(`Not a regular expression: ${complaint(error)}`);
      this.#onSearch(null, true);
    }
  }

  #complain(text) {
    if (this.#error.textContent !== text) {
      this.#error.textContent = text;
      this.#field.setAttribute("aria-invalid", String(text !== ""));
    }
  }
}

const isOn = (box) => box.getAttribute("aria-pressed") === "true";
const flip = (box) => box.setAttribute("aria-pressed", String(!isOn(box)));

function toggle(text, title) {
  return make("button", { type: "button", className: "toggle", textContent: text, title, "aria-label": text === "Only matching" ? text : title, "aria-pressed": "false" });
}

function button(path, label, onClick) {
  const element = make("button", { type: "button", className: "step", title: label, "aria-label": label.replace(/ \(.*/, "") }, icon(path));
  element.addEventListener("click", onClick);
  return element;
}
