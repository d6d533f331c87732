// Kafka as the source of ws-server, by kcat. The brokers are real ones as far as the wire goes: librdkafka has them for its own tests, in the
// process of a kcat that does nothing else. The commands are those of docs/scale.md.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { start, stopAll, until } from "../browser/daemons.mjs";
import { block } from "./document.mjs";

const SECTION = "Where Kafka is there already";
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = `${process.env.CARGO_TARGET_DIR ?? `${PROJECT}target`}/debug`;
const folder = mkdtempSync(join(tmpdir(), "kafka-"));
const running = new Set();

/** A program of the system in a process group of its own, which ends with the test. */
function run(command, options = {}) {
  const child = spawn(command[0], command.slice(1), { detached: true, stdio: ["pipe", "ignore", "pipe"], cwd: PROJECT, ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function end(child) {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await gone;
  }
}

/** Brokers with one topic of one partition. */
async function cluster() {
  const child = run(["kcat", "-P", "-t", "prices", "-p", "0", "-b", "none", "-X", "test.mock.num.brokers=1"]);
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    const address = /replaced with (\S+:\d+)/.exec(line)?.[1];
    if (address !== undefined) {
      return { child, address, first: 0 };
    }
  }
  throw new Error("kcat has no brokers for tests");
}

function produce({ address }, ...texts) {
  const { status, stderr } = spawnSync("kcat", ["-P", "-b", address, "-t", "prices", "-p", "0"], { input: texts.join("\n") });
  assert.equal(status, 0, `${stderr}`);
}

let count = 0;
const fresh = (name) => `${folder}/${(count += 1)}-${name}`;

/** ws-server for a producer at a socket. */
async function machine() {
  const [lines, metrics] = [fresh("lines.sock"), fresh("metrics.sock")];
  const args = ["--numbers", "given", "--source", `unix:${lines}`, "--listen", "127.0.0.1:0", "--metrics", `unix:${metrics}`];
  return { ...await start(`${FOLDER}/ws-server`, args), lines, metrics };
}

const pipe = ({ address }, { lines }) => block(SECTION, "docs/kafka/kcat-to-datecast", { "kafka.example:9092": address, "/run/ws-server/lines.sock": lines });
const feed = (kafka, server) => run(["bash", "-c", `exec ${pipe(kafka, server)}`]);

function get(options) {
  return new Promise((done, failed) => {
    http.get(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (more) => { text += more; }).on("end", () => done({ status: answer.statusCode, text }));
    }).on("error", failed);
  });
}

const health = async ({ metrics }) => (await get({ socketPath: metrics, path: "/healthz" })).status;

/** The messages after `since` by a long poll, as `ID TEXT`. */
async function messages({ port }, since) {
  const path = `/?ids=1&poll=1${since === undefined ? "" : `&since=${since}`}`;
  const { status, text } = await get({ port, path, headers: { Accept: "application/x-ndjson" } });
  assert.equal(status, 200, text);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)).map((said) => (said.kind === "message" ? `${said.id} ${said.text}` : said));
}

const EPOCH = "000000000000";
/** Waits until these are all that there is after `since`. */
async function has(server, wanted, since) {
  let got;
  await until(async () => {
    got = await messages(server, since).catch((error) => [error.message]);
    return isDeepStrictEqual(got, wanted);
  }, () => `not ${JSON.stringify(wanted)} but ${JSON.stringify(got)}`);
}

let kafka;
beforeEach(async () => { kafka = await cluster(); });
afterEach(async () => {
  await Promise.all([...running].map(end));
  await stopAll();
});
after(() => rmSync(folder, { recursive: true }));

test("offset 0 reaches the client under its own number, and the machine is healthy once it has caught up", async () => {
  const server = await machine();
  assert.equal(await health(server), 503);
  produce(kafka, "zero", "one");
  feed(kafka, server);
  await has(server, [`${EPOCH}_0 zero`, `${EPOCH}_1 one`]);
  await until(async () => (await health(server)) === 200, () => "not healthy");
  produce(kafka, "two");
  await has(server, [`${EPOCH}_2 two`], `${EPOCH}_1`);
});

