// Types of datecast.mjs.

import type script from "./datecast.js";

export type Transport = script.Transport;
export type Gap = script.Gap;
export type Notice = script.Notice;
export type Resume = script.Resume;
export type Source = script.Source;

export interface Message extends script.Message {
  /** The gap before this message, as its event told it. */
  readonly gap?: Gap;
}

/** Of several tabs with one connection, which this one is; `alone` with a connection of its own. */
export type Role = "alone" | "leader" | "follower";

export interface State extends Omit<script.State, "state"> {
  /** `idle` until somebody listens; `paused` while a loop is far behind, or the page is put aside. */
  readonly state: script.State["state"] | "idle" | "paused";
  readonly role: Role;
  /** Why tabs do not share a connection although `shared` was asked for, or `null`. */
  readonly unshared: string | null;
}

export interface Options {
  /** In the order in which they are tried; one alone is the only one. */
  transports?: Transport | readonly Transport[] | undefined;
  token?: string | null | undefined;
  /** The id behind which the stream begins; else the server decides. */
  since?: string | null | undefined;
  /** Seconds between two signs of life of the server: 1 to 3600, 15 if not given; 0 for none. */
  heartbeat?: number | undefined;
  /** The most messages that a loop may be behind: 10,000 if not given. Then the connection is closed until the loop has caught up. */
  buffer?: number | undefined;
  /** Ends the stream; its loops throw the reason. */
  signal?: AbortSignal | null | undefined;
  /** All tabs of this origin that read the same with the same token share one connection. */
  shared?: boolean | undefined;
}

export interface DatecastEventMap {
  message: Event & Message;
  notice: Event & Notice;
  gap: Event & Gap;
  resume: Event & Resume;
  source: Event & Source;
  state: Event & State;
}

type Listener<E> = ((this: DatecastStream, event: E) => void) | { handleEvent(event: E): void };

/** It connects once somebody listens or loops, so that nobody misses the beginning. */
export declare class DatecastStream extends EventTarget implements AsyncIterable<Message> {
  private constructor();
  readonly state: State["state"];
  readonly transport: Transport | null;
  /** The newest id, or `null`. */
  readonly last: string | null;
  readonly role: Role;
  /** Why tabs do not share a connection although `shared` was asked for, or `null`. */
  readonly unshared: string | null;
  /** Connects now: ends a wait, and leaves `refused`, perhaps with another token. */
  connect(token?: string | null): void;
  /** No more comes; loops get what they hold, and end. */
  close(): void;
  /** The messages from now on. Leaving the last loop closes the stream, unless `preventCancel` keeps it open. */
  values(options?: { preventCancel?: boolean }): AsyncIterableIterator<Message>;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
  addEventListener<K extends keyof DatecastEventMap>(type: K, listener: Listener<DatecastEventMap[K]> | null, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof DatecastEventMap>(type: K, listener: Listener<DatecastEventMap[K]> | null, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** What a loop throws when the server wants another token; `stream.connect(token)` goes on. */
export declare class DatecastRefused extends Error {
  private constructor();
  readonly status: number | null;
}

/** Opens the stream at `url`: `ws:`, `wss:`, `http:` or `https:`, in a page also relative to it. */
export declare function datecast(url: string | URL, options?: Options): DatecastStream;
export default datecast;

export interface ReadOptions {
  /** The messages after this id; else from the oldest one. A number alone means the present stream. */
  since?: string | number | undefined;
  /** Up to this id; else to the newest one. */
  until?: string | number | undefined;
  token?: string | null | undefined;
  /** The most messages: 10,000 if not given. */
  limit?: number | undefined;
  signal?: AbortSignal | null | undefined;
}

export interface Part {
  readonly messages: readonly { readonly id: string; readonly text: string }[];
  /** What the history no longer has of them, or `null`. */
  readonly gap: Gap | null;
  /** There are more than `limit`: read on since the last id. */
  readonly more: boolean;
}

/** Reads a part of the history, and ends. Fails where the server refuses, with its `status`, or cannot be asked. */
export declare function read(url: string | URL, options?: ReadOptions): Promise<Part>;
