// npm websocket-driver. Its client side speaks RFC 6455 (VERSION=13). Of drafts 76 and 75 it has the server's side; there
// the request is ours, the expected answer is the one its own server gives to that request, and its code reads the frames.
import crypto from "node:crypto";
import net from "node:net";
import { createRequire } from "node:module";
import driver from "websocket-driver";
import { each, url } from "./report.mjs";

const require = createRequire(import.meta.url);
const version = Number(process.env.VERSION ?? 13);
const { hostname, port, host, pathname, search } = new URL(url);

each((reporter) => {
  const socket = net.connect(Number(port), hostname.replace(/^\[|\]$/g, ""));
  socket.on("error", reporter.fail);
  if (version === 13) modern(socket, reporter);
  else legacy(socket, reporter);
});

function modern(socket, reporter) {
  const client = driver.client(url);
  socket.pipe(client.io).pipe(socket);
  client.on("open", () => reporter.open(client.headers["x-connection-id"]));
  report(client, socket, reporter);
  client.on("error", reporter.fail);
  client.start();
}

function legacy(socket, reporter) {
  const headers = { host, connection: "Upgrade", upgrade: "WebSocket", origin: "http://example.com" };
  const body = version === 76 ? Buffer.from("^n:ds[4U") : Buffer.alloc(0);
  if (version === 76) {
    headers["sec-websocket-key1"] = "4 @1  46546xW%0l 1 5";
    headers["sec-websocket-key2"] = "12998 5 Y3 1  .P00";
  }
  const Draft = require(`websocket-driver/lib/websocket/driver/draft${version}`);
  const parser = new Draft({ headers, method: "GET", url: pathname + search }, url, {});
  const expected = [];
  parser.messages.on("data", () => {});
  parser.io.on("data", (chunk) => expected.push(Buffer.from(chunk)));
  parser.start();
  parser.io.write(body);
  const answer = withProtocol(Buffer.concat(expected));

  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`);
  socket.write(body);
  report(parser, socket, reporter);

  let received = Buffer.alloc(0);
  socket.on("data", function handshake(chunk) {
    received = Buffer.concat([received, chunk]);
    if (received.length < answer.length) return;
    socket.off("data", handshake);
    if (!received.subarray(0, answer.length).equals(answer)) {
      reporter.fail(`unexpected answer ${JSON.stringify(received.toString("latin1"))}`);
      socket.destroy();
      return;
    }
    reporter.open();
    socket.on("data", (data) => parser.io.write(data));
    parser.io.write(received.subarray(answer.length));
  });
}

// The library names no protocol unless it was asked for one; the server of 2010 always did.
function withProtocol(answer) {
  const end = answer.indexOf("\r\n\r\n");
  const line = `\r\n${version === 76 ? "Sec-" : ""}WebSocket-Protocol: *`;
  return Buffer.concat([answer.subarray(0, end), Buffer.from(line), answer.subarray(end)]);
}

function report(parser, socket, reporter) {
  reporter.leave = () => parser.close();
  parser.on("message", (event) => reporter.text(event.data));
  parser.on("close", (event) => {
    reporter.close(event.code);
    socket.end();
  });
  socket.on("close", () => reporter.close());
}
