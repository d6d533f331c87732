// What a program in TypeScript writes: a compiler checks it, nobody runs it.

import open, { datecast, read, DatecastRefused } from "datecast";
import type { DatecastStream, Gap, Message, Part, State } from "datecast";

export async function loop(signal: AbortSignal): Promise<void> {
  try {
    for await (const { id, text, gap } of datecast("wss://example.org/stream", { token: "…", signal, shared: true, transports: ["websocket", "sse"], buffer: 100 })) {
      const line: string = text;
      const at: string | null = id;
      const missed: number | null | undefined = gap?.missed;
      console.log(line, at, missed);
    }
  } catch (error) {
    if (error instanceof DatecastRefused) {
      const status: number | null = error.status;
      console.log(status);
    }
  }
}

export function listen(): DatecastStream {
  const stream = open(new URL("http://localhost:8080/stream"), { since: "01932f5a0c2e_7", transports: "poll" });
  stream.addEventListener("message", ({ id, text, type }) => console.log(id, text, type));
  stream.addEventListener("gap", (gap: Event & Gap) => console.log(gap.missed, gap.stream === "new", gap.next));
  stream.addEventListener("resume", ({ after }) => console.log(after.length));
  stream.addEventListener("source", ({ source, text }) => console.log(source === "ended", text));
  stream.addEventListener("state", ({ state, role, transport, wait, unshared }) => console.log(state === "paused", role === "follower", transport, wait, unshared), { once: true });
  stream.connect("another token");
  const state: State["state"] = stream.state;
  console.log(state, stream.last, stream.transport, stream.role);
  // @ts-expect-error: no such transport
  datecast("/stream", { transports: "pigeon" });
  // @ts-expect-error: a message has a text, and no data
  stream.addEventListener("message", ({ data }) => console.log(data));
  // @ts-expect-error: a stream is made by datecast() alone
  new stream.constructor.DatecastStream();
  return stream;
}

export async function older(stream: DatecastStream): Promise<readonly Message[]> {
  const part: Part = await read("/stream", { since: 0, until: stream.last ?? undefined, limit: 50, signal: AbortSignal.timeout(5_000) });
  return part.gap === null && !part.more ? part.messages : [];
}
