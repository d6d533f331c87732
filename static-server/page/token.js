// The token with which this tab reads the stream, if that needs one: typed in, or from the page's address. No DOM in here.

/** RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`. */
const TOKEN = /^[\w.~+/-]+=*$/;
/** What a server's refusal means to the reader. */
export const REFUSALS = { absent: "This stream needs a token", wrong: "This token is not valid", revoked: "The token is no longer valid" };

/** Whether a server could take `text` for a token. */
export const isToken = (text) => TOKEN.test(text);

/**
 * Takes the token out of the page's address: behind `#`, also beside a line as in `#token=…&L12`, or else behind `?`. Gives `{ token, href }`: a token, or `null` if
 * none is there that could be one; and the address without it, or `null` if the address may stay as it is.
 */
export function takeToken(address) {
  const url = new URL(address);
  const fragment = split(url.hash.slice(1));
  const query = split(url.search.slice(1));
  if (fragment.values.length + query.values.length === 0) {
    return { token: null, href: null };
  }
  url.hash = fragment.rest;
  url.search = query.rest;
  return { token: [...fragment.values, ...query.values].find(isToken) ?? null, href: url.href };
}

/** The values of `token` among parameters, and the others. A plus sign stands for itself, as people write a token into a link. */
function split(text) {
  const parts = text.split("&").map((part) => [part, ...part.split(/=(.*)/s)]);
  const isOurs = ([, name]) => decoded(name) === "token";
  return {
    values: parts.filter(isOurs).map(([, , value = ""]) => decoded(value)),
    rest: parts.filter((part) => !isOurs(part)).map(([part]) => part).join("&"),
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The token of one stream. The tab remembers it beyond a reload; where the browser refuses that, the page does until it is left. */
export class TabToken {
  #key;
  #storage;
  #value;
  #wasRight;

  /** `stream` is the address of the stream: two streams of one origin do not mix. `storage()` gives the session's storage, and may fail. */
  constructor(stream, storage) {
    this.#key = `datecast-token ${stream}`;
    this.#storage = storage;
    this.#value = this.#try((kept) => kept.getItem(this.#key)) ?? null;
    // Only a token that the server took outlives the attempt with it.
    this.#wasRight = this.#value !== null;
  }

  /** The token, or `null`. */
  get value() {
    return this.#value;
  }

  take(token) {
    this.#value = token;
    this.#wasRight = false;
    this.#try((kept) => kept.setItem(this.#key, token));
  }

  /** The server has taken it. */
  proved() {
    this.#wasRight = true;
  }

  forget() {
    this.#value = null;
    this.#try((kept) => kept.removeItem(this.#key));
  }

  /** The server does not take it, or took it until now; forgets it, and returns which of `REFUSALS` that is. */
  refused({ isRevoked }) {
    const wasRight = this.#value !== null && this.#wasRight;
    const why = isRevoked || wasRight ? "revoked" : this.#value === null ? "absent" : "wrong";
    this.forget();
    return why;
  }

  #try(use) {
    try {
      return use(this.#storage());
    } catch {
      return null;
    }
  }
}
