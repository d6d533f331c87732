// Why a connection ended, in a reader's words. No DOM in here.

/** What datecast.js says in fewer. */
const SHORT = { "not opened": "no connection", "no answer": "the server does not answer", silent: "nothing came any more" };
/** What a server means by the codes with which it closes a WebSocket (RFC 6455 §7.4.1). */
const CODES = {
  1000: "the stream has ended",
  1001: "the server is stopping",
  1006: "the connection broke",
  1008: "this page was too slow for the stream",
  1012: "the server is restarting",
  1013: "the server has no room",
};

/** The reason of a state of datecast.js as a part of a sentence. */
export function inWords(reason) {
  const closed = /^closed (\d+) ?(.*)$/s.exec(reason);
  if (closed !== null) {
    const [, code, said] = closed;
    return `${CODES[code] ?? "the server closed"} (${code}${said === "" ? "" : `: ${said}`})`;
  }
  const status = /^status (\d+)$/.exec(reason);
  return status === null ? SHORT[reason] ?? reason : `the server answers ${status[1]}`;
}
