// The path between a page and the model server, with what can go wrong on it.

const LEAST_LATENCY = 2;
const MOST_LATENCY = 120;

export class Network {
  /** What becomes of a new request: ok, refused, mute (no answer ever), or `{ status, retryAfter, fields }`. */
  mode = "ok";
  /** What becomes of those of one way: fails or mute; `missing` and `throws` are the browser's. */
  blocked = {};
  /** The share of records after which some come again. */
  duplicates = 0;
  /** Before this time nobody may ask again: the server has said so. */
  notBefore = 0;
  /** What a page must not do. */
  faults = [];
  /** All that were ever begun. */
  count = 0;
  open = new Set();

  constructor(time, chance, server) {
    Object.assign(this, { time, chance, server });
  }

  get latency() {
    return this.chance.between(LEAST_LATENCY, MOST_LATENCY);
  }

  /** From now on nothing arrives on what is open, and nobody is told. */
  silence() {
    this.open.forEach((exchange) => exchange.silence());
  }

  /** Ends all that is open; a WebSocket with this code, and `null` for one that breaks. */
  cut(code = null, reason = "") {
    this.open.forEach((exchange) => exchange.cut(code, reason));
  }
}

/** One request and its answer, or one socket. `on` has head(status, fields), record(record), body(records, last), end(code, reason), and fail(). */
export class Exchange {
  #network;
  #on;
  #arrival = 0;
  #sent = [];
  #end = () => {};
  #isOver = false;
  #isSilent = false;

  constructor(network, way, target, on, { method = "GET" } = {}) {
    this.#network = network;
    this.#on = on;
    const { time } = network;
    network.count += 1;
    if (time.now < network.notBefore) {
      network.faults.push(`${way} asks ${network.notBefore - time.now} ms before Retry-After has passed`);
    }
    const others = [...network.open].filter((other) => other.way !== "jsonp");
    if (others.length > 0) {
      network.faults.push(`${way} begins while ${others.map((other) => other.way)} is open`);
    }
    this.way = way;
    network.open.add(this);
    time.after(network.latency, () => this.#isOver || this.#arrive(new URL(target).searchParams, method));
  }

  /** The page gives it up. */
  close() {
    this.#finish();
  }

  silence() {
    this.#isSilent = true;
    this.#end();
  }

  cut(code, reason) {
    this.#end();
    this.#later(() => {
      this.#finish();
      if (code === null) {
        this.#on.fail();
      } else {
        this.#on.end(code, reason);
      }
    });
  }

  #arrive(query, method) {
    const { mode, blocked, server } = this.#network;
    const what = method === "HEAD" ? mode : (blocked[this.way] ?? mode);
    const since = this.lastEventId ?? query.get("since");
    if (what === "mute") {
      this.silence();
    } else if (what === "refused" || what === "fails") {
      this.cut(null);
    } else if (what !== "ok") {
      this.#refuse(what);
    } else if (method === "HEAD") {
      this.#answer(() => this.#on.body([], null));
    } else if (query.has("poll")) {
      this.#end = server.poll(since, Number(query.get("poll")), (records, last) => this.#answer(() => this.#on.body(records, last)));
    } else {
      this.#later(() => this.#on.head(200, {}));
      this.#end = server.follow(since, Number(query.get("heartbeat")), (record) => this.#send(record));
    }
  }

  #refuse({ status, retryAfter, fields = {} }) {
    this.#later(() => {
      if (retryAfter !== undefined && this.#on.tellsStatus) {
        this.#network.notBefore = this.#network.time.now + retryAfter * 1000;
      }
      this.#finish();
      this.#on.head(status, { ...fields, ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }) });
    });
  }

  #answer(body) {
    this.#later(() => {
      this.#finish();
      body();
    });
  }

  #send(record) {
    const { chance, duplicates } = this.#network;
    this.#sent.push(record);
    this.#later(() => this.#on.record(record));
    if (duplicates > 0 && chance.is(duplicates)) {
      // A proxy or a cache that is not well; a gap comes once on a connection.
      this.#sent.slice(-3).filter(({ kind }) => kind !== "gap").forEach((again) => this.#later(() => this.#on.record(again)));
    }
  }

  #later(action) {
    if (this.#isSilent) {
      return;
    }
    const { time, latency } = this.#network;
    this.#arrival = Math.max(this.#arrival, time.now + latency);
    time.after(this.#arrival - time.now, () => this.#isOver || this.#isSilent || action());
  }

  #finish() {
    this.#isOver = true;
    this.#end();
    this.#network.open.delete(this);
  }
}
