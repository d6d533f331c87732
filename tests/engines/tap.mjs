// A TCP proxy that keeps the heads of all requests, and can break every connection as a cable that is pulled.

import { once } from "node:events";
import net from "node:net";

const WAYS = [
  ["JSONP", /^GET [^ ]*[?&]callback=/],
  ["long poll", /^GET [^ ]*[?&]poll=|^prefer: *wait/im],
  ["event stream", /^accept: *text\/event-stream/im],
  ["streaming request", /^accept: *application\/x-ndjson/im],
  ["HTML document", /^GET [^ ]*\.html[ ?]|^accept:.*text\/html/im],
];

/** The draft or the RFC of a WebSocket's opening handshake, or else which way to the stream a request asks for. */
export function way(head) {
  if (/^upgrade: *websocket/im.test(head)) {
    const version = /^sec-websocket-version: *(\d+)/im.exec(head)?.[1];
    const older = /^sec-websocket-key1:/im.test(head) ? "draft 76" : "draft 75";
    return `WebSocket (${version === undefined ? older : version === "13" ? "RFC 6455" : `version ${version}`})`;
  }
  return WAYS.find(([, pattern]) => pattern.test(head))?.[0] ?? "lines";
}

export class Tap {
  #sockets = new Set();
  #server = null;
  /** The heads of all requests, as they came. */
  heads = [];
  port = 0;

  constructor(target) {
    this.target = target;
  }

  async open() {
    this.#server = net.createServer((client) => this.#accept(client)).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    return this;
  }

  async close() {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  get ways() {
    return new Set(this.heads.map(way));
  }

  #accept(client) {
    const upstream = net.connect(this.target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    }
    let kept = "";
    client.on("data", (bytes) => {
      // A frame of a WebSocket cannot be taken for a head: what follows the opening handshake is not looked at.
      kept = /^upgrade:/im.test(kept) ? kept : kept + bytes.toString("latin1");
      for (let end = kept.indexOf("\r\n\r\n"); end !== -1 && /^[A-Z]+ \//.test(kept); end = kept.indexOf("\r\n\r\n")) {
        const head = kept.slice(0, end + 4);
        this.heads.push(head);
        if (/^upgrade:/im.test(head)) {
          break;
        }
        kept = kept.slice(end + 4);
      }
    });
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  }
}
