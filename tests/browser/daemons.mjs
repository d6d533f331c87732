// The real daemons as child processes, and a proxy that can break or refuse connections.

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";

const running = new Set();

/** Starts `binary` and waits until it says where it listens: a daemon in its log, `datecast` by its URL; gives the child and the port. */
export async function start(binary, args, { stdin = "ignore" } = {}) {
  const child = spawn(binary, args, { stdio: [stdin, "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const port = await new Promise((found, failed) => {
    let log = "";
    const late = setTimeout(() => failed(new Error(`${binary} does not listen: ${log}`)), 20_000);
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`${binary} ended with ${code}: ${log}`)));
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text) => {
        log += text;
        const match = /(?:listening on \S*|^http:\/\/\S+):(\d+)\/?\n/m.exec(log);
        if (match !== null) {
          clearTimeout(late);
          found(Number(match[1]));
        }
      });
    }
  });
  return { child, port };
}

/** Ends a child by its process id and waits until it is gone. */
export async function stop(child, signal = "SIGTERM") {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

export async function stopAll() {
  await Promise.all([...running].map((child) => stop(child, "SIGKILL")));
}

/** Waits until `isTrue()`, which may be asynchronous; after four minutes it fails with what `reason()` says. */
export async function until(isTrue, reason) {
  for (const deadline = Date.now() + 240_000; !(await isTrue());) {
    if (Date.now() > deadline) {
      throw new Error(await reason());
    }
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

/** A TCP proxy to `target` on a port of its own. */
export class Proxy {
  #sockets = new Set();
  #server = null;
  port = 0;
  refuseUpgrades = false;

  constructor(target) {
    this.target = target;
  }

  async open() {
    this.#server = net.createServer((client) => this.#accept(client));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  /** Breaks every connection and takes no new ones, as a cable that is pulled. */
  async close() {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }

  #accept(client) {
    this.#keep(client);
    client.once("data", (head) => {
      if (this.refuseUpgrades && /^upgrade:/im.test(head.toString("latin1"))) {
        client.destroy();
        return;
      }
      const upstream = net.connect(this.target, "127.0.0.1");
      this.#keep(upstream);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
    });
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }
}

/** Waits until a server has sent so many lines from now on. */
export async function passLines(port, count) {
  const socket = net.connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.0\r\n\r\n");
  let seen = "";
  for await (const bytes of socket.setEncoding("latin1")) {
    seen += bytes;
    if ((seen.match(/\nline /g) ?? []).length >= count) {
      break;
    }
  }
  socket.destroy();
}

/** A WebSocket client that leaves after it has seen two dates: it has lived a whole interval. */
export async function comeAndGo(port) {
  const socket = net.connect(port, "127.0.0.1");
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  let seen = "";
  for await (const bytes of socket.setEncoding("latin1")) {
    seen += bytes;
    if ((seen.match(/GMT/g) ?? []).length >= 3) {
      break;
    }
  }
  socket.destroy();
  return Number(/^x-connection-id: *(\d+)/im.exec(seen)?.[1]);
}
