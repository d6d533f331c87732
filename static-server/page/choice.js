// Which view fits what arrives: the clock for dates that go on evenly, the lines for anything else.

import { percentile } from "./arrivals.js";
import { findDate } from "./dates.js";

/** So many dates are looked at for their beat, and so many steps between them are enough for a judgement. */
const JUDGED = 12;
const ENOUGH = 4;

/**
 * What messages make of the view: none before the first one, the clock while all were dates, and the lines from the first one on that was none, for good.
 * `fixed` (`clock` or `lines`) is what the reader asked for, or `null`.
 */
export class ViewChoice {
  #fixed;
  #view = "none";
  #dates = [];

  constructor(fixed) {
    this.#fixed = fixed;
  }

  get view() {
    return this.#view;
  }

  /** True once nothing that arrives can change the view. */
  get settled() {
    return this.#view === "lines" || (this.#fixed !== null && this.#view !== "none");
  }

  /** Looks at the text of a message; returns true if the view is another one now. */
  see(text) {
    if (this.settled) {
      return false;
    }
    const before = this.#view;
    this.#view = this.#fixed ?? (this.#isOfAClock(text) ? "clock" : "lines");
    return this.#view !== before;
  }

  #isOfAClock(text) {
    const date = findDate(text);
    if (!date?.whole) {
      return false;
    }
    if (this.#dates.length < JUDGED) {
      this.#dates.push(date);
    }
    return keepsBeat(this.#dates);
  }
}

/** True unless the dates cannot be a clock's: they go forward, and three of four steps are about as long as the middle one. */
function keepsBeat(dates) {
  const steps = dates.slice(1).map(({ instant }, index) => instant - dates[index].instant);
  if (steps.some((step) => step < 0)) {
    return false;
  }
  if (steps.length < ENOUGH) {
    return true;
  }
  const beat = percentile(steps, 0.5);
  // A date that is cut to whole seconds can be a second off; a beat that was missed makes a long step.
  const slack = Math.max(beat / 4, ...dates.map(({ resolution }) => resolution));
  return percentile(steps.map((step) => Math.abs(step - beat)), 0.75) <= slack;
}

/** `clock` or `lines` if the page's address asks for it, else `null`. */
export function fixedView(search) {
  const view = new URLSearchParams(search).get("view");
  return view === "clock" || view === "lines" ? view : null;
}
