// The opening bytes of browsers that cannot be had, against the real ws-server: it opens as the browser wants it, and two dates come.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import net from "node:net";
import { start, stop } from "../browser/daemons.mjs";
import { KEY3, OPENINGS } from "./openings.mjs";
import { until } from "./processes.mjs";
import { way } from "./tap.mjs";

const PATIENCE = 120;
const DATE = "[A-Z][a-z]{2} [A-Z][a-z]{2} \\d\\d \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\\+0000 \\(UTC\\)";
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A connection, and all that has come on it, byte by byte as latin-1. */
async function connection(port) {
  const socket = net.connect(port, "127.0.0.1");
  const state = { socket, came: "", isOver: false };
  socket.on("error", () => {}).on("close", () => { state.isOver = true; }).on("data", (bytes) => { state.came += bytes.toString("latin1"); });
  await new Promise((done) => { socket.once("connect", done).once("close", done); });
  return state;
}

const value = (head, name) => head.find((field) => field.startsWith(`${name}: `)).slice(name.length + 2);

/** §1.3 of drafts 76: digits as a number, by the number of spaces. */
function part(text) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(text.replace(/\D/g, "")) / text.replace(/[^ ]/g, "").length);
  return bytes;
}

function digest(head) {
  const parts = [part(value(head, "Sec-WebSocket-Key1")), part(value(head, "Sec-WebSocket-Key2")), Buffer.from(KEY3, "latin1")];
  return createHash("md5").update(Buffer.concat(parts)).digest("latin1");
}

const accept = (head) => createHash("sha1").update(value(head, "Sec-WebSocket-Key") + GUID).digest("base64");
/** RFC 6455 §5.2: a text frame that is shorter than 126 bytes and not masked. */
const FRAME = `\\x81[\\x01-\\x7d]${DATE}`;
const OLD_FRAME = `\\x00${DATE}\\xff`;
const PREFIX = "^HTTP/1\\.1 101 [^\\r]*\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n";

/** What must have come, for each way; from the head's end on. */
const ANSWERS = {
  "draft 75": () => [/^HTTP\/1\.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nWebSocket-Origin: /, OLD_FRAME],
  "draft 76": (head, came) => [came.includes(`\r\n\r\n${digest(head)}\x00`) ? /^HTTP\/1\.1 101 WebSocket Protocol Handshake\r\n/ : /^the digest/, OLD_FRAME],
  "version 7": (head, came) => [came.includes(`\r\nSec-WebSocket-Accept: ${accept(head)}\r\n`) ? new RegExp(PREFIX, "i") : /^the key/, FRAME],
  "event stream": () => [/^HTTP\/1\.1 200 [\s\S]*\r\nContent-Type: text\/event-stream/i, `\ndata: ${DATE}\n`],
  "HTML document": () => [/^HTTP\/1\.[01] 200 [\s\S]*\r\nContent-Type: text\/html/i, DATE],
  JSONP: () => [/^HTTP\/1\.1 200 [\s\S]*\r\nContent-Type: application\/javascript[\s\S]*\r\n\r\n\/\*\*\/dc\.c1\(\{"last":/i, `"text":"${DATE}"`],
  "long poll": () => [/^HTTP\/1\.1 200 [\s\S]*\r\nContent-Type: application\/x-ndjson/i, `"text":"${DATE}"`],
};
ANSWERS["version 8"] = ANSWERS["version 7"];
ANSWERS["RFC 6455"] = ANSWERS["version 7"];

const isPoll = (opening) => opening.way === "JSONP" || opening.way === "long poll";
const dates = (came, pattern) => new Set((came.match(new RegExp(pattern, "g")) ?? []).map((found) => new RegExp(DATE).exec(found)[0]));

/** Polls go on after the last id, on the same connection. */
function nextPoll(opening, came) {
  const last = /\r\nDatecast-Last-Id: *(\S+)/gi;
  const ids = [...came.matchAll(last)].map((match) => match[1]);
  const inJson = [...came.matchAll(/"last":"([^"]+)"/g)].map((match) => match[1]);
  const id = [...ids, ...inJson].at(-1);
  return opening.head.map((line, index) => (index === 0 ? line.replace("&at=", `&since=${id}&at=`) : line));
}

async function replay(opening, port) {
  const bytes = (head) => `${head.join("\r\n").replace("HOST", `127.0.0.1:${port}`)}\r\n\r\n${head.some((field) => field.startsWith("Sec-WebSocket-Key1")) ? KEY3 : ""}`;
  const taken = way(bytes(opening.head));
  assert.ok(taken.includes(opening.way), `it would be taken for ${taken}`);
  const state = await connection(port);
  try {
    state.socket.write(bytes(opening.head), "latin1");
    let asked = 1;
    await until(() => {
      const [head, pattern] = ANSWERS[opening.way](opening.head, state.came);
      const seen = dates(state.came, pattern).size;
      if (isPoll(opening) && seen === asked && asked < 2) {
        asked += 1;
        state.socket.write(bytes(nextPoll(opening, state.came)), "latin1");
      }
      return head.test(state.came) && seen >= 2;
    }, PATIENCE, () => `no two dates: ${JSON.stringify(state.came.slice(0, 500))}`);
  } finally {
    state.socket.destroy();
  }
}

/** One check a browser, on one ws-server; gives those that passed. */
export async function replays(check, binaries) {
  const stream = await start(binaries.wsServer, ["--listen", "127.0.0.1:0"]);
  const passed = await Promise.all(OPENINGS.map((opening) => check(`${opening.browser} (${opening.year}) opens by ${opening.way} and gets two dates`, () => replay(opening, stream.port))));
  await stop(stream.child);
  return OPENINGS.filter((_, index) => passed[index]);
}
