// A part of a stream's history, by one request that ends: `read`, and what it is made of.

/** Milliseconds without a byte after which a request is given up. */
const PATIENCE = 30_000;
/** The most that one `read` brings, in messages and in characters; `more` then says that there are more. */
const MOST_MESSAGES = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;
/** As a bound: the newest message that there is. */
const NEWEST = "999999999999999";
/** A number alone means the present stream. */
const OLDEST = "0";

/**
 * Reads the messages after id `since` (or from the oldest one) up to id `until` (or to the newest one) of the stream at `url`, as far as its history has them, with `token` if the stream wants one.
 * Gives `{ messages, gap, more }`: each message is `{ id, text }`; `gap` is what the server says of messages that the history no longer has, or `null`; `more` is true if there are
 * more than `limit`: then read on since the last id. Fails if the server cannot be asked, with its `status` where it refused, or for the reason of `signal`.
 */
export async function read(url, { since = OLDEST, until = NEWEST, token = null, limit = MOST_MESSAGES, signal = null } = {}) {
  const messages = [];
  let gap = null;
  let left = MOST_CHARACTERS;
  for await (const said of requestLines(url, { since, until }, { token, signal })) {
    if (said.kind === "gap") {
      gap = gapOf(said);
    } else if (said.kind === "message" && said.id !== null) {
      left -= said.text.length;
      // One message, however long, always fits: else nobody could read on behind it.
      if (messages.length > 0 && (messages.length >= limit || left < 0)) {
        return { messages, gap, more: true };
      }
      messages.push({ id: said.id, text: said.text });
    }
  }
  return { messages, gap, more: false };
}

/** What a line of kind `gap` says. */
export const gapOf = ({ missed = null, stream = "same", next = null }) => ({ missed, stream, next });

/**
 * Asks for `url` with this query, and gives the objects of the answer as they come. `onAnswer` gets the response before the first of them. Leaving the loop ends the request.
 */
export async function* requestLines(url, query, { token = null, signal = null, onAnswer = () => {} } = {}) {
  const ending = new AbortController();
  const abort = () => ending.abort(signal.reason);
  const expire = () => ending.abort(new DOMException("the server does not answer", "TimeoutError"));
  let timer = setTimeout(expire, PATIENCE);
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    const headers = { Accept: "application/x-ndjson", ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    const response = await fetch(requestUrl(url, query), { headers, cache: "no-store", credentials: "same-origin", signal: ending.signal });
    // Also an older server answers with 200, by a stream that never ends.
    if (!response.ok || !/^application\/x-ndjson\b/.test(response.headers.get("Content-Type") ?? "")) {
      throw Object.assign(new Error(`the server answered ${response.status}, ${response.headers.get("Content-Type") ?? "without a type"}`), { status: response.status });
    }
    onAnswer(response);
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let rest = "", isDone = false; !isDone;) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      timer = setTimeout(expire, PATIENCE);
      isDone = done;
      const lines = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split("\n");
      rest = done ? "" : lines.pop();
      yield* lines.filter((line) => line !== "").map((line) => JSON.parse(line));
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    ending.abort();
  }
}

/** The absolute http or https address of the stream at `url`, which may be relative to the page. */
export function streamUrl(url) {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const target = new URL(url, base);
  target.protocol = { "ws:": "http:", "wss:": "https:" }[target.protocol] ?? target.protocol;
  target.hash = "";
  return target;
}

function requestUrl(url, query) {
  const target = streamUrl(url);
  for (const [name, value] of Object.entries(query)) {
    target.searchParams.set(name, value);
  }
  return target.href;
}
