// What a WebSocket message or an event of the stream says. No DOM in here.

/** An id: twelve hexadecimal digits for the stream, and the number of the message in it. */
const ID = /^[0-9a-f]{12}_(\d{1,15})$/;
const SOURCES = ["running", "waiting", "ended"];

/**
 * A WebSocket message of `?ids=1`: `{ id, text }`, the id being `null` for a notice (nothing before its tab), or what `parseWord` makes of it (`!` before
 * it). Anything else comes from a server without ids: `{ id: null, text }`.
 */
export function parseFrame(text) {
  const tab = text.indexOf("\t");
  if (tab === 0) {
    return { id: null, text: text.slice(1) };
  }
  if (tab === 1 && text[0] === "!") {
    return parseWord(text.slice(2)) ?? { id: null, text };
  }
  const head = tab === -1 ? "" : text.slice(0, tab);
  return ID.test(head) ? { id: head, text: text.slice(tab + 1) } : { id: null, text };
}

/**
 * What the server says beside the messages, which its key tells apart: `{ gap }` for messages that do not come, `{ source }` for the state of what writes them; an
 * empty object for what a later server may say. `null` if `json` is no object: the server says nothing then.
 */
export function parseWord(json) {
  let word;
  try {
    word = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof word !== "object" || word === null || Array.isArray(word)) {
    return null;
  }
  if ("missed" in word) {
    return { gap: word };
  }
  return SOURCES.includes(word.source) ? { source: { phase: word.source, said: String(word.said ?? "") } } : {};
}

/** True for the text of a leave notice, which has no id: `17 disconnected`, what ws-server says when another client left. */
export const isLeaveNotice = (text) => /^\d+ disconnected$/.test(text);

/** The number in an id; `null` without one. */
export function numberOf(id) {
  const match = ID.exec(id ?? "");
  return match === null ? null : Number(match[1]);
}

/** The stream in an id. */
export const epochOf = (id) => id.slice(0, 12);

/** True for the id of a message that comes no later in its stream than that of `last`: it was here before. */
export function isKnown(id, last) {
  return last !== null && epochOf(id) === epochOf(last) && numberOf(id) <= numberOf(last);
}
