// WebSocket over Flash, in Chromium with Ruffle: `node flash.mjs [STATIC_SERVER [WS_SERVER [DATECAST]]]`, after `tests/flash/fetch`. Prints
// one line a check. Ruffle is no Flash Player: it asks for no policy, and has time-outs of its own.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "../browser/browsers.mjs";
import { stopAll } from "../browser/daemons.mjs";
import { bytes } from "./bytes.mjs";
import { inBrowsersOfToday, oldInterface, onePort, pageOf2010, realServers, withoutFlash } from "./daemons.mjs";
import { LOCAL } from "./pages.mjs";
import { bridge } from "./ruffle.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = resolve(here("../.."), process.env.CARGO_TARGET_DIR ?? "target", "debug");
const [staticServer, wsServer, datecast] = ["static-server", "ws-server", "datecast"].map((name, index) => process.argv[index + 2] ?? `${built}/${name}`);
const websockify = process.env.WEBSOCKIFY ?? here("../.venv/flash/bin/websockify");
// A few at a time: each has a Ruffle or a browser of its own.
const PARTS = [[bytes, realServers, withoutFlash], [oldInterface, onePort, pageOf2010, inBrowsersOfToday]];
const bridges = [];
let failed = 0;
let ok = 0;

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

/** Ruffle's way to a TCP port of ours, through websockify. */
async function way(port) {
  const made = await bridge(websockify, port);
  bridges.push(made.child);
  return { host: LOCAL, port, proxyUrl: made.url };
}

const browser = await launch("chromium");
try {
  for (const parts of PARTS) {
    await Promise.all(parts.map((part) => part({ browser, check, way, staticServer, wsServer, datecast })));
  }
} catch (error) {
  failed += 1;
  console.log(`not ok flash: ${error.stack}`);
} finally {
  await browser.close();
  bridges.forEach((child) => child.kill());
  await stopAll();
}
console.log(`flash: ${ok} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
