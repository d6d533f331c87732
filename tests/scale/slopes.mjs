// unshare -n sh -c 'ip link set lo up && node tests/scale/slopes.mjs': what a client, a message and a handshake cost, in about six minutes.
//
// As root in a network namespace of its own, so that the bytes on loopback are ours. It needs a release build:
// `cargo build --release -p ws-server && cargo build --release -p datecast-tests --example load-generator`; the part `engine` needs what
// tests/nats/with sets, too. Words after the program choose parts.

import { handshakes, memory, messages, silence } from "./slopes/clients.mjs";
import { engine } from "./slopes/engine.mjs";
import { endAll } from "./processes.mjs";
import { stopAll } from "./slopes/programs.mjs";
import { tlsHandshakes } from "./slopes/tls.mjs";

const PARTS = {
  handshakes: () => handshakes(),
  memory: async () => ({ websocket: await memory("rfc6455"), events: await memory("events-1.1") }),
  messages: async () => {
    const rows = [];
    for (const dialect of ["rfc6455", "events-1.1"]) {
      for (const rate of [1, 20, 100]) {
        rows.push({ dialect, ...await messages(dialect, rate) });
      }
    }
    return rows;
  },
  tls: () => tlsHandshakes(),
  engine: async () => [await engine(1, 1), await engine(3, 1), await engine(3, 3), await engine(3, 6)],
  silence: () => silence("rfc6455"),
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
try {
  for (const part of wanted) {
    console.log(part, JSON.stringify(await PARTS[part](), null, 1));
  }
} finally {
  await Promise.all([stopAll(), endAll()]);
}
