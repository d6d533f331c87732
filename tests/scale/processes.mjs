// Programs of a test on ports and in folders of its own: nats-server, datecast-nats, ws-server.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const { NATS_SERVER = "nats-server", BINARIES = `${PROJECT}target/debug`, NATS_BINARIES = `${PROJECT}datecast-nats/target/release` } = process.env;
const PATIENCE = 60_000;
export const folder = mkdtempSync(join(tmpdir(), "scale-"));

const running = new Set();
let port = 20_000 + (process.pid % 1000) * 10;

/** A port below the ephemeral ones that nobody holds. */
export async function freePort() {
  for (;;) {
    port = port >= 32_000 ? 20_000 : port + 1;
    const server = net.createServer();
    const isFree = await new Promise((done) => { server.once("error", () => done(false)).listen(port, "127.0.0.1", () => done(true)); });
    if (isFree) {
      await new Promise((done) => { server.close(done); });
      return port;
    }
  }
}

/** Waits until `isTrue()`, which may be asynchronous. */
export async function until(isTrue, reason) {
  for (const deadline = Date.now() + PATIENCE; !(await isTrue());) {
    if (Date.now() > deadline) {
      throw new Error(reason());
    }
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

/** A process, with what it has said. */
export class Program {
  said = "";

  constructor(command) {
    this.child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "pipe"], cwd: folder });
    running.add(this);
    this.exit = once(this.child, "exit").then(([code]) => code);
    for (const output of [this.child.stdout, this.child.stderr]) {
      output.setEncoding("utf8").on("data", (text) => { this.said += text; });
    }
    this.child.stdin.on("error", () => {});
  }

  hasSaid(pattern) {
    return until(() => pattern.test(this.said), () => `${this.child.spawnargs.join(" ")} does not say ${pattern} but: ${this.said}`);
  }

  async end(signal = "SIGKILL") {
    this.child.kill(signal);
    await this.exit;
    running.delete(this);
  }
}

export async function endAll() {
  await Promise.all([...running].map((program) => program.end()));
  rmSync(folder, { recursive: true });
}

const PROGRAMS = { "ws-server": resolve(BINARIES, "ws-server"), "datecast-nats": resolve(NATS_BINARIES, "datecast-nats"), "nats-server": NATS_SERVER };

/** Starts a command line of the document; none of its words has a space. */
export function start(text) {
  const [name, ...words] = text.split(/\s+/);
  return new Program([PROGRAMS[name], ...words]);
}

/** A nats-server with this configuration. */
export async function nats(name, configuration) {
  writeFileSync(`${folder}/${name}`, configuration);
  const server = start(`nats-server -c ${folder}/${name}`);
  await server.hasSaid(/Server is ready/);
  return server;
}

/** A command that ends by itself, and must do so well. */
export async function succeeds(text, input = "") {
  const program = start(text);
  program.child.stdin.end(input);
  const late = setTimeout(() => program.child.kill("SIGKILL"), PATIENCE);
  const code = await program.exit;
  clearTimeout(late);
  if (code !== 0) {
    throw new Error(`${text}: ${code}, ${program.said}`);
  }
  return program.said;
}
