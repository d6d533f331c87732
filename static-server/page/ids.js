// The ids of messages. No DOM in here.

/** Twelve hexadecimal digits for the stream, and the number of the message in it. */
const ID = /^[0-9a-f]{12}_(\d{1,15})$/;

/** The number in an id; `null` without one, or for one of more digits than JavaScript's numbers are exact in: a producer's own may be nanoseconds. */
export function numberOf(id) {
  const match = ID.exec(id ?? "");
  return match === null ? null : Number(match[1]);
}

/** The stream in an id. */
export const epochOf = (id) => id.slice(0, 12);

/** The number in an id, however long it is. */
const ordinal = (id) => BigInt(id.slice(13));

/** True for the id of a message that comes no later in its stream than that of `last`: it was here before. */
export const isKnown = (id, last) => id !== null && epochOf(id) === epochOf(last) && ordinal(id) <= ordinal(last);

/** True if a message with this id follows that of `last` in its stream, or comes before what follows it: nothing lies between the two. */
export const goesOnAfter = (id, last) => epochOf(id) === epochOf(last) && ordinal(id) <= ordinal(last) + 1n;

/** True for the text of a leave notice, which has no id: `17 disconnected`, what ws-server says when another client left. */
export const isLeaveNotice = (text) => /^\d+ disconnected$/.test(text);
