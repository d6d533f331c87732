// What datecast.js gets from a browser, for many clients at once: WebSocket, XMLHttpRequest, timers, all on virtual time.
// `find(isForStream)` gives the way to a machine: `{ latency, connect(attempt) }`.

/** The names that datecast.js gets. */
export const GLOBALS = ["self", "module", "setTimeout", "clearTimeout", "Date", "Math", "XMLHttpRequest", "URL"];

/** One connection, from its first SYN. */
class Attempt {
  isOver = false;

  constructor({ time, find }, isForStream, on) {
    this.isForStream = isForStream;
    this.on = on;
    this.way = find(isForStream);
    this.time = time;
    this.#later(() => this.way.connect(this));
  }

  /** The answer takes its way back. */
  opened() {
    this.#later(() => this.on.opened());
  }

  refused(status, fields) {
    this.#later(() => this.on.refused(status, fields));
  }

  #later(action) {
    this.time.after(this.way.latency, () => this.isOver || action());
  }
}

/** The values of `GLOBALS`, in their order; `opened(socket)` and `left(socket)` say which sockets there are. */
export function pageOf({ time, chance, find, opened, left }) {
  const network = { time, find };

  class WebSocket {
    constructor(url) {
      this.url = url;
      this.attempt = new Attempt(network, true, {
        opened: () => {
          opened(this);
          this.onopen?.({});
        },
        refused: () => this.end(1006, ""),
      });
    }

    /** The server, or the network, ends it. */
    end(code, reason) {
      this.attempt.isOver = true;
      left(this);
      this.onclose?.({ code, reason });
    }

    close() {
      this.attempt.isOver = true;
      left(this);
    }
  }

  /** As far as the client asks with it for the status of a server whose WebSocket did not open. */
  class XMLHttpRequest {
    readyState = 0;
    status = 0;
    responseText = "";
    fields = {};

    open() {}

    setRequestHeader() {}

    getResponseHeader(name) {
      return this.fields[name.toLowerCase()] ?? null;
    }

    send() {
      const answer = (status, fields = {}) => {
        Object.assign(this, { readyState: 4, status, fields });
        this.attempt.isOver = true;
        this.onreadystatechange?.({});
      };
      this.attempt = new Attempt(network, false, { opened: () => answer(200), refused: answer });
    }

    abort() {
      this.attempt.isOver = true;
    }
  }

  const root = { WebSocket, XMLHttpRequest, JSON, location: "http://page.example/" };
  const clock = class {
    static parse = Date.parse;
    getTime = () => time.now;
  };
  const math = Object.create(Math, { random: { value: () => chance.next() } });
  return [root, undefined, (action, delay) => time.after(delay, action), (entry) => time.cancel(entry), clock, math, XMLHttpRequest, URL];
}
