// What the scenarios have in common: the daemons of one, and what the page shows.

import { start } from "./daemons.mjs";

/** A way that is blocked takes its ten seconds, and a wait before the next attempt as many: on a busy machine there is more between the two. */
export const PATIENCE = { timeout: 60_000 };
/** What browsers print about a connection that fails: expected while the server is away, and only then. */
export const FAILED_CONNECTION = /WebSocket connection to|establish a connection|ERR_CONNECTION_REFUSED|CORS request did not succeed|connection to .* was interrupted|Failed to load resource/i;

export const phase = (page, wanted) => page.waitForFunction((name) => document.getElementById("status").dataset.phase === name, PATIENCE, wanted);
export const detail = (page) => page.$eval("#detail", (element) => element.textContent);
export const rows = (page, kind) => page.$$eval(`#messages .${kind} .text`, (all) => all.map((element) => element.textContent));
export const atLeast = (page, kind, count) => page.waitForFunction(
  (selector, wanted) => document.querySelectorAll(selector).length >= wanted, PATIENCE, `#messages .${kind}`, count);

export async function pageServer(binaries, wsPort) {
  return start(binaries.staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${wsPort}/`]);
}

export function streamServer(binaries, args, options) {
  return start(binaries.wsServer, ["--listen", "127.0.0.1:0", ...args], options);
}

/** `datecast` with lines that a test writes into its standard input. */
export function front(binaries, args = [], port = 0) {
  return start(binaries.datecast, ["--listen", `127.0.0.1:${port}`, ...args], { stdin: "pipe" });
}

/** The lines that the view of lines has in the document, read at one moment: it uses its rows again for other lines. */
export const lineTexts = (page) => page.evaluate(() => [...document.querySelectorAll(".lines-rows .row.line .text")].map((element) => element.textContent));
export const showsLine = (page, text) => page.waitForFunction(
  (wanted) => [...document.querySelectorAll(".lines-rows .row .text")].some((element) => element.textContent.includes(wanted)), PATIENCE, text);
export const viewIs = (page, wanted) => page.waitForFunction((name) => document.body.dataset.view === name, PATIENCE, wanted);
export const stateIs = (page, wanted) => page.waitForFunction((name) => document.body.dataset.state === name, PATIENCE, wanted);
export const titleIs = (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.title), PATIENCE, pattern.source);

/** Feeds numbered lines into a ws-server, after a first one, until the returned function is called. */
export function feed(child, number = 0) {
  child.stdin.on("error", () => {});
  const timer = setInterval(() => child.stdin.write(`line ${(number += 1)}\n`), 100);
  return () => clearInterval(timer);
}
