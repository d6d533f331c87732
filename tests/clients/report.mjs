// What every client here shares: `URL [CONNECTIONS [STOP_AFTER]]` on the command line, and one printed line per event,
// `INDEX open ID`, `INDEX text MESSAGE`, `INDEX close CODE`. ID is X-Connection-Id, or `-`.

export const url = process.argv[2];
/** For a header, where the client can send one. */
export const headers = process.env.TOKEN ? { Authorization: `Bearer ${process.env.TOKEN}` } : {};
const connections = Number(process.argv[3] ?? 1);
const stopAfter = Number(process.argv[4] ?? Infinity);

// One write for all lines of a turn: a write per line would make these clients slower than any real one.
let pending = "";
function say(line) {
  if (pending === "") {
    setImmediate(() => {
      process.stdout.write(pending);
      pending = "";
    });
  }
  pending += `${line}\n`;
}

/** Calls `connect(reporter)` for each connection; it sets `reporter.leave`, which ends the connection. */
export function each(connect) {
  for (let index = 0; index < connections; index += 1) {
    let texts = 0;
    let closed = false;
    const reporter = {
      leave: () => {},
      open: (id) => say(`${index} open ${id ?? "-"}`),
      text(message) {
        if (texts >= stopAfter) return;
        say(`${index} text ${message}`);
        texts += 1;
        if (texts === stopAfter) reporter.leave();
      },
      close(code) {
        if (!closed) say(`${index} close ${code ?? "-"}`);
        closed = true;
      },
      fail(error) {
        console.error(`${index}: ${error?.message ?? error}`);
        process.exitCode = 1;
      },
    };
    connect(reporter);
  }
}
