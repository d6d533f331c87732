// A stand-in for Flash Player and our SWF in it, with the calls by which web_socket.js drives it; it opens a socket of RFC 6455 to the real server,
// and gives the texts of its short messages.

import net from "node:net";
import { host } from "./nodes.mjs";

const ELEMENT = "webSocketFlash";

/** Gives the page a player: what `new ActiveXObject("ShockwaveFlash.ShockwaveFlash")` gives, and the SWF once its element stands in the document. */
export function givePlayer(page) {
  const player = { events: [], calls: [], sockets: new Set() };
  page.activeX["ShockwaveFlash.ShockwaveFlash"] = () => host({}, { GetVariable: (name) => (name === "$version" ? "WIN 10,0,12,36" : "") });
  const tell = (...values) => {
    player.events.push(values.map(String).join(","));
    page.call(() => page.window.WEB_SOCKET_FLASH_EVENT(), undefined);
  };
  page.onElement = (element) => {
    if (element.id !== ELEMENT || element.nodeName !== "OBJECT" || element.socketEvents !== undefined) {
      return;
    }
    player.movie = element.childNodes.find((child) => child.name === "movie")?.value;
    // In IE a SWF's functions are functions of the page: they have an `apply`.
    const called = (name, body) => {
      page.context.hostCall = (values) => {
        player.calls.push([name, ...values]);
        return body(...values);
      };
      element[name] = page.evaluate("(function (call) { return function () { var all = []; for (var i = 0; i < arguments.length; i++) { all[i] = arguments[i]; } return call(all); }; })(hostCall)");
    };
    called("socketPolicy", () => true);
    called("socketOpen", (id, url) => open(player, id, new URL(decodeURIComponent(url)), tell));
    called("socketSend", () => true);
    called("socketClose", () => player.sockets.forEach((socket) => socket.destroy()));
    called("socketEvents", () => player.events.splice(0).map((event) => `${event};`).join(""));
    setTimeout(() => tell(0, "ready"), 0);
  };
  return player;
}

function open(player, id, url, tell) {
  const socket = net.connect(Number(url.port || 80), url.hostname);
  player.sockets.add(socket);
  let bytes = Buffer.alloc(0);
  let isOpen = false;
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  socket.on("error", () => {}).on("close", () => tell(id, "close", 1006, 0, ""));
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    const head = bytes.indexOf("\r\n\r\n");
    if (!isOpen && head !== -1) {
      isOpen = true;
      bytes = bytes.subarray(head + 4);
      tell(id, "open", "");
    }
    while (isOpen && bytes.length >= 2 && bytes.length >= 2 + bytes[1]) {
      if (bytes[0] === 0x81) {
        tell(id, "message", encodeURIComponent(bytes.subarray(2, 2 + bytes[1]).toString("utf8")));
      }
      bytes = bytes.subarray(2 + bytes[1]);
    }
  });
  return true;
}
