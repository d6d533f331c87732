// Lines that bring their numbers, from two machines that show the same stream: the page and its connection move between them.

import assert from "node:assert/strict";
import { FAILED_CONNECTION, PATIENCE, front, lineTexts, showsLine } from "./common.mjs";
import { Proxy, stop, until } from "./daemons.mjs";
import { TRANSPORTS } from "../../static-server/page/transports.js";

const OLD = "0199a1b2c3d4";
const NEW = "0199a1b2ffff";

/** Two machines, and a proxy that leads to one of them. */
async function machines(binaries, page) {
  const servers = await Promise.all([1, 2].map(() => front(binaries, ["--numbers", "given", "--history", "100"])));
  const proxy = new Proxy(servers[0].port);
  await proxy.open();
  /** Writes lines of these numbers to one machine, or to both. */
  const write = (epoch, numbers, to = servers) => {
    const lines = numbers.map((number) => `${epoch}_${number}\tline ${epoch === OLD ? "" : "anew "}${number}\n`).join("");
    to.forEach(({ child }) => child.stdin.write(lines));
  };
  servers.forEach(({ child }) => child.stdin.write("!caught-up\n"));
  return {
    servers,
    write,
    proxy,
    moveTo: async (index) => {
      await proxy.close();
      await page.waitForFunction(() => window.clients.every(({ state }) => state !== "open"), PATIENCE);
      proxy.target = servers[index].port;
      await proxy.open();
    },
    end: () => Promise.all([...servers.map(({ child }) => stop(child)), proxy.close()]),
  };
}

/** Runs in the page: a client of each kind beside the page's own, which writes down what it hears. */
function listen(kinds) {
  window.heard = {};
  window.clients = kinds.map((kind) => {
    const heard = window.heard[kind] = [];
    return window.datecast("/stream", {
      transports: [kind],
      onmessage: ({ id }) => heard.push(id),
      ongap: ({ missed, stream }) => heard.push(`gap ${missed} ${stream}`),
    });
  });
}

/** Whether a machine has what comes after one id and up to another. */
const has = async ({ port }, since, id) => (await (await fetch(`http://127.0.0.1:${port}/stream?since=${since}&until=${id}`)).text()) !== "";

const allOpen = (page) => page.waitForFunction(() => window.clients.every(({ state }) => state === "open"), PATIENCE);

/** What the connections of all kinds have heard, once the last of it has come to each. */
async function heardBy(page, kinds, last) {
  await page.waitForFunction((wanted) => Object.values(window.heard).every((heard) => heard.at(-1) === wanted), PATIENCE, last)
    .catch(async (error) => { throw new Error(`no ${last}: ${error.message}: ${JSON.stringify(await page.evaluate(() => window.heard))}`); });
  const heard = await page.evaluate(() => window.heard);
  assert.deepEqual(Object.keys(heard), kinds);
  return heard;
}

const lines = (epoch, numbers) => numbers.map((number) => `${epoch}_${number}`);

export async function movesBetweenMachines({ page, check, binaries, console: errors }) {
  const { servers, write, proxy, moveTo, end } = await machines(binaries, page);
  // To own pages alone no server gives JSONP.
  const kinds = Object.keys(TRANSPORTS).filter((kind) => kind !== "jsonp");
  let expected = [];
  const hear = async (...more) => {
    expected = [...expected, ...more];
    const heard = await heardBy(page, kinds, expected.at(-1));
    for (const kind of kinds) {
      assert.deepEqual(heard[kind], expected, kind);
    }
  };
  await check("a stream may begin with number 0, and leave numbers out", async () => {
    await page.goto(`http://127.0.0.1:${proxy.port}/`);
    await page.evaluate(listen, kinds);
    write(OLD, [0]);
    await hear(...lines(OLD, [0]));
    await showsLine(page, "line 0");
    write(OLD, [1, 2, 7]);
    await hear(...lines(OLD, [1, 2, 7]));
  });
  await check("on a machine that is behind a client waits for what it has not, and gets each message once", async () => {
    write(OLD, [8, 9], [servers[0]]);
    await hear(...lines(OLD, [8, 9]));
    await moveTo(1);
    await allOpen(page);
    write(OLD, [8, 9, 10], [servers[1]]);
    await hear(...lines(OLD, [10]));
  });
  await check("on a machine that is ahead it gets what it has not", async () => {
    write(OLD, [10, 11, 12], [servers[0]]);
    await moveTo(0);
    await hear(...lines(OLD, [11, 12]));
  });
  await check("a greater epoch is a new stream on an open connection", async () => {
    write(NEW, [0, 1]);
    await hear("gap null new", ...lines(NEW, [0, 1]));
    await showsLine(page, "New stream");
    await showsLine(page, "line anew 1");
  });
  await check("what has left the history of both machines is told as a gap", async () => {
    await proxy.close();
    const numbers = Array.from({ length: 300 }, (_, index) => index + 2);
    write(NEW, numbers);
    await until(() => has(servers[1], `${NEW}_300`, `${NEW}_301`), () => "the other machine has not got them");
    await moveTo(1);
    await hear("gap 200 same", ...lines(NEW, numbers.slice(200)));
  });
  await check("the page shows each line once", async () => {
    await showsLine(page, "line anew 301");
    assert.equal((await lineTexts(page)).filter((text) => text === "line anew 301").length, 1);
  });
  await check("nothing but the failed connection is on the console", async () => {
    assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text)), []);
  });
  await page.goto("about:blank");
  await end();
}
