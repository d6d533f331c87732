// A browser as far as datecast.js knows one: its ways to a server, its timers, its events. All on virtual time.

import { Exchange } from "./network.mjs";

const PAGE = "http://page.example/folder/index.html";
const encoder = new TextEncoder();

/** The names that datecast.js gets from the browser. */
export const GLOBALS = ["self", "module", "setTimeout", "clearTimeout", "Date", "Math", "XMLHttpRequest", "ActiveXObject", "EventSource", "fetch", "AbortController", "TextDecoder", "URL", "document"];

/** What it lacks is said by `network.blocked`, too. */
export class Browser {
  /** Errors of handlers, which a browser would write into its console. */
  errors = [];
  isThrottled = false;
  /** The fields of XHR's requests. */
  sent = [];
  #timers = new Map();
  #timerCount = 0;
  #listeners = new Map();

  constructor(network, { random = Math.random, hasFetch = true, hasParts = true, hasDocument = true } = {}) {
    this.network = network;
    const { time, blocked } = network;
    const offers = (way, constructor) => {
      if (blocked[way] === "throws") {
        return function Lying() {
          throw Object.assign(new Error("not allowed: http://page.example/?token=secret"), { name: "SecurityError" });
        };
      }
      return blocked[way] === "missing" ? undefined : constructor;
    };
    this.document = hasDocument ? this.#makeDocument() : undefined;
    this.self = { ...this.#target(), location: new URL(PAGE), document: this.document, JSON };
    this.self.WebSocket = offers("websocket", webSocketOf(this));
    this.self.XMLHttpRequest = requestOf(this);
    // Browsers that have it tell of each part of a request's text.
    this.self.ProgressEvent = hasParts ? class {} : undefined;
    this.self.AbortController = hasFetch ? AbortController : undefined;
    this.self.TextDecoder = hasFetch ? TextDecoder : undefined;
    const browser = this;
    this.globals = {
      ...this.self,
      self: this.self,
      module: undefined,
      setTimeout: (action, delay) => this.#setTimeout(action, delay),
      clearTimeout: (id) => this.#clearTimeout(id),
      Date: class {
        static parse = Date.parse;
        getTime = () => time.now;
      },
      Math: Object.create(Math, { random: { value: random } }),
      EventSource: offers("sse", eventSourceOf(this)),
      fetch: hasFetch ? (url, options) => fetchBy(browser, url, options) : undefined,
      URL,
      ActiveXObject: undefined,
    };
  }

  /** datecast.js as this browser has it, of what `vm.compileFunction` made of it for `GLOBALS`. */
  load(script) {
    script(...GLOBALS.map((name) => this.globals[name]));
    return this.self.datecast;
  }

  get pendingTimers() {
    return this.#timers.size;
  }

  get listeners() {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  dispatch(type, event = {}) {
    [...(this.#listeners.get(type) ?? [])].forEach((listener) => this.call(listener, { type, ...event }));
  }

  /** Calls a handler as a browser does: an error ends the handler alone. */
  call(handler, event) {
    try {
      handler?.(event);
    } catch (error) {
      this.errors.push(error);
    }
  }

  #setTimeout(action, wanted) {
    // A page that was hidden for some minutes has one time a minute for all its timers.
    const delay = this.isThrottled ? Math.ceil((this.network.time.now + wanted) / 60_000) * 60_000 - this.network.time.now : wanted;
    this.#timerCount += 1;
    const id = this.#timerCount;
    this.#timers.set(id, this.network.time.after(delay, () => {
      this.#timers.delete(id);
      this.call(action);
    }));
    return id;
  }

  #clearTimeout(id) {
    this.network.time.cancel(this.#timers.get(id));
    this.#timers.delete(id);
  }

  #target() {
    const of = (type) => this.#listeners.get(type) ?? this.#listeners.set(type, new Set()).get(type);
    return {
      addEventListener: (type, listener) => of(type).add(listener),
      removeEventListener: (type, listener) => of(type).delete(listener),
    };
  }

  #makeDocument() {
    const head = { appendChild: (script) => runScript(this, script, head), removeChild: (script) => { script.parentNode = null; } };
    return {
      ...this.#target(),
      hidden: false,
      createElement: (kind) => (kind === "a" ? { set href(url) { this.url = new URL(url, PAGE); }, get href() { return this.url.href; } } : { parentNode: null }),
      documentElement: head,
    };
  }
}

/** A record in the form of WebSocket messages. */
function frameOf({ id, text, kind, ...word }) {
  if (kind === "message") {
    return `${id}\t${text}`;
  }
  return kind === "notice" ? `\t${text}` : `!\t${kind === "heartbeat" ? '{"heartbeat":15}' : JSON.stringify(word)}`;
}

const webSocketOf = (browser) => class {
  constructor(url) {
    const fail = () => this.#over(1006, "");
    this.exchange = new Exchange(browser.network, "websocket", url, {
      head: (status) => (status === 200 ? browser.call(this.onopen, {}) : fail()),
      record: (record) => browser.call(this.onmessage, { data: frameOf(record) }),
      end: (code, reason) => this.#over(code, reason),
      fail,
    });
  }

  close() {
    this.exchange.close();
    // The page hears of its own close, too.
    browser.network.time.after(1, () => this.#over(1005, ""));
  }

  #over(code, reason) {
    browser.call(this.onclose, { code, reason });
  }
};

