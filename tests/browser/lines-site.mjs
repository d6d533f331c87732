// Serves the page's files and the view of lines alone, under the policy of the built-in page.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const PLACES = [new URL("../../static-server/page/", import.meta.url), new URL("./", import.meta.url)];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async function find(name) {
  for (const place of PLACES) {
    try {
      return await readFile(new URL(name, place));
    } catch {
      // Perhaps in the next place.
    }
  }
  return null;
}

/** Listens on a port of its own; gives `{ url, close }`. */
export async function serveLines() {
  const server = createServer(async (request, response) => {
    const name = new URL(request.url, "http://localhost").pathname.slice(1);
    const body = /^[\w-]+\.\w+$/.test(name) ? await find(name) : null;
    response.writeHead(body === null ? 404 : 200, { "Content-Type": TYPES[extname(name)] ?? "text/plain", "Content-Security-Policy": POLICY });
    response.end(body ?? "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}/lines.html`, close: () => { server.closeAllConnections(); server.close(); } };
}
