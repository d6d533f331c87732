// WebSocket over Flash, in Chromium with Ruffle: `node flash.mjs`, after `tests/flash/fetch`. Prints
// one line a check. Ruffle is no Flash Player: it asks for no policy, and has time-outs of its own.

import { fileURLToPath } from "node:url";
import { binaries, mustBeBuilt } from "../browser/binaries.mjs";
import { launch } from "../browser/browsers.mjs";
import { stopAll } from "../browser/daemons.mjs";
import { Tally } from "../browser/tally.mjs";
import { bytes } from "./bytes.mjs";
import { inBrowsersOfToday, oldInterface, onePort, pageOf2010, realServers, withoutFlash } from "./daemons.mjs";
import { LOCAL } from "./pages.mjs";
import { bridge } from "./ruffle.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { staticServer, wsServer, datecast } = binaries;
const websockify = process.env.WEBSOCKIFY ?? here("../.venv/flash/bin/websockify");
// A few at a time: each has a Ruffle or a browser of its own.
const PARTS = [[bytes, realServers, withoutFlash], [oldInterface, onePort, pageOf2010, inBrowsersOfToday]];
const bridges = [];
const tally = new Tally();
const check = tally.checker("flash");

/** Ruffle's way to a TCP port of ours, through websockify. */
async function way(port) {
  const made = await bridge(websockify, port);
  bridges.push(made.child);
  return { host: LOCAL, port, proxyUrl: made.url };
}

mustBeBuilt();
const browser = await launch("chromium");
try {
  for (const parts of PARTS) {
    await Promise.all(parts.map((part) => part({ browser, check, way, staticServer, wsServer, datecast })));
  }
} catch (error) {
  tally.fail(`flash: ${error.stack}`);
} finally {
  await browser.close();
  bridges.forEach((child) => child.kill());
  await stopAll();
}
tally.end();
