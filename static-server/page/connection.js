// The page's connection to the stream: what datecast.js tells of it, in the page's words.

import { epochOf, numberOf } from "./ids.js";
import { inWords } from "./reasons.js";
import { Stream } from "./stream.js";

/**
 * Keeps a connection to `url` (ws or wss) by one of `transports`, with what `token` (a `TabToken`) has, once `connect` has been called.
 * `onMessage({ text, id, number })` gets each message, once; `id` and `number` are `null` for one without (a notice). `onResume({ after })` is called before the first
 * message of a connection that goes on behind message `after`; `onGap({ missed, stream })` gets what the server says of messages that do not come, `onSource({ phase, said })`
 * what it says of their source. `onState(state)` gets each change: `phase` is connecting, open, waiting, or refused for want of a token, with what is known then. After
 * `refused` nothing is tried until `connect` is called.
 */
export class Connection {
  #url;
  #token;
  #transports;
  #on;
  #stream = null;
  #phase = "";

  constructor({ url, token, transports, ...on }) {
    this.#url = url;
    this.#token = token;
    this.#transports = transports;
    this.#on = on;
  }

  /** Connects now, whatever it was doing: also ends a wait early. */
  connect() {
    const token = this.#token.value ?? undefined;
    if (this.#stream === null) {
      this.#stream = new Stream(this.#url, { transports: this.#transports, token }, (kind, detail) => this.#hear(kind, detail));
    } else {
      this.#stream.connect(token);
    }
  }

  /** The id of message `number` of the present stream; the number alone before the first message. */
  idOf(number) {
    const last = this.#stream?.last ?? null;
    return last === null ? number : `${epochOf(last)}_${number}`;
  }

  /** Gives the connection up, for `reason`, and connects again. */
  giveUp(reason) {
    this.#enter({ phase: "waiting", reason, until: performance.now() });
    this.connect();
  }

  #hear(kind, detail) {
    switch (kind) {
      case "message":
      case "notice":
        this.#on.onMessage({ text: detail.text, id: detail.id ?? null, number: numberOf(detail.id) });
        break;
      case "gap":
        this.#on.onGap(detail);
        break;
      case "resume":
        this.#on.onResume({ after: numberOf(detail.after) });
        break;
      case "source":
        this.#on.onSource({ phase: detail.source, said: detail.text });
        break;
      default:
        this.#changed(detail);
    }
  }

  #changed({ state, transport, reason, wait }) {
    if (state === "connecting") {
      if (this.#phase === "open" && reason) {
        // The browser connects again by itself: a reader has lost the connection all the same.
        this.#enter({ phase: "waiting", reason: inWords(reason), until: performance.now() });
      }
      this.#enter({ phase: state, transport });
    } else if (state === "open") {
      this.#token.proved();
      this.#enter({ phase: state, transport, since: Date.now() });
    } else if (state === "waiting") {
      this.#enter({ phase: state, reason: inWords(reason), until: performance.now() + wait });
    } else if (state === "refused") {
      // A connection that stood is told that its token is no longer in the list; one that is let in no more may just lack one.
      this.#enter({ phase: state, why: this.#token.refused({ isRevoked: this.#phase === "open" }) });
    }
  }

  #enter(state) {
    this.#phase = state.phase;
    this.#on.onState(state);
  }
}
