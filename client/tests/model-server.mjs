// What a datecast server does, in a few lines: one numbered stream, its history, and who reads it.

const HISTORY = 30;
const FIRST_EPOCH = 0x01932f5a0c2e;
/** The most messages of one poll. */
const MOST_OF_A_POLL = 7;

export class ModelServer {
  /** All that was ever published, in order. */
  log = [];
  #time;
  #epoch = FIRST_EPOCH;
  #number = 0;
  #kept = [];
  #readers = new Set();

  constructor(time) {
    this.#time = time;
  }

  get newest() {
    return this.#kept.length === 0 ? null : this.#kept[this.#kept.length - 1].id;
  }

  get readers() {
    return this.#readers.size;
  }

  publish(text = `Zeile ${this.log.length} — ü`) {
    this.#number += 1;
    const message = { id: this.#id(this.#number), text, kind: "message" };
    this.#kept.push(message);
    if (this.#kept.length > HISTORY) {
      this.#kept.shift();
    }
    this.log.push(message);
    this.#readers.forEach((reader) => reader.send(message));
  }

  notice() {
    this.#readers.forEach((reader) => reader.send({ id: null, text: "17 disconnected", kind: "notice" }));
  }

  /** A reader of the never-ending kind: `send(record)` gets what there is after `since`, and what comes. Returns what ends it. */
  follow(since, heartbeat, send) {
    const reader = {
      send: (record) => {
        this.#time.cancel(beat);
        beat = heartbeat > 0 ? this.#time.after(heartbeat * 1000, () => reader.send({ id: null, text: "", kind: "heartbeat" })) : null;
        send(record);
      },
      end: () => {
        this.#time.cancel(beat);
        this.#readers.delete(reader);
      },
    };
    let beat = null;
    this.#readers.add(reader);
    const first = this.#after(since);
    if (first.length > 0) {
      first.forEach(reader.send);
    } else if (heartbeat > 0) {
      beat = this.#time.after(heartbeat * 1000, () => reader.send({ id: null, text: "", kind: "heartbeat" }));
    }
    return reader.end;
  }

  /** Answers with `done(records, last)`: at once if there is something, else with the next message, or nothing after `seconds`. Returns what ends it. */
  poll(since, seconds, done) {
    const first = this.#after(since);
    const reader = { send: () => answer(), end: () => this.#readers.delete(reader) };
    const answer = () => {
      this.#time.cancel(late);
      reader.end();
      const records = this.#after(since).slice(0, MOST_OF_A_POLL);
      const ids = records.filter(({ id }) => id !== null);
      done(records, ids.length > 0 ? ids[ids.length - 1].id : this.#id(this.#number));
    };
    let late = null;
    if (first.length > 0) {
      answer();
    } else {
      this.#readers.add(reader);
      late = this.#time.after(seconds * 1000, answer);
    }
    return () => {
      this.#time.cancel(late);
      reader.end();
    };
  }

  /** Another process: it goes on with the stream, or begins one, or has lost the last messages of it and gives their numbers again. */
  restart(kind) {
    if (kind === "new") {
      this.#epoch += 1;
      this.#number = 0;
      this.#kept = [];
    } else if (kind === "lost") {
      const lost = Math.min(this.#kept.length, 3);
      this.#number -= lost;
      this.#kept = this.#kept.slice(0, this.#kept.length - lost);
    }
  }

  #id(number) {
    return `${this.#epoch.toString(16).padStart(12, "0")}_${number}`;
  }

  #after(since) {
    if (since === null) {
      return [...this.#kept];
    }
    const [epoch, number] = [parseInt(since.slice(0, 12), 16), Number(since.slice(13))];
    const next = this.#kept.length > 0 ? this.#kept[0].id : null;
    const before = this.#number - this.#kept.length;
    if (epoch !== this.#epoch) {
      return [gap(null, "new", next), ...this.#kept];
    }
    if (number > this.#number) {
      return [gap(null, "same", next), ...this.#kept];
    }
    const missed = Math.max(0, before - number);
    return [...(missed > 0 ? [gap(missed, "same", next)] : []), ...this.#kept.filter(({ id }) => Number(id.slice(13)) > number)];
  }
}

const gap = (missed, stream, next) => ({ id: null, text: "", kind: "gap", missed, stream, next });
