// The page across a restart of the daemons: `node across-restart.mjs URL`, run by tests/systemd in the container's network.
// Prints a JSON line `{"ready": true}` when messages arrive; after a line on standard input it waits for four more messages, and
// prints what the page went through: its phases, how many sockets it opened and closed, the numbers that came.

import { once } from "node:events";
import { launch } from "./browsers.mjs";

const PATIENCE = { timeout: 30_000 };

/** In the page, before its own scripts: writes down what happens to its sockets, and its phases. */
function watch() {
  const seen = { opened: 0, closed: 0, numbers: [], phases: [] };
  window.seen = seen;
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...all) {
      super(...all);
      this.addEventListener("open", () => { seen.opened += 1; });
      this.addEventListener("close", () => { seen.closed += 1; });
      this.addEventListener("message", ({ data }) => {
        const number = /^[0-9a-f]{12}_(\d+)\t/.exec(data);
        if (number !== null) {
          seen.numbers.push(Number(number[1]));
        }
      });
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    const status = document.getElementById("status");
    const note = () => {
      // The page sets the phase again with each message.
      if (seen.phases.at(-1) !== status.dataset.phase) {
        seen.phases.push(status.dataset.phase);
      }
    };
    note();
    new MutationObserver(note).observe(status, { attributeFilter: ["data-phase"] });
  });
}

const messages = (page, count) => page.waitForFunction((wanted) => window.seen.numbers.length >= wanted, PATIENCE, count);
const say = (what) => console.log(JSON.stringify(what));

const browser = await launch("chromium");
try {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(watch);
  await page.goto(process.argv[2]);
  await messages(page, 3);
  say({ ready: true });
  await once(process.stdin, "data");
  await messages(page, await page.evaluate(() => window.seen.numbers.length) + 4);
  say(await page.evaluate(() => ({ ...window.seen, shown: document.getElementById("current").textContent })));
} finally {
  await browser.close();
}
process.exit(0);
