// How IE 6 asked a server: two connections to a host, a cache that keeps what nobody forbids it to keep, and an ActiveX object that throws where
// XMLHttpRequest answers.

import http from "node:http";
import { host } from "./nodes.mjs";

/** The errors of WinINet that a page sees as a status. */
const CANNOT_CONNECT = 12029;
const CONNECTION_RESET = 12031;
const NAMES = /^(Microsoft|Msxml2)\.XMLHTTP(\.3\.0)?$/i;

export class Network {
  #agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
  #cache = new Map();
  #running = new Set();
  /** `METHOD URL` of each request that went out. */
  sent = [];

  /** Calls `done({ status, statusText, headers, body })`; gives what ends it. */
  ask({ method = "GET", url, headers = {}, body = null }, done) {
    const kept = method === "GET" ? this.#cache.get(url) : undefined;
    if (kept !== undefined) {
      const timer = setTimeout(() => done(kept), 0);
      return () => clearTimeout(timer);
    }
    this.sent.push(`${method} ${url}`);
    const request = http.request(url, { method, agent: this.#agent, headers: { Accept: "*/*", "User-Agent": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", ...headers } });
    this.#running.add(request);
    let isOver = false;
    const end = (answer) => {
      this.#running.delete(request);
      if (!isOver) {
        isOver = true;
        done(answer);
      }
    };
    request.on("error", (error) => end({ status: error.code === "ECONNREFUSED" ? CANNOT_CONNECT : CONNECTION_RESET, statusText: "Unknown", headers: {}, body: "" }));
    request.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
      response.on("close", () => {
        if (!response.complete) {
          end({ status: CONNECTION_RESET, statusText: "Unknown", headers: {}, body: "" });
          return;
        }
        const answer = { status: response.statusCode, statusText: response.statusMessage, headers: response.headers, body: Buffer.concat(chunks).toString("utf8") };
        if (method === "GET" && response.statusCode === 200 && !/no-store|no-cache/i.test(response.headers["cache-control"] ?? "")) {
          this.#cache.set(url, answer);
        }
        end(answer);
      });
    });
    request.end(body);
    return () => {
      isOver = true;
      request.destroy();
      this.#running.delete(request);
    };
  }

  close() {
    this.#running.forEach((request) => request.destroy());
    this.#agent.destroy();
  }
}

/** What `new ActiveXObject(NAME)` gives for a request: `page` has the base address, the network and who calls a handler. */
export function activeRequest(page, name) {
  if (!NAMES.test(name)) {
    throw new Error("Automation server can't create object");
  }
  let asked = null;
  let answer = null;
  let stop = null;
  const state = { readyState: 0, onreadystatechange: null };
  const move = (next) => {
    state.readyState = next;
    if (state.onreadystatechange !== null) {
      page.call(state.onreadystatechange, undefined);
    }
  };
  const arrived = () => {
    if (answer === null) {
      throw new Error("The data necessary to complete this operation is not yet available.");
    }
    return answer;
  };
  const methods = {
    open(method, url) {
      const full = new URL(url, page.url);
      if (full.origin !== new URL(page.url).origin) {
        throw new Error("Access is denied.");
      }
      stop?.();
      full.hash = "";
      [asked, answer] = [{ method: method.toUpperCase(), url: full.href, headers: {} }, null];
      move(1);
    },
    setRequestHeader(field, value) { asked.headers[field] = String(value); },
    send(body) {
      move(2);
      stop = page.network.ask({ ...asked, body: body ?? null }, (got) => {
        stop = null;
        move(3);
        // A 204 was not understood.
        answer = got.status === 204 ? { ...got, status: 1223 } : got;
        move(4);
      });
    },
    abort() {
      if (stop !== null) {
        stop();
        stop = null;
        move(4);
        state.readyState = 0;
      }
    },
    getResponseHeader(field) { return arrived().headers[field.toLowerCase()] ?? ""; },
    getAllResponseHeaders() { return Object.entries(arrived().headers).map(([field, value]) => `${field}: ${value}\r\n`).join(""); },
  };
  const object = host(Object.create(null, {
    readyState: { get: () => state.readyState },
    status: { get: () => arrived().status },
    statusText: { get: () => arrived().statusText },
    responseText: { get: () => arrived().body },
    onreadystatechange: {
      get: () => state.onreadystatechange,
      set(handler) {
        if (typeof handler !== "function") {
          throw new TypeError("Type mismatch.");
        }
        state.onreadystatechange = handler;
      },
    },
  }), methods);
  // It takes no other property: `withCredentials`, `timeout`, `onload` and one's own all throw.
  return new Proxy(Object.preventExtensions(object), {
    set(target, field, value) {
      if (field !== "onreadystatechange") {
        throw new Error("Object doesn't support this property or method");
      }
      target.onreadystatechange = value;
      return true;
    },
  });
}
