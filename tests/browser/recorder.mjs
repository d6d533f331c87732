// An HTTP proxy that writes down every request with all its header fields, and can ask for a token itself.

import { once } from "node:events";
import http from "node:http";
import net from "node:net";

/** The token of a request, of the first place that has one: `Authorization`, or `?token=`. */
function presented({ url, headers }) {
  const bearer = /^Bearer (.*)$/i.exec(headers.authorization ?? "");
  return bearer?.[1] ?? new URL(url, "http://h").searchParams.get("token");
}

const REFUSED = { "Content-Type": "text/plain", "WWW-Authenticate": 'Bearer realm="datecast"', "Access-Control-Allow-Origin": "*", Connection: "close" };
const PREFLIGHT = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Authorization", "Access-Control-Allow-Methods": "GET, HEAD", Connection: "close" };

export class Recorder {
  #server = http.createServer((request, response) => this.#pass(request, response));
  #sockets = new Set();
  /** `{ method, url, headers }` of each request. */
  requests = [];
  /** The tokens that open paths that match `guarded`; `null`: the server behind decides. */
  tokens = null;
  guarded = /^\/stream/;
  port = 0;

  constructor(target) {
    this.target = target;
  }

  async open() {
    this.#server.on("connection", (socket) => this.#keep(socket));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  close() {
    this.#server.close();
    this.cut();
  }

  /** Breaks every connection. */
  cut() {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  /** How many requests of the stream there were. */
  get streams() {
    return this.requests.filter(({ url }) => this.guarded.test(url)).length;
  }

  /** How many of them would follow it: a bounded read, for older lines, is sent whenever the reader comes near them. */
  get attempts() {
    return this.requests.filter(({ url }) => this.guarded.test(url) && !/[?&]until=/.test(url)).length;
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }

  #admits(request) {
    this.requests.push({ method: request.method, url: request.url, headers: request.headers });
    return this.tokens === null || !this.guarded.test(request.url) || this.tokens.has(presented(request));
  }

  #options(request) {
    return { host: "127.0.0.1", port: this.target, method: request.method, path: request.url, headers: request.headers, agent: false };
  }

  #pass(request, response) {
    if (this.tokens !== null && request.method === "OPTIONS") {
      this.requests.push({ method: request.method, url: request.url, headers: request.headers });
      response.writeHead(204, PREFLIGHT).end();
      return;
    }
    if (!this.#admits(request)) {
      response.writeHead(401, REFUSED).end("This stream needs a token.\n");
      return;
    }
    const upstream = http.request(this.#options(request), (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }

  #upgrade(request, socket, head) {
    if (!this.#admits(request)) {
      const fields = Object.entries(REFUSED).map(([name, value]) => `${name}: ${value}\r\n`).join("");
      socket.end(`HTTP/1.1 401 Unauthorized\r\n${fields}Content-Length: 0\r\n\r\n`);
      return;
    }
    const upstream = net.connect(this.target, "127.0.0.1");
    this.#keep(upstream);
    const fields = request.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${fields}\r\n`);
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
  }
}
