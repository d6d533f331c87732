// A WebSocket in a thread of its own: each message of a socket is a task, and thousands of them a second leave a page no time to draw. They go to the page
// many at a time. A classic script, as Firefox before 114 has no workers of modules.

"use strict";

/** Milliseconds between two deliveries: about a frame. */
const EVERY = 12;
let waiting = [];
let timer = null;

function deliver() {
  timer = null;
  if (waiting.length > 0) {
    postMessage({ messages: waiting });
    waiting = [];
  }
}

/** `{ url }` opens it. What comes back is `{ messages }`, with `null` for a binary one, and at last `{ code, reason }`. */
onmessage = ({ data: { url } }) => {
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    waiting.push(typeof data === "string" ? data : null);
    timer ??= setTimeout(deliver, EVERY);
  };
  socket.onclose = ({ code, reason }) => {
    clearTimeout(timer);
    deliver();
    postMessage({ code, reason });
  };
};
