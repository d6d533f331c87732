// Collects what arrives until the next frame: however fast messages come, the views hear of them once a frame.

/** At so many the next call does not wait for a frame: a hidden page has none. */
const MOST = 4_096;
/** Milliseconds until the next call in a hidden page. */
const HIDDEN_WAIT = 250;

/** Hands `deliver` arrays of what was added, in order, once a frame. */
export class Batches {
  #deliver;
  #waiting = [];
  #cancel = null;

  constructor(deliver) {
    this.#deliver = deliver;
    // A frame that was asked for does not come once the page is hidden.
    document.addEventListener("visibilitychange", () => this.flush());
  }

  add(record) {
    this.#waiting.push(record);
    if (this.#waiting.length >= MOST) {
      this.flush();
    } else {
      this.#cancel ??= soon(() => this.flush());
    }
  }

  /** Hands over what is there, now: before anything that comes behind it. */
  flush() {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#waiting.length > 0) {
      const records = this.#waiting;
      this.#waiting = [];
      this.#deliver(records);
    }
  }
}

/** Calls `body` with the next frame, or soon in a hidden page; returns what cancels it. */
function soon(body) {
  if (document.hidden) {
    const timer = setTimeout(body, HIDDEN_WAIT);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(body);
  return () => cancelAnimationFrame(frame);
}
