// WebSocket over Flash against the real daemons.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stop } from "../browser/daemons.mjs";
import { AWKWARD, LOCAL, PATIENCE, converse, dates, flashPage, natively, open, serve } from "./pages.mjs";
import { playFlash } from "./ruffle.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The real servers: the tutorial's page itself, then an echo. */
export async function realServers({ browser, check, way, wsServer, staticServer }) {
  const stream = await serve(wsServer);
  const echo = await serve(wsServer, "--on-message", "echo", "--max-message", "128KiB", "--interval", "0", "--ping-interval", "1s", "--pong-timeout", "10m");
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

/** What a page of 2010 may call, in its own order. */
export async function oldInterface({ browser, check, way, wsServer, staticServer }) {
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
export async function onePort({ browser, check, way, datecast }) {
  const front = await serve(datecast);
  const page = await flashPage(browser, `http://${LOCAL}:${front.port}/tutorial.html`, [await way(front.port)]);
  await check("the tutorial's page shows dates through the SWF within datecast on one port", async () => {
    assert.equal((await dates(page))[0], "onopen");
  });
  await page.close();
}

/** A page of 2010 beside the files, in a root of its own: only the port is another. By Flash, and natively. */
export async function pageOf2010({ browser, check, way, wsServer, staticServer }) {
  const echo = await serve(wsServer, "--on-message", "echo", "--interval", "0");
  const root = await mkdtemp(join(tmpdir(), "datecast-2010-"));
  await cp(here("../../client/flash"), root, { recursive: true });
  const markup = await readFile(here("page-of-2010.html"), "utf8");
  await writeFile(join(root, "index.html"), markup.replace("10081", echo.port));
  const site = await serve(staticServer, "--root", root);
  const says = async (page) => {
    const logged = (wanted) => page.waitForFunction((text) => document.getElementById("log").innerText.trim().split("\n").reverse().join("|") === text, PATIENCE, wanted);
    await page.goto(`http://${LOCAL}:${site.port}/`);
    await logged("onopen");
    await page.type("#input", "h\u00e9 <b>");
    await page.click("[type=submit]");
    await logged("onopen|send: h\u00e9 <b>|onmessage: h\u00e9 <b>");
    await page.click("#close");
    await logged("onopen|send: h\u00e9 <b>|onmessage: h\u00e9 <b>|onclose");
  };
  await check("a page of 2010 opens, sends, receives and closes through the SWF", async () => {
    const page = await open(browser);
    await playFlash(page, [await way(echo.port)]);
    await says(page);
    assert.equal(await page.evaluate(() => WebSocket.__isFlash), true);
    await page.close();
  });
  await check("a page of 2010 does the same by the browser's own WebSocket, on which it may call what was Flash's", async () => {
    const page = await open(browser);
    await says(page);
    assert.equal(await page.evaluate(() => {
      let isDone = false;
      WebSocket.__initialize();
      WebSocket.loadFlashPolicyFile("xmlsocket://127.0.0.1:843");
      WebSocket.__addTask(() => (isDone = true));
      return isDone && !("__isFlash" in WebSocket);
    }), true);
    await page.close();
  });
  await rm(root, { recursive: true });
}

/** Without Flash, and with a SWF that is not there. */
export async function withoutFlash({ browser, check, staticServer }) {
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
  await check("where the SWF never comes the page hears of an error and of the end", () => opened(async (page) => {
    await playFlash(page, []);
    await page.evaluateOnNewDocument(() => {
      window.WEB_SOCKET_LOAD_TIMEOUT = 1000;
      Object.defineProperty(window, "WEB_SOCKET_SWF_LOCATION", { get: () => "missing.swf", set() {} });
    });
  }));
}

export async function inBrowsersOfToday({ check, wsServer, staticServer, datecast }) {
  const stream = await serve(wsServer);
  const site = await serve(staticServer, "--ws-url", `ws://${LOCAL}:${stream.port}/`);
  const front = await serve(datecast);
  await check("the tutorial's page works natively, under its own policy", () => natively("chromium", `http://${LOCAL}:${site.port}/tutorial.html`));
  await check("the tutorial's page works natively within datecast", () => natively("chromium", `http://${LOCAL}:${front.port}/tutorial.html`));
}
