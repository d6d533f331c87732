// WebSocket over Flash against a server that says what it is told, and what the SWF and its script refuse.

import assert from "node:assert/strict";
import { byteServer, closing, frame, opening } from "./byte-server.mjs";
import { ROWS, misheard, script, splits } from "./conversations.mjs";
import { AWKWARD, LOCAL, converse, flashPage, serve } from "./pages.mjs";

// Conversations of one page. Chromium makes a page wait that opens many sockets at once.
const AT_ONCE = 4;

/** What a server may say, right and wrong, in all pieces. */
export async function bytes({ browser, check, staticServer }) {
  const scripts = new Map(Object.entries(ROWS).map(([name, row]) => [encodeURIComponent(name), script(row)]));
  const pieces = splits();
  pieces.forEach((row, at) => scripts.set(`split/${at}`, script(row)));
  scripts.set("mute", { pieces: () => [] });
  scripts.set("left", { pieces: (head) => [opening(head), frame(1, "x")] });
  const server = await byteServer(scripts);
  const site = await serve(staticServer);
  const page = await flashPage(browser, `http://${LOCAL}:${site.port}/tutorial.html`, [{ host: LOCAL, port: server.port, proxyUrl: server.proxyUrl }]);
  const at = (path) => `ws://${LOCAL}:${server.port}/${path}`;
  const mute = converse(page, at("mute"));
  const holds = async (path, row) => {
    assert.deepEqual(await converse(page, at(path), { protocols: row.protocols }), row.seen);
    await server.heard.get(path).over;
    assert.equal(misheard(row, server.heard.get(path).frames), null);
  };
  await check(`${Object.keys(ROWS).length} conversations, right and wrong, end as RFC 6455 has them`, async () => {
    for (const [name, row] of Object.entries(ROWS)) {
      await holds(encodeURIComponent(name), row).catch((error) => {
        throw new Error(`${name}: ${error.message.slice(0, 600)}`);
      });
    }
  });
  await check(`one conversation in two pieces, cut at each of ${pieces.length} bytes`, async () => {
    for (let first = 0; first < pieces.length; first += AT_ONCE) {
      await Promise.all(pieces.slice(first, first + AT_ONCE).map((row, index) => holds(`split/${first + index}`, row)));
    }
  });
  await check("the request is that of RFC 6455, with the origin of the SWF and another key each time", async () => {
    const heads = pieces.map((_, index) => server.heard.get(`split/${index}`).head);
    const keys = heads.map((head) => /^Sec-WebSocket-Key: ([A-Za-z0-9+/]{22}==)$/m.exec(head)?.[1]);
    assert.equal(new Set(keys).size, heads.length);
    assert.equal(heads[0].replace(keys[0], "KEY"), `GET /split/0 HTTP/1.1\r\nHost: ${LOCAL}:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
      + `Sec-WebSocket-Key: KEY\r\nOrigin: http://${LOCAL}:${site.port}\r\nSec-WebSocket-Version: 13`);
  });
  await check("what another host, wss: or a control character asks for is refused before a byte is sent", async () => {
    const asked = server.heard.size;
    for (const url of [`ws://localhost:${server.port}/`, `wss://${LOCAL}:${server.port}/`, `ws://${LOCAL}:70000/`]) {
      assert.deepEqual(await converse(page, url), ["error", "close 1006 false"], url);
    }
    // Past the page's script, by the door of the SWF itself.
    for (const values of [["ws://HOST/a%0d%0ab", ""], ["ws://HOST/a%20b", ""], ["ws://HOST/%00", ""], ["ws://HOST/%C3%A9", ""], ["ws://HOST/%23x", ""], ["ws://HOST@evil/", ""], ["ws://HOST/", "a%0d%0ax"], ["ws://HOST/", "a%2c%2cb"], ["ws://HOST/%", ""]]) {
      const [url, protocols] = values.map((text) => text.replace("HOST", `${LOCAL}:${server.port}`));
      const events = await page.evaluate((address, offered) => {
        const swf = document.getElementById("webSocketFlash");
        swf.socketOpen(99999, address, offered);
        return swf.socketEvents();
      }, url, protocols);
      assert.match(events, /^99999,error,\S+;99999,close,1006,0,;$/, url);
    }
    assert.equal(server.heard.size, asked);
  });
  await check("what the page says and how it closes arrives as it is", async () => {
    assert.deepEqual(await converse(page, at("left"), { texts: [AWKWARD], close: [4321, "f\u00fcr\\heute"] }), ["open", "message x", "close 1006 false"]);
    await server.heard.get("left").over;
    const frames = server.heard.get("left").frames.map(({ opcode, payload }) => `${opcode} ${payload.toString("hex")}`);
    assert.deepEqual(frames, [`1 ${Buffer.from(AWKWARD).toString("hex")}`, `8 ${closing(4321, "f\u00fcr\\heute").toString("hex")}`]);
  });
  await check("close() before the connection is there works", async () => {
    assert.deepEqual(await converse(page, at("mute"), { closeAtOnce: true }), ["error", "close 1006 false"]);
  });
  await check("the constructor, send() and close() throw what the standard has them throw", async () => {
    const thrown = await page.evaluate((url) => {
      const nameOf = (body) => {
        try {
          body();
          return "nothing";
        } catch (error) {
          return error.name;
        }
      };
      const ws = new WebSocket(url);
      return [() => new WebSocket("mailto:x"), () => new WebSocket(url, "a b"), () => new WebSocket(url, ["a", "a"]), () => ws.send("x"), () => ws.close(1001),
        () => ws.close(1000, "x".repeat(124)), () => ws.close()].map(nameOf);
    }, at("mute"));
    assert.deepEqual(thrown, ["SyntaxError", "SyntaxError", "SyntaxError", "InvalidStateError", "InvalidAccessError", "SyntaxError", "nothing"]);
  });
  await check("a server that is mute after the request fails the connection in the end", async () => {
    assert.deepEqual(await mute, ["error", "close 1006 false"]);
  });
  await page.close();
  server.stop();
}
