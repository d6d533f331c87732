// What the page's single elements say. Text only: whatever came from the network goes through `textContent`.

import { localLong, reader, splitAtClock } from "./dates.js";
import { make, setText } from "./dom.js";
import { grouped } from "./numbers.js";

const LONGEST_CURRENT = 600;
const at = (id) => document.getElementById(id);

/** Sets an element's text, unless it says so already. */
export function put(id, text) {
  setText(at(id), text);
}

/** Tells screen readers. Used for changes of the connection and answers to buttons, never for messages. */
export function announce(text) {
  put("announce", text);
}

/** What the page is at, for its style: the phase of the connection, and the state of the whole. */
export function showPhase(phase, state) {
  const { dataset } = at("status");
  dataset.phase = phase;
  document.body.dataset.state = state;
  at("retry").hidden = phase !== "waiting";
}

/** Whether the tab has a token that can be forgotten. */
export function showTokenKept(isKept) {
  at("token-kept").hidden = !isKept;
}

/** Makes room for the view of `clock` or `lines`, and takes the figures there. */
export function showView(view) {
  document.body.dataset.view = view;
  at("waiting").hidden = true;
  at(view === "clock" ? "now" : "more-figures").append(at("figures"));
}

/** The newest message, large: a date with its clock face apart, anything else as it is. */
export function showCurrent({ text, kind }, date) {
  const element = at("current");
  element.dataset.kind = date?.whole ? "date" : kind;
  if (date?.whole) {
    const [before, face, after] = splitAtClock(text);
    element.replaceChildren(...[["day", before], ["face", face], ["zone", after]].map(([className, textContent]) => make("span", { className, textContent })));
  } else {
    element.textContent = text.length > LONGEST_CURRENT ? `${text.slice(0, LONGEST_CURRENT)}…` : text;
  }
  at("mine").hidden = date === null;
  if (date !== null) {
    const time = at("mine-time");
    time.textContent = localLong(date.instant);
    time.dateTime = new Date(date.instant).toISOString();
    time.lang = reader.language;
    put("mine-zone", `(${reader.zone})`);
  }
}

/** The counters below the newest message; a stream that has ended has no rate, not even an unknown one. */
export function showFigures({ messages, left, reconnects }, { rate, isEnded }) {
  document.getElementById("rate").parentElement.hidden = isEnded;
  put("count", grouped(messages));
  put("left", grouped(left));
  put("reconnects", `${reconnects}`);
  put("rate", rate === null ? "–" : rate.toLocaleString("en", { maximumFractionDigits: rate < 10 ? 2 : 0 }));
}

/** Beside the pause button: what is kept, or what has come since the pause. */
export function showListNote({ paused, whilePaused }) {
  const since = whilePaused === 1 ? "one message" : `${grouped(whilePaused)} messages`;
  put("list-note", paused ? `Paused: ${since} since. All are counted, the newest 100 are kept.` : "The newest 100 are kept. Times on the right are yours.");
}

/** The chart and its summary in words. */
export function showEvenness(arrivals, chart, now) {
  const evenness = arrivals.evenness();
  if (evenness === null) {
    put("chart-summary", "A few more messages are needed.");
    putBeat("–", "–", "–");
  } else if (!evenness.steady) {
    const rates = arrivals.rates(now);
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    chart.showRates(rates);
    put("chart-summary", `The messages keep no beat: ${grouped(total)} in the last minute, ${grouped(Math.max(...rates))} in its fullest second.`);
    putBeat("none", "–", "–");
  } else {
    const { beat, off, median, p95, missed } = evenness;
    chart.showBeat(off);
    const gaps = missed === 0 ? "" : missed === 1 ? " One beat passed without a message." : ` ${missed} beats passed without a message.`;
    put("chart-summary", `Of the last ${off.length} messages, half came within ${ms(median)} of the beat and 95 % within ${ms(p95)}.${gaps}`);
    putBeat(ms(beat), ms(median), ms(p95));
  }
}

function putBeat(beat, median, p95) {
  put("beat", beat);
  put("median", median);
  put("p95", p95);
}

/** Server's clock less the reader's, as far as the dates so far tell; `date` is the newest message's, or `null`. */
export function showClock(bounds, date) {
  if (bounds === null) {
    put("clock", date === null ? "the messages hold no date to compare" : "the messages are more than a date");
    return;
  }
  const { low, high } = bounds;
  const cut = (date?.resolution ?? 1000) >= 1000 ? "as far as whole seconds tell" : "network included";
  if (low <= 0 && high >= 0) {
    put("clock", `they agree, ${cut} (between ${seconds(low)} and ${seconds(high)} s)`);
  } else {
    const word = low > 0 ? "ahead" : "behind";
    const [near, far] = low > 0 ? [low, high] : [-high, -low];
    put("clock", `${seconds(near)} to ${seconds(far)} s ${word}, ${cut}`);
  }
}

function ms(value) {
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;
}

function seconds(milliseconds) {
  return (Math.round(milliseconds / 10) / 100 + 0).toFixed(2).replace("-", "−");
}
