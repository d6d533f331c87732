// Why a connection did not open: neither a WebSocket nor an event source tells with which status the server refused it.

import { httpUrl } from "./address.js";
import { authorization } from "./token.js";

/** Milliseconds until it is too late to hear from the server. */
const PATIENCE = 10_000;
/** RFC 9110 §11.1: "It uses a case-insensitive token to identify the authentication scheme". A server of another origin does not show it. */
const BEARER = /(^|,)\s*bearer\b/i;

/**
 * Asks for the head of the stream at `url` (ws or wss) as the connection did. Resolves to the status of the answer, or to `null` if there is none, or if
 * it wants a password, which is not the page's matter. `signal` ends it early.
 */
export const statusOf = async (url, token, signal) => {
  const ending = new AbortController();
  const end = () => ending.abort();
  const timer = setTimeout(end, PATIENCE);
  signal.addEventListener("abort", end);
  try {
    const headers = { Accept: "text/event-stream", ...authorization(token) };
    const { status, headers: answered } = await fetch(httpUrl(url), { method: "HEAD", headers, cache: "no-store", credentials: "same-origin", signal: ending.signal });
    return status === 401 && !BEARER.test(answered.get("WWW-Authenticate") ?? "Bearer") ? null : status;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
};
