// Ports for programs that must be told one.

import { once } from "node:events";
import net from "node:net";

/** A port that nothing listens on right now. Another program may take it before it is used: whoever can, tries again. */
export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
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
