// Dates inside messages, in each format that ws-server writes, and in the reader's own zone.

const TIME = "\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?";
const FORMATS = [
  // `Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)`, as V8 prints a date
  `[A-Z][a-z]{2} [A-Z][a-z]{2} \\d{2} \\d{4} ${TIME} GMT[+-]\\d{4}(?: \\([^()]{1,60}\\))?`,
  // RFC 3339: `2010-09-22T17:04:22Z`
  `\\d{4}-\\d{2}-\\d{2}[Tt ]${TIME}(?:[Zz]|[+-]\\d{2}:\\d{2})`,
  // RFC 2822: `Wed, 22 Sep 2010 17:04:22 +0000`
  `(?:[A-Z][a-z]{2}, )?\\d{1,2} [A-Z][a-z]{2} \\d{4} ${TIME} (?:[+-]\\d{4}|GMT|UTC)`,
];
const ANY_DATE = new RegExp(FORMATS.join("|"));
const UNIX = /^\d{9,11}(\.\d{1,9})?$/;
const CLOCK_FACE = /\d{2}:\d{2}:\d{2}(?:\.\d+)?/;

/**
 * The date in `text`: its instant and resolution in milliseconds, and whether the text is nothing but this date; `null` where there is none.
 */
export function findDate(text) {
  if (UNIX.test(text)) {
    return { instant: Number(text) * 1000, resolution: text.includes(".") ? 1 : 1000, whole: true };
  }
  const match = ANY_DATE.exec(text.length > 400 ? text.slice(0, 400) : text);
  if (match === null) {
    return null;
  }
  const instant = Date.parse(match[0]);
  if (Number.isNaN(instant)) {
    return null;
  }
  const fraction = /:\d{2}\.\d/.test(match[0]);
  return { instant, resolution: fraction ? 1 : 1000, whole: match[0] === text };
}

/** Cuts a date's text at its clock face (`17:04:22`): what is before, the face, what is after. */
export function splitAtClock(text) {
  const match = CLOCK_FACE.exec(text);
  if (match === null) {
    return ["", text, ""];
  }
  const end = match.index + match[0].length;
  return [text.slice(0, match.index), match[0], text.slice(end)];
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** The reader's language and zone, as the browser tells them. */
export const reader = { language: clock.resolvedOptions().locale, zone: clock.resolvedOptions().timeZone ?? "UTC" };

/** `17:04:22` in the reader's zone and manner. */
export const localClock = (instant) => clock.format(instant);
/** `Wed 17:04:22` in the reader's zone and manner. */
export const localDayAndClock = (instant) => dayAndClock.format(instant);
/** `Wednesday 22 September 2010, 17:04:22` in the reader's zone and manner. */
export const localLong = (instant) => long.format(instant);

/** A duration in words: `8 s`, `2 min 5 s`, `3 h 10 min`. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) {
    return `${hours} h ${minutes % 60} min`;
  }
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
