// A stream in a thread of its own: each message of a connection is a task, and thousands of them a second leave a page no time to draw. They go to the page
// many at a time. A classic script, as Firefox before 114 has no workers of modules.

"use strict";

importScripts("datecast.js");

/** Milliseconds between two deliveries: about a frame. */
const EVERY = 12;
const KINDS = ["message", "notice", "gap", "resume", "source", "state"];
let stream = null;
let waiting = [];
let timer = null;

function deliver() {
  timer = null;
  postMessage(waiting);
  waiting = [];
}

function tell(kind, detail) {
  waiting.push([kind, detail]);
  timer ??= setTimeout(deliver, EVERY);
}

/** `{ url, options }` opens the stream, `{ token }` connects it anew. What comes back is lists of `[kind, detail]`. */
onmessage = ({ data: { url, options, token } }) => {
  if (stream === null) {
    stream = datecast(url, { ...options, ...Object.fromEntries(KINDS.map((kind) => [`on${kind}`, (detail) => tell(kind, detail)])) });
  } else {
    stream.connect(token);
  }
};
