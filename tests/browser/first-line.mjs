// How long it takes from Enter to the first painted line: `node first-line.mjs [DATECAST]`, for Chromium, by hand. Each round starts a browser on an empty
// page, and then `vmstat 1 | datecast` with another browser that opens the URL as soon as it is printed. It prints both times, and their
// ratio, which is what a slow machine can be judged by.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./browsers.mjs";
import { stop } from "./daemons.mjs";

const ROUNDS = 7;
const PATIENCE = 20_000;
const EMPTY = "data:text/html,<title>empty</title><p>empty";
const root = fileURLToPath(new URL("../..", import.meta.url));
const datecast = process.argv[2] ?? process.env.DATECAST ?? resolve(root, process.env.CARGO_TARGET_DIR ?? "target", "debug/datecast");

const since = (begin) => performance.now() - begin;
const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Resolves in the page once a frame that shows the first line has been painted. */
function painted() {
  return new Promise((done) => {
    const look = () => (document.querySelector(".lines-rows .row.line .text")?.textContent ? requestAnimationFrame(() => setTimeout(done)) : requestAnimationFrame(look));
    look();
  });
}

/** A pipe of two processes, as a shell starts it; gives the URL that it prints. */
async function pipeline() {
  const server = spawn(datecast, [], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = spawn("vmstat", ["1"], { stdio: ["ignore", server.stdin, "inherit"] });
  const [printed] = await once(server.stdout.setEncoding("utf8"), "data", { signal: AbortSignal.timeout(PATIENCE) });
  return { url: printed.trim(), end: () => Promise.all([stop(lines), stop(server)]) };
}

/** Milliseconds from the start of a browser until it has painted an empty page. */
async function emptyPage() {
  const begin = performance.now();
  const browser = await launch("chromium");
  const page = await browser.newPage();
  await page.goto(EMPTY);
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); }));
  const time = since(begin);
  await browser.close();
  return time;
}

/** Milliseconds from Enter until the URL is printed, and until a browser that runs has painted the first line. */
async function firstLine() {
  const browser = await launch("chromium");
  const page = await browser.newPage();
  await page.goto(EMPTY);
  const begin = performance.now();
  const { url, end } = await pipeline();
  const printed = since(begin);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.evaluate(painted);
  const time = since(begin);
  await browser.close();
  await end();
  return { printed, time };
}

const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  rounds.push({ empty: await emptyPage(), ...await firstLine() });
}
const [empty, printed, time] = ["empty", "printed", "time"].map((name) => middle(rounds.map((round) => round[name])));
console.log(`${ROUNDS} rounds; medians in milliseconds`);
console.log(`browser from its start to an empty page   ${empty.toFixed(0)}`);
console.log(`Enter to the printed URL                  ${printed.toFixed(0)}`);
console.log(`Enter to the first painted line           ${time.toFixed(0)}   (all: ${rounds.map((round) => round.time.toFixed(0)).join(", ")})`);
console.log(`ratio to the browser's own start          ${(time / empty).toFixed(2)}`);
process.exit(0);
