// A WebSocket server that says exactly what a test tells it to, right or wrong, in pieces that the test cuts. Ruffle reaches TCP through a
// WebSocket, so this is both ends of that: each piece goes out as one binary message, and comes to the SWF as one piece.

import { createHash } from "node:crypto";
import { once } from "node:events";
import net from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const BINARY = 2;
const CLOSE = 8;

/** A frame (RFC 6455 §5.2). `length` is written in so many bytes; without it in as few as it needs. */
export function frame(opcode, payload = "", { isLast = true, reserved = 0, isMasked = false, length } = {}) {
  const body = Buffer.from(payload);
  const size = length ?? (body.length < 126 ? 1 : body.length < 65536 ? 2 : 8);
  const head = Buffer.alloc({ 1: 2, 2: 4, 8: 10 }[size]);
  head[0] = (isLast ? 0x80 : 0) | reserved << 4 | opcode;
  head[1] = (isMasked ? 0x80 : 0) | { 1: body.length, 2: 126, 8: 127 }[size];
  if (size === 2) {
    head.writeUInt16BE(body.length, 2);
  } else if (size === 8) {
    head.writeBigUInt64BE(BigInt(body.length), 2);
  }
  return Buffer.concat([head, ...(isMasked ? [Buffer.alloc(4)] : []), body]);
}

/** The payload of a Close. */
export function closing(code, reason = "") {
  return Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(reason)]);
}

/** Frames that a client sends, out of its bytes. */
class Frames {
  #bytes = Buffer.alloc(0);

  push(more) {
    this.#bytes = Buffer.concat([this.#bytes, more]);
    const all = [];
    for (let one = this.#take(); one !== null; one = this.#take()) {
      all.push(one);
    }
    return all;
  }

  #take() {
    const bytes = this.#bytes;
    const short = bytes[1] & 127;
    const head = bytes.length < 2 ? Infinity : { 126: 4, 127: 10 }[short] ?? 2;
    if (bytes.length < head) {
      return null;
    }
    const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    const isMasked = bytes[1] >= 128;
    const begin = head + (isMasked ? 4 : 0);
    if (bytes.length < begin + size) {
      return null;
    }
    const payload = Buffer.from(bytes.subarray(begin, begin + size));
    if (isMasked) {
      payload.forEach((byte, index) => (payload[index] = byte ^ bytes[head + index % 4]));
    }
    this.#bytes = bytes.subarray(begin + size);
    return { isLast: bytes[0] >= 128, opcode: bytes[0] & 15, isMasked, payload };
  }
}

/** The head of a request and what is behind it; null before its end. */
function splitHead(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  return end < 0 ? null : { head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) };
}

/** The answer that opens a connection; `fields` stand behind ours. */
export function opening(head, fields = "") {
  const key = /^Sec-WebSocket-Key: *(.*)$/im.exec(head)?.[1] ?? "";
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`);
}

/** What one client said: the head of its request and its frames. */
class Conversation {
  head = null;
  frames = [];
  /** Settled once the connection is gone, and nothing more can be heard. */
  over = null;
  #bytes = Buffer.alloc(0);
  #reader = new Frames();

  /** True once its Close has come. */
  hear(bytes) {
    let rest = bytes;
    if (this.head === null) {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      const split = splitHead(this.#bytes);
      if (split === null) {
        return false;
      }
      this.head = split.head;
      rest = split.rest;
    }
    this.frames.push(...this.#reader.push(rest));
    return this.frames.some(({ opcode }) => opcode === CLOSE);
  }
}

/**
 * Starts the server. `scripts` is a map from a path without its slash to `{ pieces, ends }`: `pieces(head)` gives what is sent; after the
 * client's Close, or at once with `ends`, the connection is closed. `heard` has what the clients said, by path.
 */
export async function byteServer(scripts) {
  const heard = new Map();
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    serve(socket, scripts, heard);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  const stop = () => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  };
  return { port, heard, stop, proxyUrl: `ws://127.0.0.1:${port}/outer` };
}

function serve(socket, scripts, heard) {
  const conversation = new Conversation();
  conversation.over = new Promise((done) => socket.once("close", done));
  const outer = new Frames();
  let isOpen = false;
  let before = Buffer.alloc(0);
  const end = () => socket.end(frame(CLOSE, closing(1000)));
  socket.on("data", (bytes) => {
    let rest = bytes;
    if (!isOpen) {
      before = Buffer.concat([before, bytes]);
      const split = splitHead(before);
      if (split === null) {
        return;
      }
      isOpen = true;
      rest = split.rest;
      socket.write(opening(split.head));
    }
    for (const { opcode, payload } of outer.push(rest)) {
      if (opcode === CLOSE) {
        end();
      } else {
        const wasOpen = conversation.head !== null;
        const isClosed = conversation.hear(payload);
        if (!wasOpen && conversation.head !== null) {
          answer(socket, conversation, scripts, heard, end);
        }
        if (isClosed) {
          end();
        }
      }
    }
  });
}

function answer(socket, conversation, scripts, heard, end) {
  const path = /^GET \/(\S*)/.exec(conversation.head)?.[1];
  heard.set(path, conversation);
  const { pieces, ends } = scripts.get(path) ?? { pieces: () => ["HTTP/1.1 404 Not Found\r\n\r\n"], ends: true };
  for (const piece of pieces(conversation.head)) {
    socket.write(frame(BINARY, piece));
  }
  if (ends === true) {
    end();
  }
}
