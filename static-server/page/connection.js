// One connection to the stream that is always there again: WebSocket, or server-sent events where that fails, with a jittered wait between attempts
// and a resume by id.

import { httpUrl, withQuery } from "./address.js";
import { epochOf, isKnown, numberOf, parseWord } from "./frames.js";
import { statusOf } from "./refusal.js";
import { openWebSocket } from "./socket.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** A connection that stood for this many milliseconds starts the next waits from the shortest again. */
const STABLE = 5_000;
/** So many WebSocket attempts may fail, before one has ever opened, until an event source is tried. */
const ATTEMPTS_BEFORE_FALLBACK = 2;

/** Milliseconds to wait before attempt `attempt` (from 0): doubled each time, up to ten seconds, less up to a half by chance. */
export function waitBefore(attempt, random) {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (1 - random / 2);
}

export const TRANSPORTS = {
  websocket: { name: "WebSocket (RFC 6455)", open: openWebSocket },
  sse: { name: "server-sent events", open: openEventSource },
};

/**
 * Keeps a connection to `url` (ws or wss), with what `token` (a `TabToken`) has. `only` fixes the transport. `onMessage({ text, id, number, resumed })` gets each message, once; `id` and `number` are `null` for a
 * message without one (a leave notice), `resumed` is `{ after }` on the first numbered message of a connection that has resumed without a gap.
 * `onGap({ missed, stream })` gets what the server says of messages that do not come, `onSource({ phase, said })` what it says of their source.
 * `onState(state)` gets each change: `phase` is connecting, open, waiting, or refused for want of a token, with what is known then. After `refused` nothing is tried
 * until `connect` is called.
 */
export class Connection {
  #url;
  #token;
  #only;
  #onMessage;
  #onGap;
  #onSource;
  #onState;
  #failures = 0;
  #proven = null;
  #webSocketFailures = 0;
  #last = null;
  #close = null;
  #timer = null;

  constructor({ url, token, only = null, onMessage, onGap, onSource, onState }) {
    this.#url = url;
    this.#token = token;
    this.#only = only;
    this.#onMessage = onMessage;
    this.#onGap = onGap;
    this.#onSource = onSource;
    this.#onState = onState;
  }

  /** Connects now, whatever it was doing: also ends a wait early. */
  connect() {
    this.#drop();
    const transport = this.#transport();
    const after = this.#last;
    const target = withQuery(transport === "sse" ? httpUrl(this.#url) : this.#url, {
      ...(transport === "sse" ? {} : { ids: 1 }),
      ...(after === null ? {} : { since: after }),
      // Neither transport has header fields of the page's own.
      ...(this.#token.value === null ? {} : { token: this.#token.value }),
    });
    this.#onState({ phase: "connecting", transport });
    this.#attempt(transport, target, after);
  }

  /** The id of message `number` of the present stream; the number alone before the first message. */
  idOf(number) {
    return this.#last === null ? number : `${epochOf(this.#last)}_${number}`;
  }

  /** Gives the connection up, for `reason`, and connects again after the usual wait. */
  giveUp(reason) {
    this.#drop();
    this.#wait(reason);
  }

  #attempt(transport, target, after) {
    let opened = null;
    let resume = after === null ? null : { after: numberOf(after) };
    const on = {
      open: () => {
        opened = performance.now();
        this.#opened(transport);
      },
      message: (text, id) => {
        const resumed = id === null ? null : resume;
        if (id !== null) {
          if (isKnown(id, this.#last)) {
            return;
          }
          resume = null;
          this.#last = id;
        }
        this.#onMessage({ text, id, number: numberOf(id), resumed });
      },
      word: ({ gap, source }) => {
        if (gap !== undefined) {
          resume = null;
          this.#onGap(gap);
        } else if (source !== undefined) {
          this.#onSource(source);
        }
      },
      close: (reason, { isRevoked = false } = {}) => {
        this.#drop();
        if (isRevoked) {
          this.#refuse({ isRevoked });
        } else if (opened === null) {
          this.#webSocketFailures += transport === "websocket" ? 1 : 0;
          this.#learnWhy(reason);
        } else {
          this.#failures = performance.now() - opened > STABLE ? 0 : this.#failures;
          this.#wait(reason);
        }
      },
    };
    try {
      this.#close = TRANSPORTS[transport].open(target, on);
    } catch (error) {
      // A browser refuses ws: from a page that came by https: before it tries. What it says of that may hold the address, and so the token.
      this.#webSocketFailures += transport === "websocket" ? 1 : 0;
      this.#wait(error.message.replaceAll(target.href, this.#url.href));
    }
  }

  #opened(transport) {
    this.#proven = transport;
    this.#token.proved();
    this.#onState({ phase: "open", transport, since: Date.now() });
  }

  /** An attempt has failed before it opened, for `reason`: perhaps as the server wants a token, or another one. */
  async #learnWhy(reason) {
    const asking = new AbortController();
    const end = () => asking.abort();
    this.#close = end;
    const status = await statusOf(this.#url, this.#token.value, asking.signal);
    if (this.#close !== end) {
      return;
    }
    this.#close = null;
    if (status === 401) {
      this.#refuse({ isRevoked: false });
    } else {
      this.#wait(status !== null && status >= 400 ? `the server answers ${status}` : reason);
    }
  }

  /** It says nothing of the transport that the server wants a token. */
  #refuse({ isRevoked }) {
    this.#failures = 0;
    this.#webSocketFailures = 0;
    this.#onState({ phase: "refused", why: this.#token.refused({ isRevoked }) });
  }

  #wait(reason) {
    const wait = waitBefore(this.#failures, Math.random());
    this.#failures += 1;
    this.#timer = setTimeout(() => this.connect(), wait);
    this.#onState({ phase: "waiting", reason, until: performance.now() + wait });
  }

  /** What once worked is kept: then the server is merely away. Until then every third attempt is an event source. */
  #transport() {
    const fixed = this.#only ?? this.#proven;
    if (fixed !== null) {
      return fixed;
    }
    if (typeof WebSocket === "undefined" || this.#webSocketFailures >= ATTEMPTS_BEFORE_FALLBACK) {
      this.#webSocketFailures = 0;
      return "sse";
    }
    return "websocket";
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#close?.();
    this.#close = null;
  }
}

function openEventSource(url, on) {
  const source = new EventSource(url.href);
  let last = "";
  const message = ({ data, lastEventId }) => {
    // An event without an id of its own keeps the id before it: it has none.
    const id = lastEventId !== last && numberOf(lastEventId) !== null ? lastEventId : null;
    last = lastEventId;
    on.message(data, id);
  };
  source.addEventListener("open", on.open);
  source.addEventListener("message", message);
  source.addEventListener("notice", message);
  source.addEventListener("gap", ({ data }) => on.word(parseWord(data) ?? {}));
  source.addEventListener("source", ({ data }) => on.word(parseWord(data) ?? {}));
  // The browser's own reconnect has no jitter and stops at the first HTTP error: ours is used instead.
  source.addEventListener("error", () => on.close("the event stream ended"));
  return () => source.close();
}
