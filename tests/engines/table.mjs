// The tables of docs/browsers.md, as the last recorded run has left them: read to see that nothing got worse, written by RECORD=1.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const DOCUMENT = here("../../docs/browsers.md");
const PICTURES = here("../../docs/browsers");
const WORDS = { websocket: "WebSocket", sse: "event stream", stream: "streaming request", poll: "long poll", jsonp: "JSONP" };
const KINDS = {
  tried: ["| engine | year | the page gets it by | works in it, from the stream's own origin | from another origin | it lacks | tried |", "|---|---:|---|---|---|---|---|"],
  replayed: ["| browser | year | opens by | the bytes are from | replayed |", "|---|---:|---|---|---|"],
};

/** The rows of a table, as cells, by what stands in the first one. */
function rows(text, kind) {
  const [, table = ""] = text.split(`<!-- ${kind} -->`);
  const lines = table.split("\n").filter((line) => line.startsWith("| ")).slice(1);
  return new Map(lines.map((line) => line.slice(2, -2).split(" | ")).map((cells) => [cells[0], cells]));
}

/** The ways that have worked in this engine, as `origin/way`; null if it has never been recorded. */
export function recorded(engine) {
  const cells = rows(readFileSync(DOCUMENT, "utf8"), "tried").get(engine.title);
  if (cells === undefined) {
    return null;
  }
  const names = Object.keys(WORDS);
  return [["same", cells[3]], ["other", cells[4]]].flatMap(([origin, cell]) => names.filter((name) => cell.split(", ").includes(WORDS[name])).map((name) => `${origin}/${name}`));
}

function words(ways, origin) {
  const names = Object.keys(WORDS).filter((name) => ways.includes(`${origin}/${name}`)).map((name) => WORDS[name]);
  return names.length === 0 ? "–" : names.join(", ");
}

const today = () => new Date().toISOString().slice(0, 10);

/** Puts these rows in the place of those with the same first cell; the order is that of `order`. */
function put(text, kind, fresh, order) {
  const all = new Map([...rows(text, kind), ...fresh.map((cells) => [cells[0], cells])]);
  const lines = order.filter((first) => all.has(first)).map((first) => `| ${all.get(first).join(" | ")} |`);
  const [before, , after] = text.split(`<!-- ${kind} -->`);
  return `${before}<!-- ${kind} -->\n${[...KINDS[kind], ...lines].join("\n")}\n<!-- ${kind} -->${after}`;
}

/** Writes the engines that passed, with what worked in each, and the browsers whose replay passed. */
export function record({ engines, tried, openings, replayed, pictures }) {
  const engineRows = tried.map(({ engine, ways }) => {
    const [same, other] = ways === undefined ? ["–", "–"] : [words(ways, "same"), words(ways, "other")];
    return [engine.title, `${engine.year}`, engine.document ? "HTML document" : engine.wire, same, other, engine.lacks, today()];
  });
  const replayRows = replayed.map(({ browser, year, way, source }) => [browser, `${year}`, /^(draft|version|RFC)/.test(way) ? `WebSocket (${way})` : way, source, today()]);
  let text = readFileSync(DOCUMENT, "utf8");
  text = put(text, "tried", engineRows, engines.map(({ title }) => title));
  text = put(text, "replayed", replayRows, openings.map(({ browser }) => browser));
  writeFileSync(DOCUMENT, text);
  mkdirSync(PICTURES, { recursive: true });
  tried.filter(({ engine }) => engine.keep).forEach(({ engine }) => keep(engine, pictures(engine)));
}

/** A few kilobytes of what it showed. */
function keep(engine, path) {
  const kept = `${PICTURES}/${engine.name}${engine.dump ? ".txt" : ".png"}`;
  if (engine.dump) {
    copyFileSync(path, kept);
  } else {
    execFileSync("convert", [path, "-strip", "-resize", "560x", "-colors", "24", "-define", "png:compression-level=9", kept]);
  }
}
