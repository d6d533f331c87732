// A machine that stays when another one goes: its listener's queue, its cores and its places.

/** A kernel whose connect got no answer tries again after 1 s, then 2, 4 and so on (RFC 6298 §2: the first timeout is 1 s). */
const FIRST_TIMEOUT = 1000;
/** `Retry-After` of a server without room, in seconds. */
const RETRY_AFTER = "5";

export class Machine {
  /** Clients with a connection. */
  open;
  dropped = 0;
  served = 0;
  /** Of connections that their clients had given up when their turn came. */
  wasted = 0;
  refused = 0;
  longestWait = 0;
  #time;
  #limits;
  #waiting = 0;
  #freeAt = 0;

  /**
   * `cost` is milliseconds of this machine for an opening handshake with what the client has missed, all cores together;
   * `backlog` connections wait to be accepted, and `places` is `--max-connections`.
   */
  constructor(time, { cost, backlog, places, open }) {
    this.#time = time;
    this.#limits = { cost, backlog, places };
    this.open = open;
  }

  /** A SYN arrives. `attempt` has isOver, opened() and refused(status, fields). */
  connect(attempt, timeout = FIRST_TIMEOUT) {
    if (attempt.isOver) {
      return;
    }
    if (this.#waiting >= this.#limits.backlog) {
      this.dropped += 1;
      this.#time.after(timeout, () => this.connect(attempt, 2 * timeout));
      return;
    }
    const { now } = this.#time;
    this.#waiting += 1;
    this.#freeAt = Math.max(this.#freeAt, now) + this.#limits.cost;
    this.longestWait = Math.max(this.longestWait, this.#freeAt - now);
    this.#time.after(this.#freeAt - now, () => this.#answer(attempt));
  }

  /** True while a newcomer has to wait. */
  get isBusy() {
    return this.#waiting > 0;
  }

  #answer(attempt) {
    this.#waiting -= 1;
    this.served += 1;
    if (attempt.isOver) {
      this.wasted += 1;
    } else if (this.open >= this.#limits.places) {
      this.refused += 1;
      attempt.refused(503, { "retry-after": RETRY_AFTER });
    } else {
      this.open += attempt.isForStream ? 1 : 0;
      attempt.opened();
    }
  }
}
