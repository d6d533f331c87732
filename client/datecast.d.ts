// Types of datecast.js: `datecast(url, options)` of a classic script, or of `require("datecast")`.

declare function datecast(url: string, options?: datecast.Options): datecast.Connection;

declare namespace datecast {
  type Transport = "websocket" | "sse" | "stream" | "poll" | "jsonp";

  interface Message {
    /** The id, or `null` from a server without ids. */
    readonly id: string | null;
    readonly text: string;
  }

  interface Notice {
    readonly text: string;
  }

  interface Gap {
    /** How many messages do not come; `null` where nobody knows. */
    readonly missed: number | null;
    /** `new` if the id from which it went on is of another stream. */
    readonly stream: "same" | "new";
    /** The id of the message behind the gap, if the server knows it. */
    readonly next: string | null;
  }

  interface Resume {
    /** The id behind which the connection goes on without a gap. */
    readonly after: string;
  }

  interface Source {
    readonly source: "running" | "waiting" | "ended";
    readonly text: string;
  }

  interface State {
    readonly state: "connecting" | "open" | "waiting" | "refused" | "closed";
    readonly transport: Transport | null;
    /** Why, or the empty string. */
    readonly reason: string;
    /** The HTTP status of a refusal, or `null`. */
    readonly status: number | null;
    /** Milliseconds until the next attempt, or `null`. */
    readonly wait: number | null;
  }

  interface Options {
    /** In the order in which they are tried; one alone is the only one. */
    transports?: Transport | readonly Transport[];
    token?: string;
    /** The id behind which the stream begins; else the server decides. */
    since?: string;
    /** Seconds between two signs of life of the server: 1 to 3600, 15 if not given; 0 for none. */
    heartbeat?: number;
    onmessage?(message: Message): void;
    onnotice?(notice: Notice): void;
    ongap?(gap: Gap): void;
    onresume?(resume: Resume): void;
    onsource?(source: Source): void;
    onstate?(state: State): void;
  }

  interface Connection {
    readonly state: State["state"];
    readonly transport: Transport;
    /** The newest id, or `null`. */
    readonly last: string | null;
    /** Connects now: ends a wait, and leaves `refused`, perhaps with another token. */
    connect(token?: string): void;
    close(): void;
  }
}

export = datecast;
export as namespace datecast;
