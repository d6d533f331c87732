// What each engine must show, of real daemons: dates of two ports, lines of one port across a lost connection, and each way by itself.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { start, stop } from "../browser/daemons.mjs";
import { until } from "./processes.mjs";
import { Tap } from "./tap.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PATIENCE = 120;
const DATE = /[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT\+0000/g;
const LINE = /line (\d+)/g;
const TRIES = 3;

/** An engine that crashed before it showed anything is tried anew: the old ones do that, whatever they are shown. */
async function shown(engine, url, home, condition, what) {
  for (let attempt = 1; ; attempt += 1) {
    const folder = `${home}/${attempt}`;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const driver = engine.make(folder);
    let last = null;
    try {
      await driver.begin(url, folder);
      await until(async () => {
        assert.ok(!driver.isOver(), "the engine has ended by itself");
        last = await driver.look() ?? last;
        return last !== null && condition(last);
      }, PATIENCE, () => `${what(last)} (${JSON.stringify(last)?.slice(0, 600)}; ${driver.said.slice(-3).join(" ").slice(0, 300)})`);
      return driver;
    } catch (error) {
      const isCrash = (last === null || last.changes === 0) && driver.child !== undefined && driver.isOver();
      await driver.end().catch(() => {});
      if (!isCrash || attempt === TRIES) {
        throw error;
      }
      console.log(`        ${engine.name} crashed before it showed anything: tried anew`);
    }
  }
}

async function clock(binaries) {
  const stream = await start(binaries.wsServer, ["--listen", "127.0.0.1:0"]);
  const tap = await new Tap(stream.port).open();
  return { tap, end: () => Promise.all([tap.close(), stop(stream.child)]) };
}

/** Three requests that name a message as the last one: the script has it, whatever the window shows. */
const hasAdvanced = (tap) => new Set(tap.heads.map((head) => /[?&]since=([^& ]+)/.exec(head)?.[1]).filter(Boolean)).size >= 3;

/** The built-in page, and the dates of another port. */
export async function dates({ engine, binaries, home, picture }) {
  const { tap, end } = await clock(binaries);
  const site = await start(binaries.staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${tap.port}/`]);
  const seen = new Set();
  let driver = null;
  try {
    driver = await shown(engine, `http://127.0.0.1:${site.port}/`, home, ({ text, changes }) => {
      (text.match(DATE) ?? []).forEach((date) => seen.add(date));
      return engine.blind ? hasAdvanced(tap) : seen.size >= 3;
    }, () => `${seen.size} dates came, by ${[...tap.ways].join(", ") || "nothing"}`);
    const { text } = await driver.look();
    assert.ok(engine.blind || text.includes(`by ${engine.by}`), `it does not say \`by ${engine.by}\`: ${text.slice(0, 300)}`);
    assert.ok(tap.ways.has(engine.wire), `by ${[...tap.ways].join(", ")}, and not by ${engine.wire}`);
    await driver.snap(picture);
  } finally {
    await driver?.end();
    await end();
    await stop(site.child);
  }
}

/** Lines of one port, each once and in order, also when the connection breaks in between. */
export async function lines({ engine, binaries, home }) {
  const server = await start(binaries.datecast, ["--listen", "127.0.0.1:0"], { stdin: "pipe" });
  const tap = await new Tap(server.port).open();
  let number = 0;
  server.child.stdin.on("error", () => {});
  const feeding = setInterval(() => server.child.stdin.write(`line ${(number += 1)}\n`), 250);
  const numbers = new Set();
  const read = ({ text }) => {
    const now = [...text.matchAll(LINE)].map((match) => Number(match[1]));
    assert.deepEqual(now, now.map((_, index) => now[0] + index), "the lines are not each once and in order");
    now.forEach((seen) => numbers.add(seen));
    return Math.max(0, ...numbers);
  };
  let driver = null;
  try {
    driver = await shown(engine, `http://127.0.0.1:${tap.port}/`, home, (what) => read(what) > 0 && numbers.size >= 5, () => `${numbers.size} lines came`);
    await tap.close();
    const cut = number;
    await tap.open();
    await until(async () => read(await driver.look()) >= cut + 5, PATIENCE, "the stream did not go on after its connection had broken");
    const all = [...numbers].sort((one, other) => one - other);
    assert.deepEqual(all, all.map((_, index) => all[0] + index), "lines are missing");
  } finally {
    clearInterval(feeding);
    await driver?.end();
    await tap.close();
    await stop(server.child);
  }
}

/** Each way by itself, from a page of the stream's own origin and of another one. Gives those by which messages came. */
export async function ways({ engine, binaries, home }, wanted) {
  const { tap, end } = await clock(binaries);
  const server = await start(binaries.datecast, ["--listen", "127.0.0.1:0", "--root", here("site")], {});
  let found = [];
  let driver = null;
  const began = Date.now();
  try {
    const url = `http://127.0.0.1:${server.port}/ways.html?${encodeURIComponent(`http://127.0.0.1:${tap.port}/`)}`;
    driver = await shown(engine, url, home, ({ text }) => {
      found = [...text.matchAll(/(same|other)\/([a-z]+)=(\d+)/g)].filter(([, , , count]) => Number(count) >= 2).map(([, origin, name]) => `${origin}/${name}`);
      return wanted === null ? Date.now() - began > 25_000 : wanted.every((name) => found.includes(name));
    }, () => `of ${wanted?.join(", ")} came ${found.join(", ") || "nothing"}`);
    return found;
  } finally {
    await driver?.end();
    await end();
    await stop(server.child);
  }
}

/** The page of an engine without scripts says where the stream is. */
export async function leads({ engine, binaries, home }) {
  const { tap, end } = await clock(binaries);
  const site = await start(binaries.staticServer, ["--listen", "127.0.0.1:0", "--ws-url", `ws://127.0.0.1:${tap.port}/`]);
  const links = (await (await fetch(`http://127.0.0.1:${site.port}/`)).text()).match(/(?<=<noscript>[^]*href=")[^"]*stream\.html[^"]*/g) ?? [];
  let driver = null;
  try {
    assert.deepEqual(links, ["", "?until=999999999999999"].map((query) => `http://127.0.0.1:${tap.port}/stream.html${query}`));
    driver = await shown(engine, `http://127.0.0.1:${site.port}/`, home, ({ text, changes }) => (engine.blind ? changes >= 1 : text.includes("scripts are off")), () => "the page does not show that it needs scripts");
  } finally {
    await driver?.end();
    await end();
    await stop(site.child);
  }
}

/** The never-ending HTML document, in an engine without scripts. */
export async function documents({ engine, binaries, home, picture }) {
  const { tap, end } = await clock(binaries);
  const seen = new Set();
  let driver = null;
  try {
    driver = await shown(engine, `http://127.0.0.1:${tap.port}/stream.html${engine.reads ? "?until=999999999999999" : ""}`, home, ({ text, changes }) => {
      (text.match(DATE) ?? []).forEach((date) => seen.add(date));
      // The window, the page in it, and three dates.
      return engine.blind ? changes >= 5 : seen.size >= 3;
    }, () => `${seen.size} dates came`);
    await driver.snap(picture);
  } finally {
    await driver?.end();
    await end();
  }
}
