// What a server may say to the SWF, right and wrong: one row a conversation. `says` is what follows the opening answer; `seen` what the
// page's handlers get, and `code` the Close that the server must hear.

import { closing, frame, opening } from "./byte-server.mjs";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const part = { isLast: false };
const FAILED = ["error", "close 1006 false"];
const broken = (code, ...says) => ({ says, code, seen: ["open", ...FAILED] });
const refused = (pieces, protocols) => ({ pieces, seen: FAILED, ends: true, protocols });
const bye = frame(CLOSE, closing(1000));

export const ROWS = {
  "a close without a code": { says: [frame(CLOSE)], seen: ["open", "close 1005 true"], code: null },
  "a close with a code and a reason": { says: [frame(CLOSE, closing(4000, "zu \u{1f44b}\\"))], seen: ["open", "close 4000 true zu \u{1f44b}\\"], code: 4000 },
  "an end without a close": { says: [frame(TEXT, "x")], seen: ["open", "message x", "close 1006 false"], ends: true },
  "an end in a frame": { says: [frame(TEXT, "xyz").subarray(0, 4)], seen: ["open", "close 1006 false"], ends: true },
  "fragments with a ping between": {
    says: [frame(TEXT, "a\u00e9".slice(0, 1), part), frame(PING, "p"), frame(0, Buffer.of(0xC3), part), frame(0, Buffer.of(0xA9)), bye],
    seen: ["open", "message a\u00e9", "close 1000 true"], code: 1000, pongs: ["p"],
  },
  "empty fragments": { says: [frame(TEXT, "", part), frame(0, "", part), frame(0), bye], seen: ["open", "message ", "close 1000 true"], code: 1000 },
  "pings of all lengths, and a pong that nobody asked for": {
    says: [frame(PING), frame(PONG, "x"), frame(PING, "\0\\\u2028"), frame(PING, "x".repeat(125)), bye],
    seen: ["open", "close 1000 true"], code: 1000, pongs: ["", "\0\\\u2028", "x".repeat(125)],
  },
  "lengths at the borders": {
    says: [125, 126, 65535, 65536].map((length) => frame(TEXT, "x".repeat(length))).concat([bye]),
    seen: ["open", ...[125, 126, 65535, 65536].map((length) => `message ${"x".repeat(length)}`), "close 1000 true"], code: 1000,
  },
  "text that breaks strings": {
    says: [frame(TEXT, "\ufeff\0 \\ \\\\\" ' \u2028 \u2029 \r\n\t \x7f % %41 , ; <a>&amp; \u{1f600} \u{10ffff}"), bye],
    seen: ["open", "message \ufeff\0 \\ \\\\\" ' \u2028 \u2029 \r\n\t \x7f % %41 , ; <a>&amp; \u{1f600} \u{10ffff}", "close 1000 true"], code: 1000,
  },
  "nothing after its close": { says: [bye, frame(TEXT, "late")], seen: ["open", "close 1000 true"], code: 1000 },
  "a binary message": broken(1003, frame(BINARY, "x")),
  "a masked frame": broken(1002, frame(TEXT, "x", { isMasked: true })),
  "the first reserved bit": broken(1002, frame(TEXT, "x", { reserved: 4 })),
  "the second reserved bit": broken(1002, frame(TEXT, "x", { reserved: 2 })),
  "the third reserved bit": broken(1002, frame(PING, "x", { reserved: 1 })),
  "a reserved opcode": broken(1002, frame(3, "x")),
  "a reserved control opcode": broken(1002, frame(11)),
  "a long ping": broken(1002, frame(PING, "x".repeat(126))),
  "a fragmented ping": broken(1002, frame(PING, "x", part)),
  "a fragment of nothing": broken(1002, frame(0, "x")),
  "a message in a message": broken(1002, frame(TEXT, "x", part), frame(TEXT, "y")),
  "a length of two bytes for one": broken(1002, frame(TEXT, "x", { length: 2 })),
  "a length of eight bytes for two": broken(1002, frame(TEXT, "x".repeat(300), { length: 8 })),
  "a message that is too large": broken(1009, frame(TEXT, "x".repeat(4194305)).subarray(0, 10)),
  "fragments that are too large": broken(1009, frame(TEXT, "x".repeat(4194304), part), frame(0, "x")),
  "a length of 63 bits": broken(1009, Buffer.from("817f7fffffffffffffff", "hex")),
  "a surrogate": broken(1007, frame(TEXT, Buffer.from("eda080", "hex"))),
  "an overlong form": broken(1007, frame(TEXT, Buffer.from("c0af", "hex"))),
  "a character above the last": broken(1007, frame(TEXT, Buffer.from("f4908080", "hex"))),
  "half a character at the end": broken(1007, frame(TEXT, Buffer.from("61c3", "hex"))),
  "half a character, found before the message ends": broken(1007, frame(TEXT, Buffer.from("c361", "hex"), part)),
  "a close of one byte": broken(1002, frame(CLOSE, "x")),
  "a close with 1005": broken(1002, frame(CLOSE, closing(1005))),
  "a close with 1006": broken(1002, frame(CLOSE, closing(1006))),
  "a close with 2999": broken(1002, frame(CLOSE, closing(2999))),
  "a close whose reason is not UTF-8": broken(1007, frame(CLOSE, Buffer.from("03e8ff", "hex"))),
  "another status": refused(() => ["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"]),
  "a redirection": refused(() => ["HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"]),
  "no HTTP": refused(() => ["220 mail.example ESMTP\r\n\r\n"]),
  "an answer without an end": refused(() => [`HTTP/1.1 101 x\r\nX: ${"x".repeat(20000)}`]),
  "an end before the answer": refused(() => []),
  "a wrong Accept": refused(() => [opening("Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==")]),
  "two Accepts": refused((head) => [opening(head, "Sec-WebSocket-Accept: x\r\n")]),
  "an extension": refused((head) => [opening(head, "Sec-WebSocket-Extensions: permessage-deflate\r\n")]),
  "a protocol that nobody offered": refused((head) => [opening(head, "Sec-WebSocket-Protocol: b\r\n")]),
  "another protocol than those offered": refused((head) => [opening(head, "Sec-WebSocket-Protocol: c\r\n")], ["a", "b"]),
  "two protocols of those offered": refused((head) => [opening(head, "Sec-WebSocket-Protocol: a, b\r\n")], ["a", "b"]),
  "none of the protocols offered": refused((head) => [opening(head)], ["a", "b"]),
  "no Upgrade": refused((head) => [opening(head).toString("latin1").replace("Upgrade: websocket\r\n", "")]),
  "no Connection": refused((head) => [opening(head).toString("latin1").replace("Connection: Upgrade\r\n", "")]),
  "an answer in other letters": {
    pieces: (head) => [opening(head).toString("latin1").replace("Upgrade: websocket", "UPGRADE:\tWebSocket ").replace("Connection: Upgrade", "connection:keep-alive , uPGRADE"), bye],
    seen: ["open", "close 1000 true"], code: 1000,
  },
  "a protocol that was offered": { pieces: (head) => [opening(head, "Sec-WebSocket-Protocol: b\r\n"), bye], protocols: ["a", "b"], seen: ["open b", "close 1000 true"], code: 1000 },
  "many frames in the piece that opens": {
    pieces: (head) => [Buffer.concat([opening(head), ...Array.from({ length: 50 }, (_, index) => frame(TEXT, `${index}`)), bye])],
    seen: ["open", ...Array.from({ length: 50 }, (_, index) => `message ${index}`), "close 1000 true"], code: 1000,
  },
  "one byte after the other": { pieces: (head) => [...conversation(head)].map((byte) => Buffer.of(byte)), ...wholeConversation() },
};