test("the pipe goes on behind the newest number when it is killed, and when ws-server is", async () => {
  const server = await machine();
  produce(kafka, "zero");
  const first = feed(kafka, server);
  await has(server, [`${EPOCH}_0 zero`]);
  await end(first);
  produce(kafka, "one", "two");
  feed(kafka, server);
  await has(server, [`${EPOCH}_1 one`, `${EPOCH}_2 two`], `${EPOCH}_0`);
  server.child.kill("SIGKILL");
  await once(server.child, "exit");
  const args = ["--numbers", "given", "--source", `unix:${server.lines}`, "--listen", "127.0.0.1:0", "--metrics", `unix:${server.metrics}`];
  const again = { ...server, ...await start(`${FOLDER}/ws-server`, args) };
  await until(async () => (await health(again).catch(() => 0)) === 200, () => "not healthy again");
  produce(kafka, "three");
  await has(again, [`${EPOCH}_1 one`, `${EPOCH}_2 two`, `${EPOCH}_3 three`], `${EPOCH}_0`);
});

test("two machines with a pipe each show the same numbers, and a client goes on at the other one", async () => {
  const [one, other] = [await machine(), await machine()];
  produce(kafka, "zero", "one");
  [one, other].forEach((server) => feed(kafka, server));
  await has(one, [`${EPOCH}_0 zero`, `${EPOCH}_1 one`]);
  produce(kafka, "two");
  await has(other, [`${EPOCH}_2 two`], `${EPOCH}_1`);
});

/** In place of kcat, which has no way to delete: a topic of which 100 and 101 are left. */
const DELETED = `#!/bin/bash
while [ $# -gt 0 ]; do case $1 in
  *:0:-2) echo "prices [0] offset 100"; exit ;;
  *:0:-1) echo "prices [0] offset 102"; exit ;;
  -o) from=$2 ;;
  -e) ends=yes ;;
esac; shift; done
for ((offset = from; offset < 102; offset++)); do printf '%s\\tnumber %s\\n' "$offset" "$offset"; done
[ -n "$ends" ] || exec sleep 600
`;

test("what Kafka has deleted before the pipe read it is told as a gap", async () => {
  const server = await machine();
  const producer = net.connect(server.lines);
  producer.on("error", () => {}).end("5\tfive\n!caught-up\n");
  await has(server, [`${EPOCH}_5 five`]);
  const bin = fresh("bin");
  mkdirSync(bin);
  writeFileSync(`${bin}/kcat`, DELETED, { mode: 0o755 });
  run(["bash", "-c", `exec ${pipe(kafka, server)}`], { env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } });
  await has(server, [{ id: null, text: "", kind: "gap", missed: 94, stream: "same", next: `${EPOCH}_100` }, `${EPOCH}_100 number 100`, `${EPOCH}_101 number 101`], `${EPOCH}_5`);
});

test("a topic that was made anew ends the pipe with 65 and the way out", async () => {
  const server = await machine();
  produce(kafka, "zero", "one", "two");
  const first = feed(kafka, server);
  await has(server, [`${EPOCH}_0 zero`, `${EPOCH}_1 one`, `${EPOCH}_2 two`]);
  await end(first);
  await end(kafka.child);
  kafka = await cluster();
  produce(kafka, "another zero");
  const pipe = feed(kafka, server);
  let said = "";
  pipe.stderr.setEncoding("utf8").on("data", (text) => { said += text; });
  const [code] = await once(pipe, "exit");
  assert.equal(code, 65, said);
  assert.match(said, /ws-server has number 2, and prices ends before it/);
});

test("kcat alone in a pipe is enough for one machine", async () => {
  produce(kafka, "zero", "one\twith a tab");
  const text = block(SECTION, "{ printf", { "kafka.example:9092": kafka.address, "ws-server": `exec ${FOLDER}/ws-server`, "[::]:40132": "127.0.0.1:0" });
  const child = run(["bash", "-c", text]);
  const port = await new Promise((found) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const match = /listening on \S*:(\d+)$/.exec(line);
      if (match !== null) {
        found(Number(match[1]));
      }
    });
  });
  await has({ port }, [`${EPOCH}_0 zero`, `${EPOCH}_1 one\twith a tab`]);
});
