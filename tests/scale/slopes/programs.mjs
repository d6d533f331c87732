// The programs of a measurement: ws-server and the load generator, each with its end.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MemoryGroup, ownMemory, processorTime } from "./machine.mjs";

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../../target", import.meta.url));
const WS_SERVER = process.env.WS_SERVER ?? `${TARGET}/release/ws-server`;
const LOAD_GENERATOR = process.env.LOAD_GENERATOR ?? `${TARGET}/release/examples/load-generator`;
const PATIENCE = 120_000;

const running = new Set();

function start(command, options) {
  const child = spawn(command[0], command.slice(1), options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

export const stopAll = () => Promise.all([...running].map(stop));

export const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

/** The first line of `stream` that fits. */
function line(stream, pattern, what) {
  return new Promise((found, failed) => {
    const late = setTimeout(() => failed(new Error(`${what} says nothing like ${pattern}`)), PATIENCE);
    createInterface({ input: stream }).on("line", (text) => {
      const match = pattern.exec(text);
      if (match !== null) {
        clearTimeout(late);
        found(match);
      }
    });
  });
}

/** ws-server in a memory group of its own. */
export class Server {
  #group = new MemoryGroup();

  /** Its source is what `say` writes, or the clock. */
  static async start({ source = "-", listen = "127.0.0.1:0", options = [] } = {}) {
    const server = new Server();
    const input = source === "-" ? ["--source", "-", "--template", "{seq} {line}"] : ["--source", source];
    const command = [WS_SERVER, ...input, "--listen", listen, "--max-connections-per-ip", "0", ...options];
    server.child = start(server.#group.around(command), { stdio: ["pipe", "ignore", "pipe"] });
    const said = await line(server.child.stderr, /listening on (\S*)$/, "ws-server");
    server.address = said[1];
    return server;
  }

  say(text) {
    this.child.stdin.write(`${text}\n`);
  }

  get figures() {
    const { pid } = this.child;
    return { time: processorTime(pid), process: ownMemory(pid), kernel: this.#group.kernel };
  }

  async end() {
    await stop(this.child);
    this.#group.remove();
  }
}

/** The load generator; `next` is its next answer. */
export class Load {
  #answers = [];
  #wanted = [];

  constructor(...args) {
    this.child = start([LOAD_GENERATOR, ...args.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.child.stdout }).on("line", (text) => {
      this.#answers.push(JSON.parse(text));
      this.#wanted.shift()?.();
    });
  }

  async next() {
    if (this.#answers.length === 0) {
      await new Promise((done, failed) => {
        const late = setTimeout(() => failed(new Error("the load generator says nothing")), PATIENCE);
        this.#wanted.push(() => { clearTimeout(late); done(); });
      });
    }
    return this.#answers.shift();
  }

  ask(command) {
    this.child.stdin.write(`${command}\n`);
    return this.next();
  }

  end() {
    return stop(this.child);
  }
}
