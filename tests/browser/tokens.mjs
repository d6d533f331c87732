// A stream that needs a token: the page asks for it, remembers it for the tab, and shows it to nobody.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TRANSPORTS } from "../../static-server/page/transports.js";
import { inBothSchemes } from "./browsers.mjs";
import { FAILED_CONNECTION, PATIENCE, front, lineTexts, pageServer, showsLine, stateIs, streamServer, titleIs } from "./common.mjs";
import { stop } from "./daemons.mjs";
import { WAYS, oldPage } from "./plain.mjs";
import { Recorder } from "./recorder.mjs";

const TOKEN = "5d1f0c+e/8b~a.4-7_SECRET==";
const OTHER = "another0SECRET0another0SECRET";

const asks = (page, words) => page.waitForFunction((wanted) => {
  const form = document.getElementById("token-form");
  return form.checkVisibility() && document.getElementById("token-title").textContent === wanted && document.body.dataset.state === "refused";
}, PATIENCE, words);
const NEEDED = "This stream needs a token";
const WRONG = "This token is not valid";
const REVOKED = "The token is no longer valid";

const focused = (page) => page.evaluate(() => document.activeElement.id);
/** Whatever the tab remembers, as text. */
const remembered = (page) => page.evaluate(() => JSON.stringify(Object.entries(sessionStorage)));

async function enter(page, token) {
  await page.focus("#token");
  await page.$eval("#token", (field) => field.select());
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
}

/** What failed attempts show, and nothing else. */
function onlyFailedConnections(errors) {
  assert.deepEqual(errors.filter((text) => !FAILED_CONNECTION.test(text) && !/\b401\b/.test(text)), []);
}

/** A file with one token, which is another one after a reload. */
class TokenFile {
  #folder = mkdtempSync(join(tmpdir(), "datecast-token-"));
  name = join(this.#folder, "readers");

  constructor() {
    this.write(TOKEN);
  }

  write(token) {
    writeFileSync(this.name, `# of a test\nreader ${token}\n`, { mode: 0o600 });
  }

  /** From now on `token` is the only one; resolves once the daemon says so. */
  async replace(token, { child, port }, path) {
    this.write(token);
    child.kill("SIGHUP");
    const headers = { Authorization: `Bearer ${token}` };
    for (const deadline = Date.now() + PATIENCE.timeout; Date.now() < deadline;) {
      const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { method: "HEAD", headers });
      if (status === 200) {
        return;
      }
      await new Promise((done) => { setTimeout(done, 20); });
    }
    throw new Error("the reload has not changed the token");
  }

