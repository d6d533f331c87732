// Time of a simulation: nothing waits.

/** What is to happen when, in milliseconds. */
export class VirtualTime {
  now = 1_285_175_062_000;
  #heap = [];
  #count = 0;

  /** Calls `action` after `delay`; returns what `cancel` takes. */
  after(delay, action) {
    const entry = { at: this.now + Math.max(0, delay || 0), order: this.#count, action };
    this.#count += 1;
    let place = this.#heap.push(entry) - 1;
    for (let parent = (place - 1) >> 1; place > 0 && isBefore(entry, this.#heap[parent]); parent = (place - 1) >> 1) {
      this.#heap[place] = this.#heap[parent];
      place = parent;
    }
    this.#heap[place] = entry;
    return entry;
  }

  cancel(entry) {
    if (entry) {
      entry.action = null;
    }
  }

  /** Goes on until `end`. What became due while the machine slept happens late, in its order. */
  runUntil(end) {
    while (this.#heap.length > 0 && this.#heap[0].at <= Math.max(end, this.now)) {
      const { at, action } = this.#pop();
      this.now = Math.max(this.now, at);
      action?.();
    }
    this.now = Math.max(this.now, end);
  }

  /** The clock goes on by `duration`, and nothing happens meanwhile. */
  sleep(duration) {
    this.now += duration;
  }

  #pop() {
    const [first] = this.#heap;
    const entry = this.#heap.pop();
    const { length } = this.#heap;
    let place = 0;
    while (length > 0) {
      let child = 2 * place + 1;
      if (child + 1 < length && isBefore(this.#heap[child + 1], this.#heap[child])) {
        child += 1;
      }
      if (child >= length || isBefore(entry, this.#heap[child])) {
        this.#heap[place] = entry;
        break;
      }
      this.#heap[place] = this.#heap[child];
      place = child;
    }
    return first;
  }
}

const isBefore = (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order);