/** A conversation that has something of each kind. */
function conversation(head) {
  return Buffer.concat([opening(head), frame(TEXT, "d\u00e9\u{1f600}"), frame(PING, "p"), frame(TEXT, "x".repeat(130)), frame(TEXT, "1", part), frame(0, "2"), frame(CLOSE, closing(3001, "\u00e9"))]);
}

function wholeConversation() {
  return { seen: ["open", "message d\u00e9\u{1f600}", `message ${"x".repeat(130)}`, "message 12", "close 3001 true \u00e9"], code: 3001, pongs: ["p"] };
}

/** That conversation in two pieces, cut at each byte. */
export function splits() {
  const length = conversation("Sec-WebSocket-Key: x").length;
  return Array.from({ length: length - 1 }, (_, at) => ({
    pieces: (head) => [conversation(head).subarray(0, at + 1), conversation(head).subarray(at + 1)],
    ...wholeConversation(),
  }));
}

/** A row as a script of the server. */
export function script(row) {
  return { pieces: row.pieces ?? ((head) => [opening(head), ...row.says]), ends: row.ends };
}

/** Why the frames that a client sent are not those of this row; null if they are. */
export function misheard(row, frames) {
  const close = frames.find(({ opcode }) => opcode === CLOSE);
  const code = close === undefined ? undefined : close.payload.length === 0 ? null : close.payload.readUInt16BE(0);
  const pongs = frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) => payload.toString());
  const wrong = [];
  if (!frames.every(({ isMasked }) => isMasked)) {
    wrong.push("a frame without a mask");
  }
  if (code !== row.code) {
    wrong.push(`Close ${code} instead of ${row.code}`);
  }
  if (JSON.stringify(pongs) !== JSON.stringify(row.pongs ?? [])) {
    wrong.push(`pongs ${JSON.stringify(pongs)}`);
  }
  return wrong.length === 0 ? null : wrong.join(", ");
}
