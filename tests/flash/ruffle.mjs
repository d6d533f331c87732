// A page of today's Chromium as a browser with a Flash Player and without a WebSocket: Ruffle plays the SWF, and its TCP sockets go
// through websockify, since a page has none.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { answers, freePort } from "../browser/ports.mjs";

const home = new URL("../browser/node_modules/@ruffle-rs/ruffle/", import.meta.url);
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PUBLIC_PATH = "/ruffle/";

/** Starts websockify in front of a TCP port, and gives its URL and the child. */
export async function bridge(websockify, target) {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const port = await freePort();
    const child = spawn(websockify, [`127.0.0.1:${port}`, `127.0.0.1:${target}`], { stdio: "ignore" });
    const failed = once(child, "error").then(([error]) => { throw error; });
    failed.catch(() => {});
    if (await Promise.race([answers(port, child), failed])) {
      return { child, url: `ws://127.0.0.1:${port}/` };
    }
    child.kill();
  }
  throw new Error(`${websockify} does not listen`);
}

/** Makes every document of this page one with Ruffle and without WebSocket; `proxies` are `{ host, port, proxyUrl }`. */
export async function playFlash(page, proxies) {
  await page.setBypassCSP(true);
  await page.setRequestInterception(true);
  page.on("request", (request) => answer(request).catch(() => {}));
  await page.evaluateOnNewDocument(hideWebSocket, proxies.map(({ proxyUrl }) => proxyUrl));
  await page.evaluateOnNewDocument((publicPath, socketProxy) => {
    window.RufflePlayer = { config: { publicPath, socketProxy, polyfills: true, autoplay: "on", unmuteOverlay: "hidden", logLevel: "warn" } };
  }, PUBLIC_PATH, proxies);
  await page.evaluateOnNewDocument(await readFile(new URL("ruffle.js", home), "utf8"));
}

async function answer(request) {
  const { pathname } = new URL(request.url());
  if (!pathname.startsWith(PUBLIC_PATH)) {
    return request.continue();
  }
  const name = pathname.slice(PUBLIC_PATH.length);
  const body = await readFile(new URL(name, home));
  return request.respond({ body, contentType: TYPES[extname(name)] ?? "application/octet-stream" });
}

// Runs in the page. Ruffle opens its way to websockify by the page's `WebSocket`; nobody else gets the browser's own.
function hideWebSocket(allowed) {
  const own = window.WebSocket;
  let current;
  const wrap = (Constructor) => new Proxy(Constructor, {
    construct(target, values, self) {
      return allowed.includes(values[0]) ? new own(...values) : Reflect.construct(target, values, self === routed ? target : self);
    },
  });
  let routed;
  Object.defineProperty(window, "WebSocket", {
    configurable: true,
    get: () => routed,
    set(value) {
      current = value;
      routed = wrap(current);
    },
  });
  window.WEB_SOCKET_FORCE_FLASH = true;
  window.WEB_SOCKET_DEBUG = true;
  // Ruffle is a thousand times as large as the SWF, and the machine may be busy.
  window.WEB_SOCKET_LOAD_TIMEOUT = 120_000;
}
