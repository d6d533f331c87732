// One interface to engines of five kinds: `begin(url)`, then `look()` as often as one likes: `{ title, text }` of what it shows, or null
// as long as it shows nothing; `snap(path)` keeps a picture or a dump; `isOver()` says whether it has ended by itself.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { freePort } from "../browser/ports.mjs";
import { begin, end, isOver, until } from "./processes.mjs";

const run = promisify(execFile);
const PATIENCE = 120;

/** Displays that nobody uses now. They are kept to the end: a server that ends can take the socket of the next one of its number with it. */
const idle = [];

async function openDisplay(home) {
  const server = begin(["Xvfb", "-displayfd", "1", "-screen", "0", "800x480x24", "-nolisten", "tcp"], { home });
  const ended = once(server, "exit").then(() => { throw new Error("Xvfb has ended"); });
  const [number] = await Promise.race([once(server.stdout.setEncoding("utf8"), "data"), ended]);
  ended.catch(() => {});
  return { server, env: { DISPLAY: `:${number.trim()}` } };
}

/** A display that no other engine has at the time. */
class Display {
  #mine = null;

  async begin(home) {
    this.#mine = idle.pop() ?? await openDisplay(home);
  }

  get env() {
    return this.#mine.env;
  }

  /** The picture of the part that `crop` names, as bytes of colours. */
  async pixels(crop) {
    const { stdout } = await run("import", ["-silent", "-window", "root", "-crop", crop, "-depth", "8", "rgb:-"], { env: { ...process.env, ...this.env }, encoding: "buffer", maxBuffer: 1 << 24, timeout: 20_000 });
    return stdout;
  }

  async snap(path) {
    await run("import", ["-silent", "-window", "root", path], { env: { ...process.env, ...this.env }, timeout: 20_000 });
  }

  end() {
    if (this.#mine !== null && !isOver(this.#mine.server)) {
      idle.push(this.#mine);
    }
    this.#mine = null;
  }
}

/** A program of `starters/`, which prints a line of JSON every second. */
export class Starter {
  shown = null;
  said = [];

  constructor(command, { env = {}, display = false } = {}) {
    Object.assign(this, { command, env, display: display ? new Display() : null });
  }

  async begin(url, home) {
    await this.display?.begin(home);
    this.picture = `${home}/picture.png`;
    rmSync(`${this.picture}.wanted`, { force: true });
    this.child = begin([...this.command, url, this.picture], { home, env: { ...this.env, ...this.display?.env } });
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#take(line));
  }

  #take(line) {
    let what = null;
    try {
      what = JSON.parse(line);
    } catch {
      what = { console: line };
    }
    if (typeof what.text === "string") {
      this.shown = what;
    } else {
      this.said.push(line);
    }
  }

  isOver() {
    return isOver(this.child);
  }

  async look() {
    return this.shown;
  }

  async snap(path) {
    writeFileSync(`${this.picture}.wanted`, "");
    await until(() => this.isOver(), PATIENCE, "no picture was saved");
    renameSync(this.picture, path);
  }

  async end() {
    await end(this.child);
    this.display?.end();
  }
}

/** HtmlUnit, a browser without a window that plays old ones, through the WebDriver server that comes with it. */
export class HtmlUnit {
  constructor(jar, browser) {
    Object.assign(this, { jar, browser, said: [] });
  }

  async begin(url, home) {
    const port = await freePort();
    this.hub = `http://127.0.0.1:${port}/wd/hub/session`;
    this.child = begin(["java", "-Djava.net.preferIPv4Stack=true", "-XX:TieredStopAtLevel=1", "-jar", this.jar, "-port", `${port}`], { home, stdout: "ignore" });
    const wish = { browserName: "htmlunit", version: this.browser, javascriptEnabled: true };
    const { sessionId } = await until(() => this.isOver() || this.#post("", { desiredCapabilities: wish }).catch(() => null), PATIENCE, "HtmlUnit has not started");
    this.session = `/${sessionId}`;
    this.loading = this.#post(`${this.session}/url`, { url }).catch((error) => this.said.push(error.message));
  }

  async #post(path, body) {
    const answer = await fetch(this.hub + path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(PATIENCE * 1000) });
    return answer.json();
  }

  isOver() {
    return isOver(this.child);
  }

  async look() {
    await this.loading;
    const script = "return [document.title, document.body ? document.body.innerText : '']";
    const { value } = await this.#post(`${this.session}/execute`, { script, args: [] });
    return Array.isArray(value) ? { title: value[0], text: value[1] } : null;
  }

  async snap(path) {
    const { title, text } = await this.look();
    writeFileSync(path, `${title}\n\n${text.replaceAll("\r", "")}\n`);
  }

  async end() {
    await end(this.child);
  }
}

