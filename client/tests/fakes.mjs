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
    const oldest = Math.max(1, newest - this.history + 1);
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

/** Web Locks (Web Locks API §3.2) of all tabs of one origin: exclusive ones. */
export class FakeLocks {
  #queues = new Map();

  request(name, { signal = null, steal = false }, held) {
    return new Promise((resolve, reject) => {
      const request = { held, resolve, reject, isHeld: false };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      if (steal) {
        if (queue[0]?.isHeld) {
          queue.shift().reject(new DOMException("stolen", "AbortError"));
        }
        queue.unshift(request);
      } else {
        queue.push(request);
        signal?.addEventListener("abort", () => {
          if (!request.isHeld) {
            queue.splice(queue.indexOf(request), 1);
            reject(signal.reason);
          }
        });
      }
      this.#grant(queue);
    });
  }

  query() {
    return Promise.resolve({});
  }

  /** A tab that is gone holds nothing. */
  leave(name) {
    const queue = this.#queues.get(name);
    queue.shift();
    this.#grant(queue);
  }

  #grant(queue) {
    const [request] = queue;
    if (request === undefined || request.isHeld) {
      return;
    }
    request.isHeld = true;
    queueMicrotask(async () => {
      const value = await request.held({});
      if (queue[0] === request) {
        queue.shift();
        request.resolve(value);
        this.#grant(queue);
      }
    });
  }
}

/** Waits until `isTrue()`, at most 20 s. */
export async function until(isTrue, what = "what the test waits for") {
  for (const deadline = Date.now() + 20_000; !isTrue();) {
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come`);
    }
    await new Promise((done) => { setTimeout(done, 1); });
  }
}
