// Older lines, by number: a bounded read of the stream's history. The page's one request that is not datecast.js's, as it has an end.

import { httpUrl, withQuery } from "./address.js";
import { EventParser } from "./events.js";
import { numberOf } from "./ids.js";

/** The most that one read may bring. */
const MOST_RECORDS = 20_000;
const MOST_CHARACTERS = 64 * 1024 * 1024;
/** Milliseconds without a byte after which a read is given up: a server without bounded reads never ends its answer. */
const PATIENCE = 10_000;

/**
 * Makes the function that reads messages N + 1 to M of the stream at `url` (ws or wss) with what `token` (a `TabToken`) has, as far as the history has them:
 * `(since, until, { signal })` gives `{ records, gap }`, the gap as the server tells it or `null`; it fails if the server cannot be asked.
 * `idOf` makes ids of the numbers: a stream that has begun anew meanwhile has other ones.
 */
export function fetcherOfOlder({ url, token, idOf }) {
  return async (since, until, { signal } = {}) => {
    const records = [];
    let gap = null;
    const ending = new AbortController();
    const end = () => ending.abort(new Error("the server does not answer"));
    signal?.addEventListener("abort", end);
    const parser = new EventParser(({ type, id, data }) => {
      const number = numberOf(id);
      if (type === "gap") {
        gap = JSON.parse(data);
      } else if (type === "message" && number !== null && number > since && number <= until && records.length < MOST_RECORDS) {
        records.push({ number, id, text: data, wall: null });
      }
      return number === null || number < until;
    });
    let timer = setTimeout(end, PATIENCE);
    try {
      const target = withQuery(httpUrl(url), { since: idOf(since), until: idOf(until) });
      const headers = { Accept: "text/event-stream", ...(token.value === null ? {} : { Authorization: `Bearer ${token.value}` }) };
      const response = await fetch(target, { headers, cache: "no-store", credentials: "same-origin", signal: ending.signal });
      if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
      }
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let left = MOST_CHARACTERS, goesOn = true; goesOn;) {
        const { done, value } = await reader.read();
        clearTimeout(timer);
        timer = setTimeout(end, PATIENCE);
        const text = done ? decoder.decode() : decoder.decode(value, { stream: true });
        left -= text.length;
        // A part would leave a hole behind it.
        if (left < 0) {
          throw new Error("the lines are too long to be kept");
        }
        goesOn = parser.feed(text) && !done;
      }
      return { records, gap };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      end();
    }
  };
}
