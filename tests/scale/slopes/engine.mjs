// What a line costs the engine and the bridge: time of the processor and memory of each, bytes from the engine to a machine.

import { ownMemory, processorTime, wire } from "./machine.mjs";
import { folder, freePort, nats, start, succeeds, until } from "../processes.mjs";

const LINES = 20_000;
const RATE = 1000;

async function cluster(count) {
  const names = ["n1", "n2", "n3"].slice(0, count);
  const ports = [];
  for (const name of names) {
    ports.push({ name, client: await freePort(), route: await freePort() });
  }
  const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(", ");
  const servers = await Promise.all(ports.map(({ name, client, route }) => nats(`${name}.conf`, `server_name: ${name}
listen: 127.0.0.1:${client}
jetstream { store_dir: ${folder}/${count}-${name}, sync_interval: always }
${count > 1 ? `cluster { name: slopes, listen: 127.0.0.1:${route}, routes: [${routes}] }` : ""}
`)));
  return { servers, url: ports.map(({ client }) => `nats://127.0.0.1:${client}`).join(",") };
}

/** A ws-server with its bridge. */
async function machine(name, url) {
  const server = start(`ws-server --numbers given --source unix:${folder}/${name}.sock --listen 127.0.0.1:0 --metrics unix:${folder}/${name}.metrics`);
  await server.hasSaid(/listening on \S*:\d+\n/);
  const bridge = start(`datecast-nats follow --server ${url} --stream LINES --to unix:${folder}/${name}.sock`);
  await until(() => processorTime(bridge.child.pid) > 0, () => "no bridge");
  return { server, bridge };
}

/** Lines at a rate, from a publisher that goes on until all are acknowledged. */
async function publish(url) {
  const publisher = start(`datecast-nats publish --server ${url} --stream LINES --print-ids`);
  for (let sent = 0; sent < LINES; sent += RATE / 20) {
    publisher.child.stdin.write(Array.from({ length: RATE / 20 }, (_, index) => `${String(sent + index).padStart(100, "-")}\n`).join(""));
    await new Promise((done) => { setTimeout(done, 50); });
  }
  publisher.child.stdin.end();
  await publisher.exit;
}

/** Per line, with so many nodes and machines: microseconds of each nat-server, of a bridge and of ws-server; bytes on the wire. */
export async function engine(nodes, machines) {
  const { servers, url } = await cluster(nodes);
  await succeeds(`datecast-nats create --server ${url} --stream LINES --replicas ${nodes}`);
  const all = await Promise.all(Array.from({ length: machines }, (_, index) => machine(`${nodes}-${machines}-${index}`, url)));
  const programs = { servers, bridges: all.map(({ bridge }) => bridge), wsServers: all.map(({ server }) => server) };
  const times = () => Object.fromEntries(Object.entries(programs).map(([name, list]) => [name, list.map(({ child }) => processorTime(child.pid))]));
  const [before, bytes] = [times(), wire()];
  await publish(url);
  const [later, sent] = [times(), wire() - bytes];
  const perLine = (name) => later[name].map((time, index) => Math.round((time - before[name][index]) * 1e6 / LINES));
  const memory = (name) => programs[name].map(({ child }) => Math.round(ownMemory(child.pid) / 1e5) / 10);
  const result = { nodes, machines, servers: perLine("servers"), bridges: perLine("bridges"), wsServers: perLine("wsServers"), bytes: Math.round(sent / LINES), megabytes: { servers: memory("servers"), bridges: memory("bridges") } };
  await Promise.all(Object.values(programs).flat().map((program) => program.end()));
  return result;
}
