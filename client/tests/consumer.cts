// The same with the callbacks of datecast.js.

import datecast = require("datecast");

const connection: datecast.Connection = datecast("ws://localhost:40132/", {
  transports: ["websocket", "jsonp"],
  heartbeat: 5,
  onmessage: ({ id, text }) => console.log(id, text),
  ongap: ({ missed, stream }) => console.log(missed, stream),
  onstate: ({ state, reason, wait }) => console.log(state === "refused", reason, wait),
});
connection.connect("a token");
connection.close();
// @ts-expect-error: this one has no loop
export const loop: AsyncIterable<unknown> = connection;
