// Stand-ins for what a browser gives the module: sockets to a stream that a test fills, and Web Locks.

/** A stream with a history, and the sockets that read it. */
export class FakeStream {
  epoch = "01932f5a0c2e";
  texts = [];
  sockets = [];
  history = Infinity;
  /** How many of the newest a newcomer gets. */
  greet = 10;
  #opened = 0;

  /** The class to be put in the place of `WebSocket`. */
  get WebSocket() {
    const stream = this;
    return class FakeSocket {
      constructor(url) {
        this.url = new URL(url);
        stream.#opened += 1;
        stream.sockets.push(this);
        setTimeout(() => this.isClosed || stream.#accept(this));
      }

      close() {
        this.isClosed = true;
        stream.sockets = stream.sockets.filter((socket) => socket !== this);
      }
    };
  }

  /** Sockets that were ever opened. */
  get opened() {
    return this.#opened;
  }

  idOf = (number) => `${this.epoch}_${number}`;

  publish(text = `line ${this.texts.length + 1}`) {
    this.texts.push(text);
    this.sockets.filter((socket) => socket.isOpen).forEach((socket) => this.#send(socket, this.texts.length));
  }

  /** Breaks every connection, as a cable that is pulled. */
  cut() {
    for (const socket of [...this.sockets]) {
      socket.close();
      socket.onclose?.({ code: 1006, reason: "" });
    }
  }

  /** Closes every connection with these words. */
  end(code, reason) {
    for (const socket of [...this.sockets]) {
      socket.close();
      socket.onclose?.({ code, reason });
    }
  }

  /** What comes after id `since`, or what a newcomer gets: events as `datecast.js` tells them. */
  after(since) {
    const newest = this.texts.length;
    const oldest = Math.max(1, newest - Math.max(this.history, this.greet) + 1);
    const [, epoch = null, number = null] = /^(.*)_(\d+)$/.exec(since ?? "") ?? [];
    let from = Math.max(oldest, newest - this.greet + 1);
    const events = [];
    if (epoch === this.epoch) {
      from = Math.max(oldest, Number(number) + 1);
      if (from > Number(number) + 1) {
        events.push({ kind: "gap", missed: from - Number(number) - 1, stream: "same", next: this.idOf(from) });
      }
    } else if (epoch !== null) {
      from = oldest;
      events.push({ kind: "gap", missed: null, stream: "new", next: this.idOf(from) });
    }
    for (let next = from; next <= newest; next += 1) {
      events.push({ kind: "message", id: this.idOf(next), text: this.texts[next - 1] });
    }
    return events;
  }

  #accept(socket) {
    socket.isOpen = true;
    socket.onopen?.({});
    for (const { kind, id, text, ...said } of this.after(socket.url.searchParams.get("since"))) {
      socket.onmessage?.({ data: kind === "message" ? `${id}\t${text}` : `!\t${JSON.stringify(said)}` });
    }
  }

  #send(socket, number) {
    socket.onmessage?.({ data: `${this.idOf(number)}\t${this.texts[number - 1]}` });
  }
}

/** Web Locks (Web Locks API §3.2) of one name, for all tabs of an origin. */
export class FakeLocks {
  #queue = [];

  /** The locks as one tab has them: it hears of them by `run(callback)`, which may be late. */
  of(run) {
    const mine = new Set();
    let isGone = false;
    const end = (request, finish) => {
      this.#queue = this.#queue.filter((other) => other !== request);
      mine.delete(request);
      run(finish);
      this.#grant();
    };
    return {
      request: (name, { signal = null, steal = false }, held) => new Promise((resolve, reject) => {
        const request = { isHeld: false, rob: () => end(request, () => reject(new DOMException("stolen", "AbortError"))) };
        request.grant = () => run(async () => {
          const value = await held({});
          if (this.#queue.includes(request)) {
            end(request, () => resolve(value));
          }
        });
        if (isGone) {
          return;
        }
        mine.add(request);
        signal?.addEventListener("abort", () => request.isHeld || end(request, () => reject(signal.reason)));
        if (steal) {
          this.#queue.unshift(request);
          this.#queue.filter(({ isHeld }) => isHeld).forEach(({ rob }) => rob());
        } else {
          this.#queue.push(request);
        }
        this.#grant();
      }),
      query: () => Promise.resolve({}),
      /** The tab is gone, and holds nothing. */
      vanish: () => {
        isGone = true;
        this.#queue = this.#queue.filter((request) => !mine.has(request));
        this.#grant();
      },
    };
  }

  #grant() {
    const [first] = this.#queue;
    if (first !== undefined && !first.isHeld) {
      first.isHeld = true;
      queueMicrotask(first.grant);
    }
  }
}

/** Waits until `isTrue()`, which may be asynchronous, at most 20 s. */
export async function until(isTrue, what = "what the test waits for") {
  for (const deadline = Date.now() + 20_000; !(await isTrue());) {
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come`);
    }
    await new Promise((done) => { setTimeout(done, 1); });
  }
}
