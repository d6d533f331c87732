// What TLS costs at the door: nginx before ws-server, full handshakes, as after a machine has gone and no session is known.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { processorTime, wire } from "./machine.mjs";
import { Server, pause, stop } from "./programs.mjs";

const PORT = 20_443;
const AT_ONCE = 40;

const configuration = (folder) => `
daemon off;
worker_processes 2;
pid ${folder}/pid;
error_log ${folder}/log;
events { worker_connections 4096; }
http {
  access_log off;
  ssl_certificate ${folder}/cert.pem;
  ssl_certificate_key ${folder}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${PORT} ssl;
    location / {
      proxy_pass http://unix:${folder}/stream:/;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`;

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** One new client, until its first date. */
function client() {
  return new Promise((done, failed) => {
    const socket = tls.connect({ host: "127.0.0.1", port: PORT, rejectUnauthorized: false, session: undefined }, () => socket.write(REQUEST));
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (more) => {
      text += more;
      if (text.startsWith("HTTP/1.1 101") && text.includes("GMT")) {
        socket.destroy();
        done();
      }
    });
    socket.on("error", failed);
    socket.on("end", () => failed(new Error(`closed: ${text}`)));
  });
}

async function clients(count) {
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while ((left -= 1) >= 0) {
      await client();
    }
  }));
}

/** The workers of nginx. */
const workers = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);

/** Microseconds of processor per new client, of nginx and of ws-server behind it, and bytes on the wire. */
export async function tlsHandshakes(count = 3000) {
  const folder = mkdtempSync(join(tmpdir(), "slopes-"));
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "9", "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`]);
  if (made.status !== 0) {
    throw new Error(`openssl: ${made.stderr}`);
  }
  writeFileSync(`${folder}/nginx.conf`, configuration(folder));
  const server = await Server.start({ source: "clock", listen: `unix:${folder}/stream`, options: ["--host", "localhost"] });
  // nginx's workers run as another user where it starts as root.
  spawnSync("chmod", ["-R", "a+rwX", folder]);
  const nginx = spawn("nginx", ["-c", `${folder}/nginx.conf`, "-p", folder], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await pause(1);
    await clients(200);
    const time = () => workers(nginx.pid).map(processorTime).reduce((sum, one) => sum + one, 0);
    const [proxy, ours, bytes] = [time(), server.figures.time, wire()];
    await clients(count);
    return { proxy: (time() - proxy) * 1e6 / count, server: (server.figures.time - ours) * 1e6 / count, bytes: (wire() - bytes) / count };
  } finally {
    nginx.kill("SIGTERM");
    await once(nginx, "exit");
    await server.end();
    await stop(server.child);
    rmSync(folder, { recursive: true });
  }
}
