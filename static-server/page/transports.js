// How the stream comes, by the names that datecast.js has for it, in the order in which it is tried. No DOM in here.

/** What a reader reads. JSONP is for browsers that cannot run these modules: this page uses it only if its address asks for it. */
export const TRANSPORTS = { websocket: "WebSocket", sse: "event stream", stream: "streaming request", poll: "long poll", jsonp: "JSONP" };

/** What is tried: `via` alone if it names a transport, else what browsers of today have. */
export function transportsFor(via) {
  const all = Object.keys(TRANSPORTS);
  return all.includes(via) ? [via] : all.filter((name) => name !== "jsonp");
}
