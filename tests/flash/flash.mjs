// WebSocket over Flash, in Chromium with Ruffle: `node flash.mjs [STATIC_SERVER [WS_SERVER [DATECAST]]]`, after `tests/flash/fetch`. Prints one line
// a check. Ruffle is no Flash Player: it asks for no policy, and has time-outs of its own.

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, watchConsole } from "../browser/browsers.mjs";
import { start, stop, stopAll } from "../browser/daemons.mjs";
import { byteServer, closing, frame, opening } from "./byte-server.mjs";
import { ROWS, misheard, script, splits } from "./flash-bytes.mjs";
import { bridge, playFlash } from "./ruffle.mjs";

const LOCAL = "127.0.0.1";
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = resolve(here("../.."), process.env.CARGO_TARGET_DIR ?? "target", "debug");
const [staticServer, wsServer, datecast] = ["static-server", "ws-server", "datecast"].map((name, index) => process.argv[index + 2] ?? `${built}/${name}`);
const websockify = process.env.WEBSOCKIFY ?? here("../.venv/flash/bin/websockify");
// A Ruffle that starts beside other work takes its time.
const PATIENCE = { timeout: 60_000 };
const AWKWARD = "\ufeff\0\x01\x1f\x7f \\ \\n \"'` \u2028\u2029 \r\n\t %41 %zz , ; <b>&amp;</b> d\u00e9 \u4e2d\u6587 \u{1f600}\u{10ffff} ]]>";
// Conversations of one page. Chromium makes a page wait that opens many sockets at once.
const AT_ONCE = 4;
let failed = 0;
let ok = 0;
const bridges = [];

async function check(name, body) {
  try {
    await body();
    ok += 1;
    console.log(`ok flash: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok flash: ${name}: ${String(error.stack).replaceAll("\n", " ").slice(0, 1500)}`);
  }
}

const serve = (binary, ...args) => start(binary, ["--listen", `${LOCAL}:0`, ...args]);

/** Ruffle's way to a TCP port of ours, through websockify. */
async function way(port) {
  const made = await bridge(websockify, port);
  bridges.push(made.child);
  return { host: LOCAL, port, proxyUrl: made.url };
}

/** Waits until the tutorial's page has written so many dates, and gives its lines, the oldest first. */
async function dates(page, count = 3) {
  await page.waitForFunction((wanted) => (document.getElementById("log").textContent.match(/onmessage: \w{3} \w{3} \d/g) ?? []).length >= wanted, PATIENCE, count);
  return page.$$eval("#log div", (all) => all.map((element) => element.textContent).reverse());
}

/** A page with a window of its own: behind another page Ruffle would not play. */
async function open(browser) {
  return (await browser.createBrowserContext()).newPage();
}

/** Opens the page natively and says what its console shows. */
async function natively(name, url) {
  const browser = await launch(name);
  const page = await browser.newPage();
  const errors = watchConsole(page);
  await page.goto(url);
  const lines = await dates(page);
  await browser.close();
  assert.equal(lines[0], "onopen");
  assert.deepEqual(errors, []);
}

/** A page that can hold conversations over Flash: `converse` gives what the handlers got. */
async function flashPage(browser, url, proxies) {
  const page = await open(browser);
  await playFlash(page, proxies);
  await page.goto(url);
  await page.evaluate(() => {
    window.converse = (address, { protocols, texts = [], close, closeAtOnce = false } = {}) => new Promise((done) => {
      const seen = (window.seen = []);
      const ws = new WebSocket(address, protocols);
      let got = 0;
      ws.onopen = () => {
        seen.push(ws.protocol === "" ? "open" : `open ${ws.protocol}`);
        texts.forEach((text) => ws.send(text));
      };
      ws.onmessage = ({ data }) => {
        seen.push(`message ${data}`);
        got += 1;
        if (close !== undefined && got === texts.length) {
          ws.close(...close);
        }
      };
      ws.onerror = () => seen.push("error");
      ws.onclose = ({ code, wasClean, reason }) => {
        seen.push(`close ${code} ${wasClean} ${reason}`.trim());
        done(seen);
      };
      if (closeAtOnce) {
        ws.close();
      }
    });
  });
  return page;
}

const converse = (page, url, options) => page.evaluate((address, more) => window.converse(address, more), url, options);

