// A stream in a thread of its own, with the interface of one of datecast.js.

const WORKER = new URL("stream-worker.js", import.meta.url);

/**
 * Opens it; `hear(kind, detail)` gets what its callbacks get, in order. Where the thread ends by itself, the last is the state `closed`. `null` where the page may not
 * start a thread.
 */
export function openInThread(url, options, hear) {
  let worker;
  try {
    worker = new Worker(WORKER);
  } catch {
    return null;
  }
  let isOpen = true;
  const close = () => {
    isOpen = false;
    worker.onmessage = worker.onerror = null;
    worker.terminate();
  };
  worker.onerror = () => {
    close();
    hear("state", { state: "closed", transport: options.transports[0], reason: "the thread of the connection ended" });
  };
  // One of them may lead to its end.
  worker.onmessage = ({ data }) => data.forEach(([kind, detail]) => isOpen && hear(kind, detail));
  worker.postMessage({ url: url.href, options });
  return { close, connect: (token) => worker.postMessage({ token }) };
}