const eventSourceOf = (browser) => class {
  readyState = 0;
  #listeners = {};
  #last = "";
  #retry = browser.network.chance.between(500, 3000);

  constructor(url) {
    this.url = url;
    this.#connect();
  }

  addEventListener(type, listener) {
    this.#listeners[type] = listener;
  }

  close() {
    this.readyState = 2;
    this.exchange?.close();
  }

  #connect() {
    const again = () => {
      this.readyState = 0;
      this.exchange = null;
      browser.network.time.after(this.#retry, () => this.readyState === 2 || this.#connect());
      browser.call(this.onerror, {});
    };
    this.exchange = new Exchange(browser.network, "sse", this.url, {
      head: (status) => {
        this.readyState = status === 200 ? 1 : 2;
        browser.call(status === 200 ? this.onopen : this.onerror, {});
      },
      record: ({ id, text, kind, ...word }) => {
        this.#last = id ?? this.#last;
        const data = { message: text, notice: text, heartbeat: "15" }[kind] ?? JSON.stringify(word);
        browser.call(this.#listeners[kind], { data, lastEventId: this.#last });
      },
      end: again,
      fail: again,
    });
    this.exchange.lastEventId = this.#last || null;
  }
};

const requestOf = (browser) => class {
  readyState = 0;
  status = 0;
  responseText = "";
  #fields = {};

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    browser.sent.push([name, value]);
  }

  getResponseHeader(name) {
    return this.#fields[name.toLowerCase()] ?? null;
  }

  send() {
    const way = new URL(this.url).searchParams.has("poll") ? "poll" : "stream";
    const state = (readyState) => {
      this.readyState = readyState;
      browser.call(this.onreadystatechange, {});
    };
    const head = (status, fields) => {
      this.status = status;
      this.#fields = { "content-type": status === 200 ? "application/x-ndjson" : "text/plain", ...fields };
      state(2);
    };
    const fail = () => {
      [this.status, this.#fields, this.responseText] = [0, {}, ""];
      state(4);
    };
    const tail = () => {
      state(4);
      // As some old ones did.
      state(4);
    };
    this.exchange = new Exchange(browser.network, way, this.url, {
      tellsStatus: true,
      head: (status, fields) => {
        head(status, fields);
        if (status !== 200 || fields["content-type"] !== undefined) {
          this.responseText = "no";
          state(3);
          tail();
        }
      },
      record: (record) => {
        const line = `${JSON.stringify(record)}\n`;
        const half = browser.network.chance.between(0, line.length);
        for (const piece of [line.slice(0, half), line.slice(half)]) {
          this.responseText += piece;
          state(3);
        }
      },
      body: (records, last) => {
        head(200, { "datecast-last-id": last });
        this.responseText = records.map((record) => `${JSON.stringify(record)}\n`).join("");
        tail();
      },
      end: tail,
      fail,
    }, { method: this.method });
  }

  abort() {
    this.exchange?.close();
    this.readyState = 4;
    browser.call(this.onreadystatechange, {});
  }
};

/** As a promise to those who call `then` with both functions and use no result; on virtual time. */
function later(browser) {
  let handlers = null;
  let outcome = null;
  const settle = () => {
    if (handlers !== null && outcome !== null) {
      const [which, value] = outcome;
      browser.network.time.after(0, () => browser.call(handlers[which], value));
    }
  };
  return {
    then: (...both) => { handlers = both; settle(); },
    settle: (which, value) => { outcome ??= [which, value]; settle(); },
  };
}

function fetchBy(browser, url, { signal }) {
  const answer = later(browser);
  const chunks = [];
  let reading = null;
  let over = null;
  const pass = () => {
    if (reading !== null && (chunks.length > 0 || over !== null)) {
      const [current, outcome] = [reading, chunks.length > 0 ? [0, { done: false, value: chunks.shift() }] : over];
      reading = null;
      current.settle(...outcome);
    }
  };
  const end = (outcome) => {
    over ??= outcome;
    answer.settle(1, new TypeError("network"));
    pass();
  };
  const exchange = new Exchange(browser.network, "stream", url, {
    tellsStatus: true,
    head: (status, fields) => {
      const all = { "content-type": status === 200 ? "application/x-ndjson" : "text/plain", ...fields };
      const read = () => {
        reading = later(browser);
        const promise = reading;
        pass();
        return promise;
      };
      answer.settle(0, { status, headers: { get: (name) => all[name.toLowerCase()] ?? null }, body: { getReader: () => ({ read }) } });
    },
    record: (record) => {
      const bytes = encoder.encode(`${JSON.stringify(record)}\n`);
      const half = browser.network.chance.between(0, bytes.length);
      chunks.push(...[bytes.subarray(0, half), bytes.subarray(half)].filter(({ length }) => length > 0));
      pass();
    },
    end: () => end([0, { done: true }]),
    fail: () => end([1, new TypeError("network")]),
  });
  signal.addEventListener("abort", () => {
    exchange.close();
    end([1, new Error("aborted")]);
  });
  return answer;
}

/** A script element that asks: what was removed from the page runs all the same. */
function runScript(browser, script, parent) {
  const name = new URL(script.src).searchParams.get("callback");
  script.parentNode = parent;
  const fail = () => browser.call(script.onerror, {});
  new Exchange(browser.network, "jsonp", script.src, {
    head: fail,
    body: (messages, last) => {
      browser.call((answer) => browser.self[name](answer), { last, messages });
      browser.call(script.onload, {});
    },
    end: fail,
    fail,
  });
}
