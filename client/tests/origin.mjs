// An origin in a browser, as tabs see it: its locks, its channels, a stream and its polls. Nothing happens by itself: a test says what comes when.

import { Membership } from "../datecast-shared.mjs";
import { FakeLocks, FakeStream } from "./fakes.mjs";

/** What `BroadcastChannel` is here: each channel hears the messages of the others in order, once `deliver` is called. */
class Channels {
  open = new Set();

  get BroadcastChannel() {
    const { open } = this;
    return class {
      waiting = [];

      constructor() {
        open.add(this);
      }

      postMessage(data) {
        [...open].filter((channel) => channel !== this && open.has(this)).forEach((channel) => channel.waiting.push(structuredClone(data)));
      }

      deliver() {
        const data = this.waiting.shift();
        this.onmessage({ data });
      }

      close() {
        open.delete(this);
      }
    };
  }
}

export class Origin {
  server = new FakeStream();
  tabs = [];
  /** The connections that tabs have, open or not. */
  connections = new Set();
  /** Nothing reaches the server; or polls alone do not. */
  isAway = false;
  isDeaf = false;
  #locks = new FakeLocks();
  #channels = new Channels();

  open({ since = null } = {}) {
    const tab = new Tab(this, since, this.#locks, this.#channels);
    this.tabs.push(tab);
    return tab;
  }

  /** The tabs with a connection, the newest at the end. */
  get leaders() {
    return [...this.connections].map(({ tab }) => tab);
  }

  /** The channels of tabs that run, for which something waits. */
  get waiting() {
    return this.tabs.filter((tab) => !tab.isHung && this.#channels.open.has(tab.channel) && tab.channel.waiting.length > 0).map(({ channel }) => channel);
  }

  publish() {
    this.server.publish();
    this.connections.forEach((connection) => connection.read());
  }

  say(event) {
    this.connections.forEach(({ on }) => on.hear(event));
  }

  /** A crash: the next stream has a later epoch. */
  restart() {
    this.server.epoch = (Number.parseInt(this.server.epoch, 16) + 1).toString(16).padStart(12, "0");
    this.server.texts = [];
    this.cut();
  }

  cut() {
    this.connections.forEach((connection) => connection.cut());
  }

  goOn() {
    this.connections.forEach((connection) => connection.connect());
  }

  tick() {
    this.tabs.forEach((tab) => tab.run(tab.tick));
  }

  async passTicks(count) {
    for (let passed = 0; passed < count; passed += 1) {
      this.tick();
      await this.settle();
    }
  }

  turn() {
    return new Promise((done) => { setImmediate(done); });
  }

  /** Everything that is on its way arrives. */
  async settle({ reconnects = true } = {}) {
    for (let still = 0; still < 5;) {
      await this.turn();
      if (reconnects) {
        this.goOn();
      }
      const { waiting } = this;
      waiting.forEach((channel) => channel.waiting.length > 0 && channel.deliver());
      still = waiting.length === 0 ? still + 1 : 0;
    }
  }

  end() {
    this.tabs.forEach((tab) => tab.close());
  }

  async poll(since, signal) {
    await this.turn();
    signal.throwIfAborted();
    if (this.isAway || this.isDeaf) {
      throw new Error("away");
    }
    const events = this.server.after(since);
    const newest = this.server.texts.length;
    return { events, last: newest === 0 ? null : this.server.idOf(newest) };
  }
}

/** A tab that reads the stream, and what it has heard. */
class Tab {
  seen = [];
  gaps = [];
  sources = [];
  states = [];
  isGone = false;
  isHung = false;
  #isCrashed = false;
  #later = [];
  #locks;
  #origin;
  #channels;

  constructor(origin, since, locks, channels) {
    this.since = since;
    this.#origin = origin;
    this.#channels = channels;
    this.#locks = locks.of((callback) => this.run(callback));
    const real = [globalThis.BroadcastChannel, globalThis.setInterval];
    globalThis.BroadcastChannel = channels.BroadcastChannel;
    globalThis.setInterval = (callback) => { this.tick = callback; };
    this.membership = new Membership({
      name: "stream", since, wait: 0, locks: this.#locks,
      lead: (from, on) => new Connection(origin, this, from, on),
      ask: (from, signal) => origin.poll(from, signal),
      hear: (event) => this.#hear(event),
      tell: (state) => this.states.push(state),
    });
    this.channel = [...channels.open].at(-1);
    [globalThis.BroadcastChannel, globalThis.setInterval] = real;
  }

  #hear(event) {
    if (event.kind === "message") {
      this.seen.push(event.id);
    } else if (event.kind === "gap") {
      this.gaps.push({ ...event, behind: this.seen.at(-1) ?? this.since });
    } else if (event.kind === "source") {
      this.sources.push(event);
    }
  }

  /** Calls back now, or once the tab runs again. */
  run(callback) {
    if (this.isHung) {
      this.#later.push(callback);
    } else if (!this.#isCrashed) {
      callback();
    }
  }

  close() {
    if (!this.isGone) {
      this.thaw();
      this.membership.close();
      this.isGone = true;
    }
  }

  crash() {
    this.isGone = true;
    this.#isCrashed = true;
    this.#channels.open.delete(this.channel);
    this.#origin.connections.forEach((connection) => connection.tab === this && this.#origin.connections.delete(connection));
    this.#locks.vanish();
  }

  hang() {
    this.isHung = true;
  }

  thaw() {
    if (this.isHung) {
      this.isHung = false;
      this.#later.splice(0).forEach((callback) => this.run(callback));
      this.#origin.connections.forEach((connection) => connection.tab === this && connection.read());
    }
  }
}

/** A connection of a tab: it reads while the tab runs. */
class Connection {
  #origin;
  #last;
  #isBegun = false;
  #at = null;

  constructor(origin, tab, since, on) {
    this.#origin = origin;
    this.tab = tab;
    this.on = on;
    this.#last = since;
    origin.connections.add(this);
    // As datecast.js, which leaves its caller the time to keep what it returns.
    setImmediate(() => origin.connections.has(this) && tab.run(() => {
      this.#isBegun = true;
      on.tell({ state: "connecting", transport: "websocket", reason: "" });
    }));
  }

  connect() {
    if (this.#isBegun && this.#at === null && !this.#origin.isAway && !this.tab.isHung && this.#origin.connections.has(this)) {
      this.on.tell({ state: "open", transport: "websocket", reason: "" });
      this.#hear(this.#last);
    }
  }

  read() {
    if (this.#at !== null) {
      this.#hear(this.#at);
    }
  }

  /** Hears what is behind `since`, as long as its tab has it. */
  #hear(since) {
    const { server, connections } = this.#origin;
    if (this.tab.isHung) {
      return;
    }
    this.#at = server.idOf(server.texts.length);
    for (const event of server.after(since)) {
      if (!connections.has(this)) {
        return;
      }
      this.#last = event.id ?? this.#last;
      this.on.hear(event);
    }
  }

  cut() {
    this.#at = null;
    this.tab.run(() => this.#origin.connections.has(this) && this.on.tell({ state: "waiting", transport: "websocket", reason: "cut" }));
  }

  close() {
    this.#origin.connections.delete(this);
    this.on.tell({ state: "closed", transport: "websocket", reason: "" });
  }
}
