// nginx with one sub-path, on a port of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stop } from "./daemons.mjs";
import { answers, freePort } from "./ports.mjs";

const NGINX = process.env.NGINX ?? "/usr/sbin/nginx";

function configuration(port, upstream) {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${kind};`).join(" ");
  return `daemon off; master_process off; pid nginx.pid; error_log stderr; events {}
http {
  access_log off; ${folders}
  map $http_upgrade $connection_to_upstream { default upgrade; "" close; }
  server {
    listen 127.0.0.1:${port};
    location /logs/ {
      proxy_pass http://127.0.0.1:${upstream}/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_to_upstream;
      proxy_buffering off;
    }
  }
}
`;
}

/** Serves `http://127.0.0.1:PORT/logs/` from `upstream`'s port; gives the port and how to end it. */
export async function startNginx(upstream) {
  const folder = mkdtempSync(join(tmpdir(), "datecast-nginx-"));
  // Another program may take a port between the search for a free one and its use.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const port = await freePort();
    writeFileSync(join(folder, "nginx.conf"), configuration(port, upstream));
    const child = spawn(NGINX, ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
    if (await answers(port, child)) {
      const end = async () => {
        await stop(child);
        rmSync(folder, { recursive: true });
      };
      return { port, end };
    }
    await stop(child, "SIGKILL");
  }
  rmSync(folder, { recursive: true });
  throw new Error(`${NGINX} does not listen`);
}
