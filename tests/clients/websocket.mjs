// npm websocket, as a client of hybi-08 (VERSION=8) or RFC 6455 (VERSION=13).
import websocket from "websocket";
import { each, url } from "./report.mjs";

each((reporter) => {
  const client = new websocket.client({ webSocketVersion: Number(process.env.VERSION ?? 13) });
  client.on("connectFailed", reporter.fail);
  client.on("connect", (connection) => {
    reporter.leave = () => connection.close(1000);
    reporter.open(client.response.headers["x-connection-id"]);
    connection.on("message", (message) => reporter.text(message.utf8Data ?? "BINARY"));
    connection.on("close", (code) => reporter.close(code));
    connection.on("error", reporter.fail);
  });
  client.connect(url);
});
