// The tables of docs/scale.md about a machine that goes: which storms, and their lines.

import { readFileSync } from "node:fs";
import { JITTERS, withJitter } from "./jitters.mjs";
import { compile, runStorm } from "./run.mjs";

const SEED = 1;
/** Messages a second. */
const LOAD = 1;
/** A balancer that looks every two seconds takes a machine out after three looks. */
const FOUND = 6000;

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const text = read("../../../client/datecast.js");
export const measured = JSON.parse(read("../measured.json"));

/** The settings of a storm on machines as the measured one; what is not said is the usual case. */
export function settingsOf({ machines = 3, lost = 1, clients = 10_000, death = "killed", found = 0, door = "plain", places = Infinity, backlog = measured.backlog[door], seed = SEED } = {}) {
  const { cores, handshake, message, resumed } = measured;
  return {
    machines, lost, clients, death, found, seed, load: LOAD, cores,
    costs: { handshake: handshake[door], message, resumed },
    limits: { backlog, places },
  };
}

export const storm = (chosen, jitter = "own") => runStorm(compile(withJitter(text, jitter)), settingsOf(chosen));

const seconds = (value) => (value === Infinity ? "never" : value.toFixed(1));
const thousands = (value) => value.toLocaleString("en-US");
const row = (...cells) => `| ${cells.join(" | ")} |`;
const DOORS = { plain: "none", tls: "TLS" };

function table(head, rows) {
  return [row(...head), row(...head.map(() => "---")), ...rows].join("\n");
}

/** How long until everyone is back, for so many machines and ways to go. */
export function goneTable(counts = [3, 30, 300], deaths = ["stopped", "killed", "silent"]) {
  const rows = [];
  for (const death of deaths) {
    for (const found of death === "silent" ? [0] : [0, FOUND]) {
      for (const door of ["plain", "tls"]) {
        const cells = counts.map((machines) => {
          const { half, most, all } = storm({ machines, death, found, door });
          return `${seconds(half)} / ${seconds(most)} / ${seconds(all)}`;
        });
        rows.push(row(death, found === 0 ? "at once" : `${found / 1000} s`, DOORS[door], ...cells));
      }
    }
  }
  return table(["the machine is", "out of the rotation", "proxy", ...counts.map((machines) => `N = ${machines}`)], rows);
}

/** The same storm with other waits. */
export function jitterTable(sizes = [10_000, 40_000]) {
  const rows = [];
  for (const clients of sizes) {
    for (const [name, { says }] of Object.entries(JITTERS)) {
      const { half, most, all, least, dropped, longestWait } = storm({ clients, door: "tls" }, name);
      rows.push(row(thousands(clients), `${says}${name === "own" ? " (datecast.js)" : ""}`, `${seconds(half)} / ${seconds(most)} / ${seconds(all)}`, seconds(least), thousands(dropped), seconds(longestWait)));
    }
  }
  return table(["clients of each", "first wait in ms", "half / 99 % / all are back", "at least", "SYNs dropped", "longest queue in s"], rows);
}

/** The same storm with other queues at the door. */
export function queueTable(queues = [511, 1022, 4096, 8192]) {
  const rows = queues.map((backlog) => {
    const { half, most, all, dropped, attempts } = storm({ door: "tls", backlog });
    return row(thousands(backlog), `${seconds(half)} / ${seconds(most)} / ${seconds(all)}`, thousands(dropped), attempts.toFixed(2));
  });
  return table(["connections that may wait", "half / 99 % / all are back", "SYNs dropped", "attempts of each client"], rows);
}
