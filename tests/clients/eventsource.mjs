// npm eventsource: server-sent events, over the same URL by HTTP. It would reconnect by itself; this client ends instead.
import { EventSource } from "eventsource";
import { each, headers, url } from "./report.mjs";

each((reporter) => {
  const source = new EventSource(url.replace(/^ws/, "http"), {
    fetch: (address, options) => fetch(address, { ...options, headers: { ...options.headers, ...headers } }),
  });
  reporter.leave = () => {
    source.close();
    reporter.close();
  };
  source.addEventListener("open", () => reporter.open());
  source.addEventListener("message", (event) => reporter.text(event.data));
  source.addEventListener("notice", (event) => reporter.text(event.data));
  source.addEventListener("error", (event) => {
    if (event.code) reporter.fail(event);
    source.close();
    reporter.close();
  });
});
