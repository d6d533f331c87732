// Older lines, by number: bounded reads of the stream's history.

import { httpUrl } from "./address.js";
import { read } from "./datecast-read.mjs";
import { numberOf } from "./ids.js";

const MOST_CHARACTERS = 64 * 1024 * 1024;

/**
 * Makes the function that reads messages N + 1 to M of the stream at `url` (ws or wss) with what `token` (a `TabToken`) has, as far as the history has them:
 * `(since, until, { signal })` gives `{ records, gap }`, the gap as the server tells it or `null`; it fails if the server cannot be asked.
 * `idOf` makes ids of the numbers: a stream that has begun anew meanwhile has other ones.
 */
export function fetcherOfOlder({ url, token, idOf }) {
  return async (since, until, { signal = null } = {}) => {
    let records = [];
    let gap = null;
    let left = MOST_CHARACTERS;
    for (let next = idOf(since); next !== null;) {
      const part = await read(httpUrl(url).href, { since: next, until: idOf(until), token: token.value, signal });
      if (part.gap !== null) {
        // What lies before it would end in a hole.
        records = [];
        gap = part.gap;
      }
      for (const { id, text } of part.messages) {
        records.push({ number: numberOf(id), id, text, wall: null });
        left -= text.length;
      }
      // A part would leave a hole behind it.
      if (left < 0) {
        throw new Error("the lines are too long to be kept");
      }
      next = part.more ? part.messages[part.messages.length - 1].id : null;
    }
    return { records, gap };
  };
}
