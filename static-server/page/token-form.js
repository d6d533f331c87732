// The form that asks for a token.

import { put } from "./view.js";
import { REFUSALS, isToken } from "./token.js";

export class TokenForm {
  #form = document.getElementById("token-form");
  #field = document.getElementById("token");

  /** `onToken(token)` is called with what the reader enters and a server could take. */
  constructor(onToken) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#field.value.trim();
      if (isToken(token)) {
        onToken(token);
      } else {
        this.ask("wrong");
      }
    });
  }

  /** Asks, for one of `REFUSALS`. Takes the focus unless the reader has it elsewhere. */
  ask(why) {
    const isFree = [null, document.body, document.getElementById("main")].includes(document.activeElement) || this.#hasFocus;
    this.#form.hidden = false;
    put("token-title", REFUSALS[why]);
    this.#field.setAttribute("aria-invalid", String(why === "wrong"));
    if (isFree) {
      this.#field.focus();
      this.#field.select();
    }
  }

  hide() {
    if (this.#hasFocus) {
      document.getElementById("main").focus({ preventScroll: true });
    }
    this.#form.hidden = true;
    this.#field.value = "";
  }

  get #hasFocus() {
    return this.#form.contains(document.activeElement);
  }
}
