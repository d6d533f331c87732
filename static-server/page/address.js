// Where the stream is: the address that static-server put into the page, or the page's own host with the stream's port.

const STREAM_PORT = 40132;

/**
 * The stream's WebSocket URL. `configured` is the content of the page's `datecast-ws` meta element; empty or not replaced means the page's host.
 * An address that is no ws, wss, http or https URL throws a `TypeError`.
 */
export function streamUrl(configured, page) {
  const given = configured.trim();
  const unset = given === "" || given.startsWith("%");
  const secure = page.protocol === "https:";
  const url = new URL(unset ? `${secure ? "wss" : "ws"}://${page.hostname || "localhost"}:${STREAM_PORT}/` : given, page.href);
  url.hash = "";
  return withScheme(url, { http: "ws", https: "wss", ws: "ws", wss: "wss" });
}

/** The same address for HTTP clients: curl, nc, an event source. */
export function httpUrl(url) {
  return withScheme(url, { ws: "http", wss: "https" });
}

/** A copy of `url` with `parameters` added to its query. */
export function withQuery(url, parameters) {
  const copy = new URL(url);
  for (const [name, value] of Object.entries(parameters)) {
    copy.searchParams.set(name, String(value));
  }
  return copy;
}

function withScheme(url, schemes) {
  const scheme = schemes[url.protocol.slice(0, -1)];
  if (scheme === undefined) {
    throw new TypeError(`${url.protocol} is no scheme of a stream`);
  }
  // The setter of `protocol` may not leave the special schemes, so the text is changed instead.
  return new URL(scheme + url.href.slice(url.protocol.length - 1));
}
