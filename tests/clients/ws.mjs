// npm ws: RFC 6455.
import WebSocket from "ws";
import { each, headers, url } from "./report.mjs";

each((reporter) => {
  const socket = new WebSocket(url, { headers });
  reporter.leave = () => socket.close(1000);
  socket.on("upgrade", (response) => reporter.open(response.headers["x-connection-id"]));
  socket.on("message", (data, isBinary) => reporter.text(isBinary ? "BINARY" : data.toString()));
  socket.on("close", (code) => reporter.close(code));
  socket.on("error", reporter.fail);
});
