// The view of dates: the newest message large, how even the arrivals are, the newest hundred as a list.

import { Arrivals, ClockOffset } from "./arrivals.js";
import { Chart } from "./chart.js";
import { findDate } from "./dates.js";
import { MessageList } from "./messages.js";
import { showClock, showCurrent, showEvenness, showListNote } from "./view.js";

/** Milliseconds between two drawings of the list and the charts while messages pour in. */
const SHORTEST_REDRAW = 100;
/** A stream of dates that is silent for so many beats, and for 15 s, is dead: a broken network says nothing. */
const DEAD_AFTER_BEATS = 10;
const DEAD_AFTER = 15_000;

export class ClockView {
  #element;
  #list;
  #chart;
  #onChange;
  #arrivals = new Arrivals();
  #clock = new ClockOffset();
  #newest = null;
  #lastArrival = null;
  #redraw = null;
  #lastRedraw = 0;

  /** `onChange()` is called when the pause begins or ends. */
  constructor({ element, onChange }) {
    this.#element = element;
    this.#onChange = onChange;
    this.#list = new MessageList(document.getElementById("messages"));
    this.#chart = new Chart(document.getElementById("chart"));
  }

  get paused() {
    return this.#list.paused;
  }

  /** Messages that came since the pause began. */
  get whilePaused() {
    return this.#list.whilePaused;
  }

  show() {
    this.#element.hidden = false;
    this.#schedule();
  }

  hide() {
    this.#element.hidden = true;
  }

  /** Takes a message that came at `now`; the first one of a connection comes at once, on no beat. */
  add(record, now) {
    if (this.#lastArrival !== null) {
      this.#arrivals.record(now);
    }
    this.#lastArrival = now;
    this.#newest = record;
    this.#list.add({ ...record, kind: "message" });
    this.#schedule();
  }

  /** Takes a row that is no message of the stream: `kind` is notice, event or event lost. */
  event(record) {
    this.#list.add({ number: null, ...record });
    this.#schedule();
  }

  /** Another connection has another phase. */
  restart() {
    this.#lastArrival = null;
    this.#arrivals.restart();
  }

  pause(paused) {
    this.#list.pause(paused);
    this.#onChange();
    this.#schedule();
  }

  rate(now) {
    return this.#arrivals.rate(now);
  }

  /** Milliseconds of a silence that a living stream of dates cannot keep; `null` if there is none. */
  deadSilence(now) {
    const { steady, beat } = this.#arrivals.evenness() ?? {};
    const silence = now - (this.#lastArrival ?? now);
    const isDead = steady && silence > Math.max(DEAD_AFTER, DEAD_AFTER_BEATS * beat) && findDate(this.#newest.text)?.whole;
    return isDead ? silence : null;
  }

  /** Draws with the next frame, at most ten times a second: however fast messages come, the page stays quick. */
  #schedule() {
    if (this.#redraw === null && !this.#element.hidden) {
      const early = SHORTEST_REDRAW - (performance.now() - this.#lastRedraw);
      const draw = () => this.#draw();
      this.#redraw = early > 0 ? setTimeout(() => requestAnimationFrame(draw), early) : requestAnimationFrame(draw);
    }
  }

  #draw() {
    this.#redraw = null;
    this.#lastRedraw = performance.now();
    showListNote(this.#list);
    if (this.#list.paused || this.#newest === null) {
      return;
    }
    const date = findDate(this.#newest.text);
    if (date?.whole) {
      this.#clock.record(date.instant, date.resolution, this.#newest.wall);
    }
    showClock(this.#clock.bounds(), date);
    showCurrent(this.#newest, date);
    this.#list.flush();
    showEvenness(this.#arrivals, this.#chart, this.#lastRedraw);
  }
}
