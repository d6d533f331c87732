// A WebSocket of the stream: the page's own at first, since nothing is there sooner; and where messages rush in, one of a thread of its own.

import { withQuery } from "./address.js";
import { epochOf, isLeaveNotice, numberOf, parseFrame } from "./frames.js";

const WORKER = new URL("socket-worker.js", import.meta.url);
/** So many messages in each of so many seconds are a rush. What is sent at the start, however much, is over before. */
const RUSH = 500;
const SECONDS = 3;
/** Milliseconds in which the leave notice of the page's own first socket comes. */
const OWN_NOTICE = 3_000;

/**
 * Opens `url`; `on` hears `open()`, `message(text, id)`, `word(word)` and, as the last, `close(reason, { isRevoked })`. Returns what closes it. In a rush the thread's socket
 * begins behind the last message, and takes over once it has the one that comes next.
 */
export function openWebSocket(url, on) {
  const rush = new Rush();
  let last = null;
  let thread = null;
  let early = [];
  let movedAt = null;
  const own = openOwn(url, {
    open: on.open,
    hear: (data) => {
      const frame = parsed(data);
      tell(frame, on);
      last = frame.id ?? last;
      if (rush.isNew(performance.now()) && last !== null && thread === null) {
        begin();
      }
      if (early.length > 0) {
        join();
      }
    },
    close: (...why) => {
      thread?.close();
      on.close(...why);
    },
  });

  function begin() {
    thread = openThread(withQuery(url, { since: last }), {
      hear: (messages) => {
        if (movedAt === null) {
          early = early.concat(messages.map(parsed));
          join();
        } else {
          messages.map(parsed).forEach(hearMoved);
        }
      },
      // Until it has taken over nothing needs it.
      close: (...why) => {
        early = [];
        if (movedAt !== null) {
          on.close(...why);
        }
      },
    });
  }

  function join() {
    const first = early.find(({ id }) => id !== null && id !== undefined);
    if (first === undefined || epochOf(first.id) !== epochOf(last) || numberOf(first.id) > numberOf(last) + 1) {
      return;
    }
    own.close();
    movedAt = performance.now();
    // The gap before the first and the notices are the page's own socket's to tell; messages that came twice are known by their ids.
    early.slice(early.indexOf(first)).filter(({ id }) => id !== null).forEach((frame) => tell(frame, on));
    early = [];
  }

  function hearMoved(frame) {
    if (movedAt !== Infinity && performance.now() - movedAt < OWN_NOTICE && frame.id === null && isLeaveNotice(frame.text)) {
      // The first one that left was this page.
      movedAt = Infinity;
    } else {
      tell(frame, on);
    }
  }

  return () => {
    own.close();
    thread?.close();
  };
}

/** Tells once that messages rush in. */
class Rush {
  #count = 0;
  #since = -Infinity;
  #seconds = 0;

  isNew(now) {
    this.#count += 1;
    if (now - this.#since < 1_000) {
      return false;
    }
    this.#seconds = this.#count > RUSH && now - this.#since < 2_000 ? this.#seconds + 1 : 0;
    this.#since = now;
    this.#count = 0;
    return this.#seconds === SECONDS;
  }
}

const parsed = (data) => (typeof data === "string" ? parseFrame(data) : { id: null, text: "(a binary message)" });

function tell(frame, on) {
  if (frame.text === undefined) {
    on.word(frame);
  } else {
    on.message(frame.text, frame.id);
  }
}

function openOwn(url, on) {
  const socket = new WebSocket(url.href);
  const listen = new AbortController();
  const { signal } = listen;
  socket.addEventListener("open", on.open, { signal });
  socket.addEventListener("message", ({ data }) => on.hear(data), { signal });
  socket.addEventListener("close", (event) => on.close(closeReason(event), { isRevoked: isRevocation(event) }), { signal });
  return {
    close: () => {
      listen.abort();
      socket.close();
    },
  };
}

/** `null` where the page may not start a thread: the page's own socket then goes on. */
function openThread(url, on) {
  let worker;
  try {
    worker = new Worker(WORKER);
  } catch {
    return null;
  }
  const close = () => {
    worker.onmessage = worker.onerror = null;
    worker.terminate();
  };
  worker.onerror = () => {
    close();
    on.close("the thread of the connection ended");
  };
  worker.onmessage = ({ data: { messages, code, reason } }) => {
    if (messages !== undefined) {
      on.hear(messages);
    } else {
      close();
      on.close(closeReason({ code, reason }), { isRevoked: isRevocation({ code, reason }) });
    }
  };
  worker.postMessage({ url: url.href });
  return { close };
}

/** RFC 6455 §7.4.1: 1008 is for a message "that violates its policy", and for whatever has no code of its own: the reason tells. */
const isRevocation = ({ code, reason }) => code === 1008 && /\btoken\b/.test(reason);

function closeReason({ code, reason }) {
  const meaning = {
    1000: "the stream has ended",
    1001: "the server is stopping",
    1006: "the connection broke",
    1008: "this page was too slow for the stream",
    1012: "the server is restarting",
    1013: "the server has no room",
  }[code];
  const said = reason === "" || reason === undefined ? "" : `: ${reason}`;
  return `${meaning ?? "the server closed"} (${code}${said})`;
}
