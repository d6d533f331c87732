// Ports for programs that must be told one.

import net from "node:net";

const FIRST = 20_000;
const END = 32_000;
let next = FIRST + (process.pid % 1200) * 10;

/** A port that nothing listens on, and that no call in this process gave before. It is below those that the kernel gives to clients and
 * to listeners on port 0: none of them takes it before it is used. */
export async function freePort() {
  for (;;) {
    const port = next;
    next = port + 1 < END ? port + 1 : FIRST;
    const server = net.createServer();
    const isFree = await new Promise((done) => { server.once("error", () => done(false)).listen(port, "127.0.0.1", () => done(true)); });
    if (isFree) {
      await new Promise((done) => { server.close(done); });
      return port;
    }
  }
}

/** Waits until something accepts connections on `port`; false if `child` ends before, or half a minute has passed. */
export async function answers(port, child) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline && child.exitCode === null;) {
    const socket = net.connect(port, "127.0.0.1");
    const isOpen = await new Promise((done) => { socket.once("connect", () => done(true)).once("error", () => done(false)); });
    socket.destroy();
    if (isOpen) {
      return true;
    }
    await new Promise((done) => { setTimeout(done, 50); });
  }
  return false;
}
