// How to do the same with curl, nc and five lines of script, with this page's address filled in, and never a token.

import { httpUrl, withQuery } from "./address.js";

/** Where the reader puts the token. */
const PLACE = "TOKEN";

/** The commands for the stream at `url` (ws or wss), which may need a token. */
export function commands(url, { needsToken }) {
  const http = httpUrl(url);
  const target = url.pathname + url.search;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = url.protocol === "wss:";
  const port = url.port === "" ? (secure ? "443" : "80") : url.port;
  const pipe = secure ? `openssl s_client -quiet -connect ${quoted(`${url.hostname}:${port}`)}` : `nc ${quoted(host)} ${port}`;
  // HTTP/1.0 asks for plain lines to the end of the stream; in a format string a percent sign is written twice.
  const request = `GET ${target.replaceAll("%", "%%")} HTTP/1.0\\r\\nHost: ${url.host}\\r\\n${needsToken ? `Authorization: Bearer ${PLACE}\\r\\n` : ""}\\r\\n`;
  return {
    curl: `curl -N ${needsToken ? `-H 'Authorization: Bearer ${PLACE}' ` : ""}${quoted(http.href)}`,
    pipeName: secure ? "openssl" : "nc",
    pipe: `printf '${request.replaceAll("'", "%%27")}' | ${pipe}`,
    script: [
      `const socket = new WebSocket(${JSON.stringify((needsToken ? withQuery(url, { token: PLACE }) : url).href)});`,
      `socket.onopen = () => console.log("connected");`,
      `socket.onmessage = (message) => console.log(message.data);`,
      `socket.onclose = (event) => console.log("closed", event.code);`,
      `socket.onerror = () => console.log("no connection");`,
    ].join("\n"),
  };
}

function quoted(word) {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Fills the commands in. */
export function showCommands(url, { needsToken }) {
  const { curl, pipeName, pipe, script } = commands(url, { needsToken });
  document.getElementById("howto-curl").textContent = curl;
  document.getElementById("howto-nc-title").textContent = pipeName;
  document.getElementById("howto-nc").textContent = pipe;
  document.getElementById("howto-script").textContent = script;
}

/** Makes the copy buttons work. */
export function copyCommands(announce) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const copied = await copy(document.getElementById(button.dataset.copy));
      button.textContent = copied ? "Copied" : "Selected";
      announce(copied ? "Copied." : "Selected: press the keys for copying.");
      setTimeout(() => { button.textContent = "Copy"; }, 2_000);
    });
  }
}

/** Copies the element's text; where the browser forbids it (a page without TLS), leaves it selected and tells so. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}
