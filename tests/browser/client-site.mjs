// A site with the client's files, and an empty page that has datecast.js.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";

const PAGE = "<!doctype html><meta charset=utf-8><title>a reader</title><link rel=icon href=data:,><script src=datecast.js></script>";

export async function clientSite() {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site/");
    if (/^\/datecast[\w-]*\.m?js$/.test(pathname)) {
      response.setHeader("Content-Type", "text/javascript");
      response.end(await readFile(new URL(`../../client${pathname}`, import.meta.url)));
    } else {
      response.setHeader("Content-Type", "text/html");
      response.end(PAGE);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
