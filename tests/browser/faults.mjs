// A TCP proxy that treats its connections badly, and which faults come when: by a seed.

import { once } from "node:events";
import net from "node:net";
import { Chance } from "../../client/tests/chance.mjs";

/** A proxy to port `target`. Its first connections get these faults, one each, the others none. */
export class FaultyProxy {
  port = 0;
  /** Connections that are open by now, and WebSockets among them. */
  sockets = new Set();
  webSockets = new Set();
  /** Connections that there ever were, and WebSockets among them. */
  count = 0;
  webSocketCount = 0;
  #faults;
  #server = null;

  constructor(target, faults = []) {
    this.target = target;
    this.#faults = faults;
  }

  /** Faults that no connection has had so far. */
  get left() {
    return Math.max(0, this.#faults.length - this.count);
  }

  async open() {
    this.#server = net.createServer((client) => this.#accept(client));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    return this;
  }

  close() {
    this.#server.close();
    this.cut();
  }

  cut() {
    this.sockets.forEach((socket) => socket.destroy());
  }

  #accept(client) {
    const fault = this.#faults[this.count] ?? {};
    this.count += 1;
    this.sockets.add(client);
    client.on("error", () => {}).on("close", () => {
      this.sockets.delete(client);
      this.webSockets.delete(client);
    });
    if (fault.refuses) {
      client.resetAndDestroy();
    } else if (fault.isMute) {
      client.resume();
    } else {
      this.#forward(client, fault);
    }
  }

  #forward(client, { cutAfter = Infinity, silentAfter = Infinity, delay = 0 }) {
    const server = net.connect(this.target, "127.0.0.1");
    let left = Math.min(cutAfter, silentAfter);
    server.on("error", () => {}).on("close", () => left > 0 && setTimeout(() => client.destroy(), delay));
    client.on("close", () => server.destroy());
    client.once("data", (head) => {
      if (/^upgrade: *websocket/im.test(head.toString("latin1"))) {
        this.webSockets.add(client);
        this.webSocketCount += 1;
      }
    });
    client.on("data", (bytes) => left > 0 && server.write(bytes));
    server.on("data", (bytes) => {
      if (left <= 0) {
        return;
      }
      const part = bytes.subarray(0, left);
      left -= part.length;
      setTimeout(() => {
        client.write(part);
        if (left <= 0 && cutAfter <= silentAfter) {
          client.destroy();
        }
      }, delay);
    });
  }
}

/** What the connections of one reader meet, by the seed: a refusal, a mute server, cuts in a head and behind it, a slow path, and with `silence` one that falls silent. */
export function faultsOf(seed, { silence }) {
  const chance = new Chance(seed);
  const faults = [
    { refuses: true }, { cutAfter: 1 + chance.below(60) }, { cutAfter: 400 + chance.below(3_000) }, { cutAfter: 400 + chance.below(3_000), delay: 1 + chance.below(40) }, ...(silence ? [{ silentAfter: 500 + chance.below(2_000) }] : []),
  ];
  for (let at = faults.length - 1; at > 0; at -= 1) {
    const other = chance.below(at + 1);
    [faults[at], faults[other]] = [faults[other], faults[at]];
  }
  // At the beginning: later a reader gives a poll all the time that a poll may take.
  return [{ isMute: true }, ...faults];
}
