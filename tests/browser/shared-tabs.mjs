// Tabs that share one connection: `datecast` with its own page's origin, behind a proxy that counts sockets.

import assert from "node:assert/strict";
import { start, stop, until } from "./daemons.mjs";
import { FaultyProxy } from "./faults.mjs";

const TABS = { chromium: 50, firefox: 10 };

/** Lines of `datecast`, and the tabs that read them through a proxy. */
class Group {
  number = 0;
  tabs = [];
  #browser;
  #server;
  #timer = null;

  static async begin(browser, binary, args = []) {
    const group = new Group();
    group.#browser = browser;
    group.#server = await start(binary, ["--listen", "127.0.0.1:0", ...args], { stdin: "pipe" });
    group.proxy = await new FaultyProxy(group.#server.port).open();
    group.#timer = setInterval(() => group.#server.child.stdin.write(`line ${(group.number += 1)}\n`), 50);
    return group;
  }

  /** An empty page of the server's origin, which loads the module from it. */
  async open(options = {}) {
    const page = await this.#browser.newPage();
    await page.goto(`http://127.0.0.1:${this.proxy.port}/datecast.js`);
    await page.evaluate(read, { transports: "websocket", shared: true, ...options });
    this.tabs.push(page);
    return page;
  }

  /** Forgets a tab, and gives it. */
  take(page) {
    this.tabs = this.tabs.filter((other) => other !== page);
    return page;
  }

  async leader() {
    let found = null;
    await until(async () => {
      const roles = await Promise.all(this.tabs.map((page) => page.evaluate(() => window.stream.role)));
      found = this.tabs[roles.indexOf("leader")] ?? null;
      return found !== null;
    }, () => "no tab leads");
    return found;
  }

  /** Waits until all tabs have a line that is written from now on. */
  async passLine() {
    const least = this.number + 1;
    await Promise.all(this.tabs.map((page) => isAt(page, least)));
  }

  /** What a tab has heard: consecutive lines to the newest, and no gap. */
  async check(page, what) {
    const { numbers, gaps } = await page.evaluate(() => ({ numbers: window.numbers, gaps: window.gaps }));
    const first = numbers.findIndex((number, index) => number !== numbers[0] + index);
    assert.equal(first, -1, `${what}: line ${numbers[first]} behind line ${numbers[first - 1]}`);
    assert.deepEqual(gaps, [], what);
  }

  async hasOneSocket() {
    await until(() => this.proxy.webSockets.size === 1, () => `${this.proxy.webSockets.size} sockets`);
  }

  async end() {
    clearInterval(this.#timer);
    await Promise.all(this.tabs.map((page) => page.close()));
    this.proxy.close();
    await stop(this.#server.child);
  }
}

/** Runs in the page. */
async function read(options) {
  const { datecast } = await import("/datecast.mjs");
  Object.assign(window, { numbers: [], gaps: [], states: [], stream: datecast("/stream", options) });
  window.stream.addEventListener("message", ({ text }) => window.numbers.push(Number(text.slice(5))));
  window.stream.addEventListener("gap", ({ missed, stream, next }) => window.gaps.push({ missed, stream, next, last: window.stream.last }));
  window.stream.addEventListener("state", ({ state, role, reason, unshared }) => window.states.push({ state, role, reason, unshared }));
}

const isAt = (page, number) => until(
  () => page.evaluate((least) => window.numbers.at(-1) >= least, number),
  async () => `line ${number} did not come: ${JSON.stringify(await page.evaluate(() => [window.numbers.at(-1), window.stream.role, window.states.slice(-3)]))}`);

export async function sharesOneSocket({ name, browser, datecast, check }) {
  const group = await Group.begin(browser, datecast);
  await check(`${TABS[name]} tabs have one socket`, async () => {
    for (let count = 0; count < TABS[name]; count += 1) {
      await group.open();
    }
    await group.passLine();
    await group.hasOneSocket();
    // One that was busy for long may have lost its place to another: the busier the machine, the more often.
    assert.ok(group.proxy.webSocketCount <= TABS[name] / 2, `${group.proxy.webSocketCount} sockets, one after the other`);
  });
  await check("leaders close, another takes over each time, and no tab misses or doubles a line", async () => {
    for (let closed = 0; closed < TABS[name] / 5; closed += 1) {
      await group.take(await group.leader()).close();
      await group.passLine();
    }
    await group.hasOneSocket();
    for (const [index, page] of group.tabs.entries()) {
      await group.check(page, `tab ${index}`);
    }
  });
  await check("a newcomer gets what it would have got alone", async () => {
    const page = await group.open();
    await isAt(page, group.number + 1);
    await group.check(page, "newcomer");
    assert.ok((await page.evaluate(() => window.numbers.length)) >= 10, "ten lines from before");
    await group.hasOneSocket();
  });
  await group.end();
}

export async function survivesWhatTabsDo({ name, browser, datecast, check }) {
  const group = await Group.begin(browser, datecast);
  let isKept = false;
  await check("a leader that goes to another page is followed, and if the browser kept it, it comes back without a hole", async () => {
    await Promise.all([group.open(), group.open(), group.open()]);
    await group.passLine();
    const page = group.take(await group.leader());
    await page.goto("about:blank");
    await group.passLine();
    await page.goBack();
    isKept = await page.evaluate(() => window.numbers !== undefined);
    if (isKept) {
      group.tabs.push(page);
      await group.passLine();
    } else {
      await page.close();
    }
    await group.hasOneSocket();
    for (const [index, tab] of group.tabs.entries()) {
      await group.check(tab, `tab ${index}`);
    }
  });
  console.log(`# ${name} ${isKept ? "kept" : "did not keep"} the page in its cache`);
  if (name === "chromium") {
    await check("a leader that is frozen is followed, and goes on behind its last line", async () => {
      const page = group.take(await group.leader());
      const session = await page.createCDPSession();
      await session.send("Page.setWebLifecycleState", { state: "frozen" });
      await group.passLine();
      await session.send("Page.setWebLifecycleState", { state: "active" });
      group.tabs.push(page);
      await group.passLine();
      await group.hasOneSocket();
      for (const [index, tab] of group.tabs.entries()) {
        await group.check(tab, `tab ${index}`);
      }
    });
    await check("a leader that crashes is followed", async () => {
      const page = group.take(await group.leader());
      const session = await page.createCDPSession();
      page.on("error", () => {});
      session.send("Page.crash").catch(() => {});
      await group.passLine();
      await page.close();
    });
  }
  await group.end();
}
