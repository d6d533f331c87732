// From one machine to three, and a leaf node per region: the commands and configurations of docs/scale.md, with real nats-servers on loopback.
// No client misses a line, or gets one twice, whatever step is being taken.

import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { block } from "./document.mjs";
import { endAll, folder, freePort, nats, start, succeeds, until } from "./processes.mjs";

const GROWTH = "From one machine to three";
const REGION = "A leaf node per region";
const HOSTS = ["m1", "m2", "m3", "eu1"];

/** What the document calls `m1.example:4222` and so on, here. */
const ports = new Map();
async function choosePorts() {
  for (const name of HOSTS.flatMap((host) => [4222, 4333, 6222, 7422].map((port) => `${host}.example:${port}`))) {
    ports.set(name, `127.0.0.1:${await freePort()}`);
  }
}

const placed = (text) => [...ports].reduce((changed, [name, port]) => changed.replaceAll(name, port), text.replaceAll("/var/lib/nats/", `${folder}/`));

/** A block of the document for this place; `names` are changed first. */
const here = (section, pattern, names = {}) => placed(block(section, pattern, names));

/** A ws-server, its producers' socket, and a client that connects again when it has to. */
class Machine {
  lines = [];

  constructor(name) {
    this.name = name;
    this.socket = `${folder}/${name}.sock`;
    this.metrics = `${folder}/${name}.metrics`;
  }

  async start() {
    const command = here(GROWTH, "ws-server", { "/run/ws-server/lines.sock": this.socket, "[::]:40132": "127.0.0.1:0" });
    this.server = start(`${command} --metrics unix:${this.metrics}`);
    await this.server.hasSaid(/listening on \S*:\d+\n/);
    this.port = Number(/listening on \S*:(\d+)\n/.exec(this.server.said)[1]);
  }

  /** A bridge by this command of the document, in the place of the one before. */
  async follow(section, pattern) {
    await this.bridge?.end("SIGTERM");
    this.bridge = start(here(section, pattern, { "/run/ws-server/lines.sock": this.socket }));
    await until(async () => (await this.health()) === 200, () => `${this.name} is not healthy: ${this.bridge.said}`);
  }

  health() {
    return new Promise((done) => {
      http.get({ socketPath: this.metrics, path: "/healthz" }, (answer) => { answer.resume(); done(answer.statusCode); }).on("error", () => done(0));
    });
  }

  /** Reads the stream from here on, behind `since` if that is given. */
  read(since, lines = this.lines) {
    const path = `/?ids=1${since === undefined ? "" : `&since=${since}`}`;
    const request = http.get({ port: this.port, path, headers: { Accept: "application/x-ndjson" } }, (answer) => {
      let rest = "";
      answer.setEncoding("utf8").on("data", (text) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop();
        lines.push(...parts.map((part) => JSON.parse(part)));
      });
    }).on("error", () => {});
    return () => request.destroy();
  }

  /** Waits until it has shown message `number` to its client. */
  async shows(number, lines = this.lines) {
    await until(() => lines.some(({ text }) => text === `line ${number}`), () => `${this.name} does not show ${number}: ${this.bridge.said}`);
  }
}

const texts = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

/** Every message from the first to `last`, once and in order, under its number of one epoch. */
function expectAll(lines, first, last) {
  assert.deepEqual(lines.map((line) => (line.kind === "message" ? line.text : line)), texts(first, last));
  const [epoch] = lines[0].id.split("_");
  assert.deepEqual(lines.map(({ id }) => id), texts(first, last).map((_, index) => `${epoch}_${first + index}`));
}

/** The document's publisher, whose input are these lines. */
const publish = (from, to, pattern) => succeeds(here(GROWTH, pattern).replace("vmstat 1 | ", ""), `${texts(from, to).join("\n")}\n`);
const publishToOld = (from, to) => publish(from, to, /\| datecast-nats publish .*m1.example:4222/);
const publishToThree = (from, to) => publish(from, to, /\| datecast-nats publish .*m1.example:4333/);

/** The three nats-servers. */
const hub = [];
const [m1, m2, eu1] = ["m1", "m2", "eu1"].map((name) => new Machine(name));
const idOf = (number) => m1.lines.find(({ text }) => text === `line ${number}`).id;

after(endAll);

test("from one machine to three: every client gets each line once and in order, under the same id", async () => {
  await choosePorts();
  const first = await nats("old.conf", here(GROWTH, /^# old.conf(?![^]*domain)/));
  await succeeds(here(GROWTH, "datecast-nats create --server nats://m1.example:4222"));
  await publishToOld(1, 1);
  await m1.start();
  await m1.follow(GROWTH, "datecast-nats follow --server nats://m1.example:4222");
  m1.read();
  await m1.shows(1);
  await publishToOld(2, 100);

  for (const name of ["m1", "m2", "m3"]) {
    const configuration = block(GROWTH, "# three.conf").replace("server_name: m1", `server_name: ${name}`).replaceAll(/(listen: )m1/g, `$1${name}`);
    hub.push(await nats(`${name}.conf`, placed(configuration).replace("/three,", `/${name},`)));
  }
  await first.end("SIGTERM");
  const leaf = await nats("old.conf", here(GROWTH, /^# old.conf[^]*domain/));
  await publishToOld(101, 150);
  await succeeds(here(GROWTH, /create .* --mirror/));
  await m1.shows(150);
  await m1.follow(GROWTH, "datecast-nats follow --server nats://m1.example:4333");
  await m2.start();
  await m2.follow(GROWTH, "datecast-nats follow --server nats://m1.example:4333");
  m2.read(idOf(50));
  await publishToOld(151, 200);
  await Promise.all([m1.shows(200), m2.shows(200)]);

  await leaf.end("SIGTERM");
  await succeeds(here(GROWTH, /create .* --update/));
  await publishToThree(201, 300);
  await Promise.all([m1.shows(300), m2.shows(300)]);
  expectAll(m1.lines, 1, 300);
  expectAll(m2.lines, 51, 300);
});

test("a region's leaf node has the same numbers, goes on after it was away, and serves what it has while it is cut off", async () => {
  const configuration = here(REGION, "# leaf.conf");
  let leaf = await nats("leaf.conf", configuration);
  await succeeds(here(REGION, "datecast-nats create"));
  await eu1.start();
  await eu1.follow(REGION, "datecast-nats follow");
  eu1.read(idOf(120));
  await publishToThree(301, 350);
  await eu1.shows(350);

  await leaf.end();
  await publishToThree(351, 400);
  leaf = await nats("leaf.conf", configuration);
  await eu1.shows(400);

  // The ocean's cable: the region keeps its history for newcomers, also for those from elsewhere.
  await Promise.all(hub.map((server) => server.end()));
  const moved = [];
  eu1.read(idOf(300), moved);
  await eu1.shows(400, moved);
  expectAll(moved, 301, 400);
  expectAll(eu1.lines, 121, 400);
});