/** The real servers: the tutorial's page itself, then an echo. */
async function realServers(browser) {
  const stream = await serve(wsServer);
  const echo = await serve(wsServer, "--on-message", "echo", "--max-message", "128KiB", "--interval", "0", "--ping-interval", "1s");
  const site = await serve(staticServer, "--ws-url", `ws://${LOCAL}:${stream.port}/`);
  const url = `http://${LOCAL}:${site.port}/tutorial.html`;
  const at = `ws://${LOCAL}:${echo.port}/`;
  const page = await flashPage(browser, url, [await way(stream.port), await way(echo.port)]);
  await check("the tutorial's page shows dates that came through the SWF from ws-server", async () => {
    assert.equal((await dates(page))[0], "onopen");
    assert.equal(await page.evaluate(() => WebSocket.__isFlash), true);
  });
  await check("70,000 bytes and text that breaks strings come back, and the page closes with a code", async () => {
    const texts = ["x".repeat(70_000), "\u4e2d".repeat(23_000), AWKWARD, ""];
    const seen = await converse(page, at, { texts, close: [4321, "as agreed"] });
    assert.deepEqual(seen, ["open", ...texts.map((text) => `message ${text}`), "close 4321 true"]);
  });
  await check("a message above the server's limit ends the connection with its code", async () => {
    const seen = await converse(page, at, { texts: ["x".repeat(140_000)] });
    assert.equal(seen.at(-1).split(" ").slice(0, 3).join(" "), "close 1009 true");
  });
  await check("a server that stops closes with its code", async () => {
    const conversation = converse(page, at, {});
    await page.waitForFunction(() => window.seen[0] === "open", PATIENCE);
    await stop(echo.child);
    const seen = await conversation;
    assert.equal(seen.length, 2);
    assert.match(seen[1], /^close 1001 true/);
  });
  await check("datecast.js behind web_socket.js reads the stream through the SWF", async () => {
    await page.addScriptTag({ url: "datecast.js" });
    const state = await page.evaluate((at) => new Promise((done) => {
      const read = datecast(at, { transports: ["websocket"], onmessage: ({ id, text }) => done([read.transport, read.state, typeof id, /^\w{3} \w{3} \d/.test(text)]) });
    }), `ws://${LOCAL}:${stream.port}/`);
    assert.deepEqual(state, ["websocket", "open", "string", true]);
  });
  await check("the stream goes on meanwhile", async () => {
    const before = await dates(page);
    await dates(page, before.length + 2);
  });
  await check("a player that starts anew ends what it has forgotten, and serves what comes then", async () => {
    await page.evaluate(() => document.body.appendChild(document.getElementById("webSocketFlash")));
    await page.waitForFunction(() => /onerror|onclose/.test(document.getElementById("log").textContent), PATIENCE);
    await page.evaluate(() => init());
    await page.waitForFunction(() => /^onmessage/.test(document.getElementById("log").textContent), PATIENCE);
  });
  await page.close();
}

/** What a server may say, right and wrong, in all pieces. */
async function bytes(browser) {
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

/** What a page of 2010 may call, in its own order. */
async function oldInterface(browser) {
  const stream = await serve(wsServer);
  const site = await serve(staticServer, "--ws-url", `ws://${LOCAL}:${stream.port}/`);
  const page = await open(browser);
  const proxies = [await way(stream.port)];
  await playFlash(page, proxies);
  await page.evaluateOnNewDocument(() => (window.WEB_SOCKET_DISABLE_AUTO_INITIALIZATION = true));
  await page.goto(`http://${LOCAL}:${site.port}/tutorial.html`);
  await check("WebSocket.__initialize, __addTask and loadFlashPolicyFile do what they did", async () => {
    assert.equal(await page.$("#webSocketFlash"), null);
    await page.evaluate((host) => {
      WebSocket.loadFlashPolicyFile(`xmlsocket://${host}:8843`);
      WebSocket.__addTask(() => (window.isReady = true));
      WebSocket.__initialize();
    }, LOCAL);
    await dates(page);
    assert.equal(await page.evaluate(() => window.isReady), true);
  });
  await check("a policy is asked for at a port of the SWF's host and nowhere else", async () => {
    const answers = await page.evaluate((host) => [`xmlsocket://${host}:843`, `xmlsocket://${host}`, "xmlsocket://localhost:843", `http://${host}/crossdomain.xml`, `xmlsocket://${host}:843/\r\n`]
      .map((url) => document.getElementById("webSocketFlash").socketPolicy(encodeURIComponent(url))), LOCAL);
    assert.deepEqual(answers, [true, false, false, false, false]);
  });
  await page.close();
}

/** One port for all, which is private. */
async function onePort(browser) {
  const front = await serve(datecast);
  const page = await flashPage(browser, `http://${LOCAL}:${front.port}/tutorial.html`, [await way(front.port)]);
  await check("the tutorial's page shows dates through the SWF within datecast on one port", async () => {
    assert.equal((await dates(page))[0], "onopen");
  });
  await page.close();
}

/** Without Flash, and with a SWF that is not there. */
async function without(browser) {
  const site = await serve(staticServer);
  const url = `http://${LOCAL}:${site.port}/tutorial.html`;
  const opened = async (prepare) => {
    const page = await open(browser);
    await prepare(page);
    await page.goto(url);
    await page.waitForFunction(() => document.getElementById("log").childNodes.length === 2, PATIENCE);
    const lines = await page.$$eval("#log div", (all) => all.map((element) => element.textContent).reverse());
    await page.close();
    assert.deepEqual(lines, ["onerror", "onclose"]);
  };
  await check("without a Flash Player the page hears of an error and of the end", () => opened((page) => page.evaluateOnNewDocument(() => (window.WEB_SOCKET_FORCE_FLASH = true))));
  await check("so it does where the SWF never comes", () => opened(async (page) => {
    await playFlash(page, []);
    await page.evaluateOnNewDocument(() => {
      window.WEB_SOCKET_LOAD_TIMEOUT = 1000;
      Object.defineProperty(window, "WEB_SOCKET_SWF_LOCATION", { get: () => "missing.swf", set() {} });
    });
  }));
}

async function inBrowsersOfToday() {
  const stream = await serve(wsServer);
  const site = await serve(staticServer, "--ws-url", `ws://${LOCAL}:${stream.port}/`);
  const front = await serve(datecast);
  await check("the tutorial's page works natively, under its own policy", () => natively("chromium", `http://${LOCAL}:${site.port}/tutorial.html`));
  await check("so it does within datecast", () => natively("chromium", `http://${LOCAL}:${front.port}/tutorial.html`));
}

const browser = await launch("chromium");
try {
  await Promise.all([realServers, bytes, oldInterface, onePort, without].map((part) => part(browser)).concat(inBrowsersOfToday()));
} catch (error) {
  failed += 1;
  console.log(`not ok flash: ${error.stack}`);
} finally {
  await browser.close();
  bridges.forEach((child) => child.kill());
  await stopAll();
}
console.log(`flash: ${ok} ok, ${failed} not ok`);
process.exit(failed === 0 ? 0 : 1);