/** A headless Chromium, by the protocol of its developer tools. */
export class DevTools {
  #number = 0;
  #answers = new Map();

  constructor(command, WebSocket) {
    Object.assign(this, { command, WebSocket, said: [] });
  }

  async begin(url, home) {
    this.child = begin([...this.command, "--remote-debugging-port=0", `--user-data-dir=${home}`, "--window-size=800,480", url], { home, stdout: "ignore" });
    const port = await until(() => existsSync(`${home}/DevToolsActivePort`) && /^\d+(?=\n)/.exec(readFileSync(`${home}/DevToolsActivePort`, "utf8"))?.[0], PATIENCE, "no port of the developer tools");
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    this.socket = new this.WebSocket(targets.find(({ type }) => type === "page").webSocketDebuggerUrl);
    this.socket.on("error", () => {}).on("message", (data) => {
      const { id, result } = JSON.parse(data);
      this.#answers.get(id)?.(result);
      this.#answers.delete(id);
    });
    await once(this.socket, "open");
  }

  #ask(method, params = {}) {
    return new Promise((answer) => {
      this.#number += 1;
      this.#answers.set(this.#number, answer);
      this.socket.send(JSON.stringify({ id: this.#number, method, params }));
    });
  }

  isOver() {
    return isOver(this.child);
  }

  async look() {
    const expression = "({ title: document.title, text: document.body ? document.body.innerText : '' })";
    const { result } = await this.#ask("Runtime.evaluate", { expression, returnByValue: true });
    return result.value ?? null;
  }

  async snap(path) {
    const { data } = await this.#ask("Page.captureScreenshot");
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  async end() {
    this.socket?.close();
    await end(this.child);
  }
}

/** A browser of which we see only its window. Its text is how often what the window shows has changed. */
export class Window {
  #before = null;
  changes = 0;
  said = [];

  constructor(command, { crop, settings = {} }) {
    Object.assign(this, { command, crop, settings, display: new Display() });
  }

  async begin(url, home) {
    await this.display.begin(home);
    for (const [path, text] of Object.entries(this.settings)) {
      mkdirSync(`${home}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      writeFileSync(`${home}/${path}`, text);
    }
    // Before it: what draws quicker than we look has changed all the same.
    this.#before = await this.display.pixels(this.crop);
    this.child = begin([...this.command, url], { home, env: this.display.env, stdout: "ignore" });
  }

  isOver() {
    return isOver(this.child);
  }

  async look() {
    const pixels = await this.display.pixels(this.crop);
    this.changes += pixels.equals(this.#before) ? 0 : 1;
    this.#before = pixels;
    return { title: "", text: "", changes: this.changes };
  }

  snap(path) {
    return this.display.snap(path);
  }

  async end() {
    await end(this.child);
    this.display.end();
  }
}

/** A browser in a terminal of 80 columns, of which we see the characters. */
export class Terminal {
  said = [];

  constructor(command, { settings = {} } = {}) {
    Object.assign(this, { command, settings });
  }

  async begin(url, home) {
    this.home = home;
    for (const [path, text] of Object.entries(this.settings)) {
      mkdirSync(`${home}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      writeFileSync(`${home}/${path}`, text);
    }
    const shell = [...this.command, url].map((word) => `'${word}'`).join(" ");
    // In the foreground, so that it belongs to our process group; what it draws for itself goes nowhere.
    this.child = begin(["tmux", "-S", `${home}/terminal`, "-f", "/dev/null", "-D"], { home, stdout: "ignore" });
    await until(() => this.isOver() || existsSync(`${home}/terminal`), PATIENCE, "tmux has not started");
    await this.#tmux("new-session", "-d", "-x", "80", "-y", "24", `HOME='${home}' TERM=screen LANG=C.UTF-8 exec ${shell}`);
  }

  async #tmux(...args) {
    return (await run("tmux", ["-S", `${this.home}/terminal`, ...args], { timeout: 20_000 })).stdout;
  }

  isOver() {
    return isOver(this.child);
  }

  async look() {
    return { title: "", text: await this.#tmux("capture-pane", "-p").catch(() => "") };
  }

  async snap(path) {
    writeFileSync(path, `${(await this.look()).text.trimEnd()}\n`);
  }

  async end() {
    await this.#tmux("kill-server").catch(() => {});
    await end(this.child);
  }
}
