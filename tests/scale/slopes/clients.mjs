// Slopes of ws-server: a client more, a message more, a handshake more.

import { socketSize, wire } from "./machine.mjs";
import { Load, Server, pause } from "./programs.mjs";

const SIZES = [2000, 6000, 12_000];
/** With "{seq} " a message of about 100 bytes. */
const TEXT = 94;
const SECONDS = 6;

/** The slope of the straight line through the points by least squares. */
export function slope(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean(([one]) => one), mean(([, other]) => other)];
  return points.reduce((sum, [one, other]) => sum + (one - x) * (other - y), 0) / points.reduce((sum, [one]) => sum + (one - x) ** 2, 0);
}

async function holding(count, dialect, then, options) {
  const server = await Server.start({ options });
  const load = new Load("hold", "--to", server.address, "--connections", count, "--as", dialect);
  try {
    const { open, ended } = await load.next();
    if (open !== count) {
      throw new Error(`${open} of ${count} clients are open: ${JSON.stringify(ended)}`);
    }
    // Each has had a message: what a first one makes is there.
    server.say("0".padStart(TEXT, "-"));
    await pause(2);
    return await then(server, load);
  } finally {
    await load.end();
    await server.end();
  }
}

/** Bytes of memory per client of this dialect, in the process and in the kernel. */
export async function memory(dialect) {
  const points = [];
  for (const count of SIZES) {
    points.push([count, await holding(count, dialect, (server) => server.figures)]);
  }
  const of = (name) => slope(points.map(([count, figures]) => [count, figures[name]]));
  return { process: of("process"), kernel: of("kernel") + socketSize() };
}

/** Microseconds of processor and bytes on the wire per message and client, at `rate` lines a second. */
export async function messages(dialect, rate, count = 5000) {
  return holding(count, dialect, async (server, load) => {
    await load.ask("mark");
    const [begun, before] = [wire(), server.figures.time];
    for (let sent = 0; sent < rate * SECONDS; sent += 1) {
      server.say(String(sent).padStart(TEXT, "-"));
      await pause(1 / rate);
    }
    await pause(2);
    const [bytes, time] = [wire() - begun, server.figures.time - before];
    const report = await load.ask("report");
    if (report.missing > 0 || report.doubled > 0) {
      throw new Error(`lost or twice: ${JSON.stringify(report)}`);
    }
    return { rate, microseconds: time * 1e6 / report.messages, bytes: bytes / report.messages };
  });
}

/** The same per client and second of a stream that says nothing. */
export async function silence(dialect, count = 5000) {
  return holding(count, dialect, async (server) => {
    const [begun, before] = [wire(), server.figures.time];
    await pause(60);
    return { microseconds: (server.figures.time - before) * 1e6 / count / 60, bytes: (wire() - begun) / count / 60 };
  });
}

/** Microseconds of processor and bytes of an opening handshake with one date. */
export async function handshakes(rate = 2000, seconds = 5) {
  const server = await Server.start({ source: "clock" });
  const load = new Load("knock", "--to", server.address, "--as", "websocket", "--rate", rate, "--seconds", seconds);
  try {
    const [begun, before] = [wire(), server.figures.time];
    await load.next();
    const { outcomes, wait_ms: wait } = await load.next();
    return { microseconds: (server.figures.time - before) * 1e6 / outcomes.answered, bytes: (wire() - begun) / outcomes.answered, outcomes, wait };
  } finally {
    await load.end();
    await server.end();
  }
}