  remove() {
    rmSync(this.#folder, { recursive: true });
  }
}

const numbered = (count) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");

/** `datecast` with numbered lines behind a recorder; without `isOpen` it wants `TOKEN`, until `replace` says another one. */
async function recordedFront(binaries, count, { isOpen = false } = {}) {
  const file = new TokenFile();
  const server = await front(binaries, ["--history", "10000", ...(isOpen ? [] : ["--token-file", file.name])]);
  server.child.stdin.on("error", () => {});
  server.child.stdin.write(numbered(count));
  const site = new Recorder(server.port);
  await site.open();
  const end = async () => {
    site.close();
    await stop(server.child);
    file.remove();
  };
  return { server, site, url: `http://127.0.0.1:${site.port}/`, replace: (token) => file.replace(token, server, "/stream"), end };
}

/** The token stands in no element, no attribute, and no address of the page. */
async function showsNoToken(page) {
  const all = await page.evaluate(() => [location.href, document.documentElement.outerHTML, document.title,
    ...[...document.querySelectorAll("input")].map(({ value }) => value), ...[...document.querySelectorAll("[href]")].map(({ href }) => href)].join("\n"));
  for (const spelt of [TOKEN, encodeURIComponent(TOKEN), "SECRET"]) {
    assert.ok(!all.includes(spelt), `the page shows ${spelt}`);
  }
}

/** A request holds the token where it belongs, and nowhere else. */
function sendsTokenInItsPlaceOnly({ requests }) {
  assert.ok(requests.length > 3, "hardly a request");
  for (const { method, url, headers } of requests) {
    assert.equal(headers.referer, undefined, `${method} ${url}`);
    const others = Object.entries(headers).filter(([name]) => name !== "authorization");
    assert.ok(!JSON.stringify(others).includes("SECRET"), `${method} ${url}: ${JSON.stringify(others)}`);
    const isSocket = headers.upgrade !== undefined;
    const isEventSource = (headers.accept ?? "").includes("text/event-stream") && headers.authorization === undefined;
    assert.ok(!url.includes("SECRET") || (url.startsWith("/stream") && (isSocket || isEventSource)), `${method} ${url}`);
  }
}

export async function asksForAToken({ browser, page, check, binaries, console: errors }) {
  const { server, site, url, replace, end } = await recordedFront(binaries, 5000);
  await check("a stream that needs a token: the page asks for it", async () => {
    await page.setViewport({ width: 1280, height: 860 });
    await page.goto(url);
    await asks(page, NEEDED);
    await titleIs(page, /^datecast · token needed$/);
    assert.equal(await page.$eval("#waiting", (element) => element.checkVisibility()), false);
    assert.equal(await page.$eval("#retry", (element) => element.checkVisibility()), false);
    assert.equal(await page.$eval("#announce", (element) => element.textContent), `${NEEDED}.`);
    assert.equal(await focused(page), "token");
    const [type, autocomplete, label] = await page.$eval("#token", (field) => [field.type, field.autocomplete, field.labels[0].textContent]);
    assert.deepEqual([type, autocomplete, label], ["password", "off", "Token"]);
  });
  await check("while it asks, it tries nothing", async () => {
    const before = site.streams;
    assert.equal(before, 2, `${before} requests: an attempt, and the question why it failed`);
    await new Promise((done) => { setTimeout(done, 3_000); });
    assert.equal(site.streams, before);
  });
  await check("a wrong token: it says so, and the field keeps the focus", async () => {
    await enter(page, OTHER);
    await asks(page, WRONG);
    assert.equal(await focused(page), "token");
    assert.equal(await page.$eval("#token", (field) => field.ariaInvalid ?? field.getAttribute("aria-invalid")), "true");
    assert.equal(await remembered(page), "[]");
  });
  await check("what can be no token is not sent", async () => {
    const before = site.requests.length;
    await enter(page, "with a blank");
    await asks(page, WRONG);
    assert.equal(site.requests.length, before);
  });
  await check("the right one brings the lines", async () => {
    await enter(page, TOKEN);
    await showsLine(page, "line 5000");
    assert.equal(await page.$eval("#token-form", (element) => element.hidden), true);
    await titleIs(page, /^datecast · live$/);
    await showsNoToken(page);
  });
  await check("a reload of the page keeps it", async () => {
    const before = site.requests.length;
    await page.reload();
    await showsLine(page, "line 5000");
    assert.deepEqual(site.requests.slice(before).filter(({ method }) => method === "HEAD"), []);
  });
  await check("another tab asks again", async () => {
    const tab = await browser.newPage();
    await tab.goto(url);
    await asks(tab, NEEDED);
    await tab.close();
  });
  await check("older lines come with it", async () => {
    await page.goto(`${url}#L1234`);
    await page.reload();
    await showsLine(page, "line 1234");
    const reads = site.requests.filter(({ headers }) => headers.authorization === `Bearer ${TOKEN}`);
    assert.ok(reads.some(({ url: target }) => target.includes("until=")), "no bounded read");
  });
  await check("what is downloaded is what is shown", async () => {
    await page.evaluate(() => { URL.createObjectURL = (blob) => { window.downloaded = blob.text(); return "about:blank#"; }; HTMLAnchorElement.prototype.click = () => {}; });
    await page.click('[data-action="download"]');
    await page.waitForFunction(() => window.downloaded !== undefined, PATIENCE);
    assert.match(await page.evaluate(() => window.downloaded), /(^|\n)line 1234\n/);
  });
  await check("the commands have a place for a token", async () => {
    await page.click("#more-button");
    const text = (id) => page.$eval(id, (element) => element.textContent);
    assert.equal(await text("#howto-curl"), `curl -N -H 'Authorization: Bearer TOKEN' ${url}stream`);
    assert.match(await text("#howto-nc"), /\\r\\nAuthorization: Bearer TOKEN\\r\\n\\r\\n'/);
    assert.match(await text("#howto-script"), /\/stream\?token=TOKEN"/);
    await showsNoToken(page);
  });
  await check("it can be forgotten", async () => {
    await page.goto(url);
    await showsLine(page, "line 5000");
    await page.click("#more-button");
    await page.click("#forget");
    await asks(page, NEEDED);
    assert.equal(await remembered(page), "[]");
    assert.deepEqual(await lineTexts(page), []);
  });
  await check("a token that is revoked meanwhile is asked for anew, and the lines stay", async () => {
    await page.goto(`${url}#token=${TOKEN}`);
    await showsLine(page, "line 5000");
    const before = site.attempts;
    await replace(OTHER);
    await asks(page, REVOKED);
    assert.equal(site.attempts, before, "it was told, and has asked all the same");
    await showsLine(page, REVOKED);
    assert.ok((await lineTexts(page)).includes("line 5000"), "the lines are gone");
    assert.equal(await page.$eval("#announce", (element) => element.textContent), `${REVOKED}.`);
    await titleIs(page, /^datecast · token needed$/);
    assert.equal(await remembered(page), "[]");
  });
  await check("with a new one it goes on where it was", async () => {
    server.child.stdin.write("line 5001\n");
    await enter(page, OTHER);
    await showsLine(page, "line 5001");
    await showsLine(page, "none was missed");
    assert.equal((await lineTexts(page)).filter((text) => text === "line 5000").length, 1);
  });
  await check("a stored token that is refused after a reload is said to be no longer valid", async () => {
    await page.goto("about:blank");
    await replace(TOKEN);
    await page.goto(url);
    await asks(page, REVOKED);
  });
  await check("no request holds a token where it does not belong, nor a referrer", async () => sendsTokenInItsPlaceOnly(site));
  await check("nothing but what failed attempts show is on the console", async () => onlyFailedConnections(errors));
  await page.goto("about:blank");
  await end();
}

export async function takesATokenFromALink({ browser, check, binaries }) {
  const { site, url, end } = await recordedFront(binaries, 5000);
  const literal = TOKEN.replace("=", "%3D");
  const LINKS = [
    [`#token=${TOKEN}`, ""], [`#token=${literal}&L1234`, "#L1234"], [`#L1234&token=${encodeURIComponent(TOKEN)}`, "#L1234"],
    [`?token=${encodeURIComponent(TOKEN)}`, ""], [`?view=lines&token=${encodeURIComponent(TOKEN)}#L1234`, "?view=lines#L1234"], [`?%74oken=nonsense%20#token=${TOKEN}`, ""],
  ];
  for (const [link, rest] of LINKS) {
    await check(`a link may bring the token: ${link.replaceAll(/=[^&#]*SECRET[^&#]*/g, "=…")}`, async () => {
      const tab = await browser.newPage();
      await tab.goto(url + link);
      await showsLine(tab, rest.includes("#L") ? "line 1234" : "line 5000");
      assert.equal(await tab.evaluate(() => location.href), url + rest);
      await showsNoToken(tab);
      await tab.reload();
      await showsLine(tab, rest.includes("#L") ? "line 1234" : "line 5000");
      if (rest.includes("#L")) {
        await tab.waitForFunction(() => document.querySelector(".lines-rows .target .text")?.textContent === "line 1234", PATIENCE);
      }
      await tab.close();
    });
  }
  await check("a link may bring it to a page that asks already", async () => {
    const tab = await browser.newPage();
    await tab.goto(url);
    await asks(tab, NEEDED);
    await tab.evaluate((hash) => { location.hash = hash; }, `token=${TOKEN}&L1234`);
    await showsLine(tab, "line 1234");
    assert.equal(await tab.evaluate(() => location.href), `${url}#L1234`);
    await tab.close();
  });
  await check("a wrong one is said to be wrong", async () => {
    const tab = await browser.newPage();
    await tab.goto(`${url}#token=${OTHER}`);
    await asks(tab, WRONG);
    assert.equal(await tab.evaluate(() => location.href), url);
    await tab.close();
  });
  await check("no request holds the token where it does not belong, nor a referrer", async () => {
    // What a link has in its query was sent by the browser itself.
    site.requests = site.requests.filter(({ url: target, headers }) => !(target.startsWith("/?") && headers["sec-fetch-dest"] === "document"));
    sendsTokenInItsPlaceOnly(site);
  });
  await end();
}

/** Browsers ask for an icon beside whatever they show. */
export async function sendsNoReferrer({ browser, check, binaries }) {
  const { site, url, end } = await recordedFront(binaries, 10);
  for (const [what, token, status] of [["the stream as text", TOKEN, 200], ["its refusal", OTHER, 401]]) {
    await check(`${what}, opened by an address with a token, tells it to nobody`, async () => {
      const before = site.requests.length;
      const tab = await browser.newPage();
      // A stream has no end.
      const answer = tab.waitForResponse((response) => response.url().includes("/stream"));
      tab.goto(`${url}stream?token=${encodeURIComponent(token)}`).catch(() => {});
      assert.equal((await answer).status(), status);
      await new Promise((done) => { setTimeout(done, 1_500); });
      assert.deepEqual(site.requests.slice(before).map(({ headers }) => headers.referer).filter((referer) => referer !== undefined), []);
      await tab.close();
    });
  }
  await end();
}

const refuseStorage = (tab) => tab.evaluateOnNewDocument(() => {
  Object.defineProperty(window, "sessionStorage", { get: () => { throw new DOMException("The operation is insecure.", "SecurityError"); } });
});

export async function remembersWithoutStorage({ browser, check, binaries }) {
  const { url, replace, end } = await recordedFront(binaries, 5000);
  await check("where the browser keeps nothing, the page remembers the token until it is left", async () => {
    const tab = await browser.newPage();
    await refuseStorage(tab);
    await tab.goto(`${url}#token=${TOKEN}`);
    await showsLine(tab, "line 5000");
    await tab.reload();
    await asks(tab, NEEDED);
    await enter(tab, TOKEN);
    await showsLine(tab, "line 5000");
    await tab.close();
  });
  await check("a cookie of the site is enough: nothing is asked until it is revoked", async () => {
    const tab = await browser.newPage();
    await tab.goto(`${url}favicon.svg`);
    await tab.evaluate((token) => { document.cookie = `datecast_token=${token}`; }, TOKEN);
    await tab.goto(`${url}#L1234`);
    await showsLine(tab, "line 1234");
    assert.equal(await tab.$eval("#token-form", (element) => element.hidden), true);
    await replace(OTHER);
    await asks(tab, REVOKED);
    await tab.evaluate(() => { document.cookie = "datecast_token=; max-age=0"; });
    await tab.close();
  });
  await end();
}

export async function tokensAcrossOrigins({ browser, check, binaries }) {
  const file = new TokenFile();
  const ws = await streamServer(binaries, ["--source", "-", "--history", "10000", "--token-file", file.name], { stdin: "pipe" });
  ws.child.stdin.write(numbered(5000));
  const site = await pageServer(binaries, ws.port);
  for (const [via, name] of Object.entries(TRANSPORTS)) {
    await check(`a stream of another origin that needs a token, by ${name}`, async () => {
      const tab = await browser.newPage();
      // A JSONP request is a script that comes in its own time.
      await tab.goto(`http://127.0.0.1:${site.port}/?via=${via}#L1234`, { waitUntil: "domcontentloaded" });
      await asks(tab, NEEDED);
      await enter(tab, OTHER);
      await asks(tab, WRONG);
      await enter(tab, TOKEN);
      await showsLine(tab, "line 1234");
      if (via !== "jsonp") {
        await showsNoToken(tab);
      }
      await file.replace(OTHER, ws, "/");
      await asks(tab, REVOKED);
      await enter(tab, OTHER);
      await stateIs(tab, "live");
      await tab.close();
      await file.replace(TOKEN, ws, "/");
    });
  }
  await check("two streams of one origin have a token each", async () => {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${site.port}/#token=${TOKEN}`);
    await showsLine(tab, "line 5000");
    assert.deepEqual(JSON.parse(await remembered(tab)), [[`datecast-token http://127.0.0.1:${ws.port}/`, TOKEN]]);
    await tab.close();
  });
  await Promise.all([stop(ws.child), stop(site.child)]);
  file.remove();
}

/** A proxy that asks for the token itself, and knows no word for a reader whose token is revoked. */
export async function asksBehindAProxy({ browser, check, binaries }) {
  const { server, site, url, end } = await recordedFront(binaries, 100, { isOpen: true });
  for (const via of ["websocket", "sse"]) {
    await check(`a server that only breaks the connection of a revoked token: by ${via}`, async () => {
      site.tokens = new Set([TOKEN]);
      const tab = await browser.newPage();
      await tab.goto(`${url}?via=${via}`);
      await asks(tab, NEEDED);
      await enter(tab, TOKEN);
      await showsLine(tab, "line 100");
      site.tokens = new Set([OTHER]);
      site.cut();
      await asks(tab, REVOKED);
      const before = site.attempts;
      await new Promise((done) => { setTimeout(done, 2_000); });
      assert.equal(site.attempts, before);
      server.child.stdin.write(`after ${via}\n`);
      await enter(tab, OTHER);
      await showsLine(tab, `after ${via}`);
      await tab.close();
    });
  }
  await end();
}

export async function asksNothingWithoutNeed({ page, check, binaries, console: errors }) {
  const { server, site, url, end } = await recordedFront(binaries, 100, { isOpen: true });
  await check("where no token is needed, nothing asks for one: not a request more", async () => {
    await page.goto(url);
    await showsLine(page, "line 100");
    const asked = site.requests.filter(({ url: target }) => site.guarded.test(target) && !target.includes("until="));
    assert.deepEqual(asked.map(({ method, url: target }) => [method, target]), [["GET", "/stream?ids=1&heartbeat=15"]]);
    assert.equal(await page.$eval("#token-form", (element) => element.hidden), true);
    await page.click("#more-button");
    assert.equal(await page.$eval("#howto-curl", (element) => element.textContent), `curl -N ${url}stream`);
    assert.equal(await page.$eval("#forget", (element) => element.checkVisibility()), false);
    assert.deepEqual(errors, []);
  });
  await check("a server that is away is waited for, without a question for a token", async () => {
    await stop(server.child);
    await stateIs(page, "lost");
    await page.waitForFunction(() => /trying again in/.test(document.getElementById("detail").textContent), PATIENCE);
    assert.equal(await page.$eval("#token-form", (element) => element.hidden), true);
  });
  await page.goto("about:blank");
  await end();
}

export async function plainListAsks({ browser, check, binaries }) {
  const { site, url, replace, end } = await recordedFront(binaries, 50);
  const question = (tab, words) => tab.waitForFunction((wanted) => {
    const form = document.querySelector("form");
    return form !== null && form.style.display === "" && form.firstElementChild.textContent === wanted;
  }, PATIENCE, words);
  const shows = (tab, text) => tab.waitForFunction((wanted) => document.querySelector(".plain-lines").textContent.includes(wanted), PATIENCE, text);
  const answer = async (tab, token) => {
    await tab.$eval("input", (field) => { field.focus(); field.select(); });
    await tab.keyboard.type(token);
    await tab.keyboard.press("Enter");
  };
  await check("the plain list remembers a token without a storage, too", async () => {
    const tab = await oldPage(browser);
    await refuseStorage(tab);
    await tab.goto(url);
    await question(tab, NEEDED);
    await answer(tab, TOKEN);
    await shows(tab, "line 50");
    await tab.close();
  });
  // To own pages alone no server gives JSONP.
  for (const [way, gone] of WAYS.filter(([name]) => name !== "JSONP")) {
    await check(`the plain list asks for a token, too: by ${way}`, async () => {
      await replace(TOKEN);
      const tab = await oldPage(browser, gone);
      await tab.goto(url);
      await question(tab, NEEDED);
      assert.match(await tab.title(), /· token needed$/);
      const before = site.streams;
      await new Promise((done) => { setTimeout(done, 2_000); });
      assert.equal(site.streams, before);
      await answer(tab, OTHER);
      await question(tab, WRONG);
      assert.equal(await tab.evaluate(() => document.activeElement.type), "password");
      await answer(tab, TOKEN);
      await shows(tab, "line 50");
      await showsNoToken(tab);
      await tab.reload();
      await shows(tab, "line 50");
      await replace(OTHER);
      await question(tab, REVOKED);
      await tab.goto("about:blank");
      await tab.goto(`${url}?token=${OTHER}`);
      await shows(tab, "line 50");
      assert.equal(await tab.evaluate(() => location.href), url);
      await tab.$$eval("button", (all) => all.find(({ textContent }) => textContent === "Forget the token").click());
      await question(tab, NEEDED);
      await tab.goto("about:blank");
      await tab.goto(`${url}#token=${OTHER}&L3`);
      await shows(tab, "line 50");
      assert.equal(await tab.evaluate(() => location.href), `${url}#L3`);
      await tab.close();
    });
  }
  await end();
}

export async function takesARushWithAToken({ page, check, binaries }) {
  const { server, site, url, replace, end } = await recordedFront(binaries, 10);
  let number = 10;
  const timer = setInterval(() => server.child.stdin.write(Array.from({ length: 20 }, () => `line ${number += 1}\n`).join("")), 10);
  await check("in a rush of lines the thread's socket has the token, too", async () => {
    await page.goto(`${url}#token=${TOKEN}`);
    for (const deadline = Date.now() + PATIENCE.timeout; site.requests.filter(({ headers }) => headers.upgrade !== undefined).length < 2 && Date.now() < deadline;) {
      await new Promise((done) => { setTimeout(done, 100); });
    }
    clearInterval(timer);
    await showsLine(page, `line ${number}`);
    const sockets = site.requests.filter(({ headers }) => headers.upgrade !== undefined);
    assert.equal(sockets.length, 2);
    assert.ok(sockets.every(({ url: target }) => new URL(target, url).searchParams.get("token") === TOKEN));
  });
  await check("and hears when the token is no longer valid", async () => {
    await replace(OTHER);
    await asks(page, REVOKED);
  });
  clearInterval(timer);
  await page.goto("about:blank");
  await end();
}

const SIZES = [[360, 780], [1280, 860], [1920, 1080], [3840, 2160]];

export async function tokenFormLooksRight({ name, browser, check, binaries }) {
  const { url, replace, end } = await recordedFront(binaries, 200);
  await inBothSchemes({ name, browser }, async (page, scheme) => {
    for (const view of ["waiting", "lines"]) {
      await replace(TOKEN);
      await page.goto("about:blank");
      await page.goto(`${url}${view === "lines" ? `#token=${TOKEN}` : ""}`);
      if (view === "lines") {
        await showsLine(page, "line 200");
        await replace(OTHER);
      }
      await asks(page, view === "lines" ? REVOKED : NEEDED);
      for (const [width, height] of SIZES) {
        await check(`the question for a token fits ${width} px, ${scheme}, ${view}`, async () => {
          await page.setViewport({ width, height });
          await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
          await page.screenshot({ path: join(binaries.screenshots, `${name}-token-${view}-${width}-${scheme}.png`) });
          const { overflows, boxes } = await page.evaluate(() => ({
            overflows: document.documentElement.scrollWidth > innerWidth,
            boxes: ["#token-form", "#token-title", "#token", "#token-form button", "#token-note"].map((selector) => document.querySelector(selector).getBoundingClientRect().toJSON()),
          }));
          assert.ok(!overflows, "wider than the screen");
          const [form, ...parts] = boxes;
          assert.ok(form.left >= 0 && form.right <= width && form.bottom <= height, JSON.stringify(form));
          assert.ok(parts.every(({ left, right, top, bottom }) => left >= form.left && right <= form.right && top >= form.top && bottom <= form.bottom), JSON.stringify(boxes));
          assert.ok(boxes[2].height >= 36 && boxes[2].width >= 150 && boxes[3].height >= 36, "too small for a finger");
        });
      }
      await page.setViewport({ width: 1280, height: 860 });
    }
  });
  await end();
}
