// npm ws: node ws.mjs PORT dates|silent|lines|echo. One interval for all; a message is framed for each client, as its documentation has it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { WebSocketServer } = createRequire(new URL("../../clients/", import.meta.url))("ws");
const [port, job] = process.argv.slice(2);
const server = new WebSocketServer({ port: Number(port), host: "127.0.0.1", backlog: 4096, perMessageDeflate: false });
const all = (text) => { for (const client of server.clients) client.send(text); };
let count = 0;

server.on("connection", (socket) => {
  socket.on("error", () => {});
  if (job === "echo") socket.on("message", (data, binary) => socket.send(data, { binary }));
});
if (job === "dates") setInterval(() => all(`${++count} ${new Date()}`), 1000);
if (job === "lines") createInterface({ input: process.stdin }).on("line", all);
