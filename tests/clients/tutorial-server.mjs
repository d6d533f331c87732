// A server as a tutorial writes it, with npm ws: dates by a timer for each client, and a notice to all when one leaves.
// node tutorial-server.mjs PORT INTERVAL PADDING
import { WebSocketServer } from "ws";

const [port, interval, padding] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ port, host: "127.0.0.1" });
let last = 0;

server.on("connection", (socket) => {
  const id = ++last;
  let number = 0;
  const say = () => socket.send(`${++number} ${new Date()}${".".repeat(padding)}`);
  say();
  const timer = setInterval(say, interval);
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    for (const other of server.clients) other.send(`${id} disconnected`);
  });
});
