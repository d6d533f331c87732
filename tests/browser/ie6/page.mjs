// A page in an imitation of IE 6: ES3 in Node's vm, nodes, and requests to real servers. Each script is parsed as ES3 before it runs, also one that
// a server makes. It draws nothing.
//
//   Page.open(url) ──▶ fill ──▶ scripts in order ──▶ onload ──▶ timers, requests, further scripts

import vm from "node:vm";
import { parse } from "acorn";
import { OLD } from "./grammar.mjs";
import { oldContext } from "./language.mjs";
import { Network, activeRequest } from "./requests.mjs";
import { descendants, fill, fire, host, isHost, newElement, newText, textOf } from "./nodes.mjs";

const AGENT = "4.0 (compatible; MSIE 6.0; Windows NT 5.1)";

export class Page {
  network = new Network();
  /** What else `new ActiveXObject(NAME)` gives, and what is called with each element that gets into the document. */
  activeX = {};
  onElement = () => {};
  /** What a script threw, or does not parse. */
  errors = [];
  #timers = new Set();
  #isOver = false;
  #scripts = [];

  /** Loads this address and runs its scripts up to `onload`. */
  static async open(url, prepare = () => {}) {
    const page = new Page(url);
    prepare(page);
    const answer = await page.#get(url);
    if (answer.status !== 200) {
      throw new Error(`${url}: ${answer.status}`);
    }
    await page.#load(answer.body);
    return page;
  }

  /** A page at this address with this markup; nobody is asked for it. */
  static async of(url, markup = "<body></body>") {
    const page = new Page(url);
    await page.#load(markup);
    return page;
  }

  constructor(url) {
    this.url = url;
    this.#makeDocument();
    this.context = oldContext(this.#globals(), isHost);
    this.window = vm.runInContext("this", this.context);
    for (const name of ["window", "self", "top", "parent", "frames"]) {
      this.context[name] = this.window;
    }
  }

  #globals() {
    const page = this;
    const address = new URL(this.url);
    const part = (name) => ({ get: () => page.location?.[name] ?? address[name], set: (value) => page.#go(name, value), enumerable: true });
    this.location = address;
    const location = host(Object.create(null, Object.fromEntries(["href", "protocol", "host", "hostname", "port", "pathname", "search", "hash"].map((name) => [name, part(name)]))), {
      replace: (href) => page.#go("href", href), assign: (href) => page.#go("href", href), reload: () => page.#go("href", page.location.href), toString: () => page.location.href,
    });
    this.document.location = location;
    const ActiveXObject = function ActiveXObject(name) { return page.activeX[String(name)]?.() ?? activeRequest(page, String(name)); };
    const functions = {
      setTimeout: (what, after) => page.#later(setTimeout, what, after), setInterval: (what, after) => page.#later(setInterval, what, after),
      clearTimeout: (timer) => page.#clear(timer), clearInterval: (timer) => page.#clear(timer), ActiveXObject, CollectGarbage() {}, scrollTo() {}, scrollBy() {},
      attachEvent: (name, handler) => page.#attach(name, handler), detachEvent() {}, alert: (text) => page.errors.push(`alert: ${text}`), focus() {},
    };
    const objects = {
      document: this.document, location, screen: host({ width: 800, height: 600 }), history: host({ length: 1 }), event: null, onload: null, onunload: null, onerror: null, onhashchange: null,
      navigator: host({ userAgent: `Mozilla/${AGENT}`, appVersion: AGENT, appName: "Microsoft Internet Explorer", appCodeName: "Mozilla", platform: "Win32", cookieEnabled: true, language: undefined,
        plugins: host({ length: 0 }), mimeTypes: host({ length: 0 }) }, { javaEnabled: () => false }),
      window: null, self: null, top: null, parent: null, frames: null, name: "", closed: false,
    };
    return host(objects, functions);
  }

  #makeDocument() {
    const page = this;
    const document = host(newElement("#document", null));
    delete document.style;
    document.nodeType = 9;
    const root = newElement("html", document);
    document.childNodes.push(root);
    document.ownerDocument = document;
    Object.assign(document, { documentElement: root, body: null, title: "", cookie: "", readyState: "loading", compatMode: "CSS1Compat", URL: this.url, domain: new URL(this.url).hostname });
    host(document, {
      createElement: (name) => newElement(name, document),
      createTextNode: (text) => newText(text, document),
      createDocumentFragment: () => newElement("#fragment", document),
      getElementById: (id) => descendants(document).find((node) => node.id === id || (node.name === id && node.nodeName !== "META")) ?? null,
      write: (markup) => fill(document.body, markup, { withScripts: true }),
      inserted: (node) => page.#inserted(node),
      runScript: (element) => page.#scripts.push(element),
    });
    this.document = document;
  }

  async #load(markup) {
    const { document } = this;
    const root = document.documentElement;
    const split = /<body[^>]*>/i.exec(markup);
    const head = newElement("head", document);
    const body = newElement("body", document);
    root.appendChild(head);
    fill(head, markup.slice(0, split?.index ?? 0).replace(/<\/?(html|head)[^>]*>/gi, ""), { withScripts: true });
    await this.#runScripts();
    root.appendChild(body);
    document.body = body;
    document.title = textOfTitle(head);
    // Up to each script the body is there, and not what comes behind it.
    for (const piece of markup.slice(split === null ? 0 : split.index + split[0].length).split(/(?<=<\/script\s*>)/i)) {
      fill(body, piece.replace(/<\/(body|html)\s*>/gi, ""), { withScripts: true });
      await this.#runScripts();
    }
    document.readyState = "complete";
    this.call(() => fire(this.window, "onload"), undefined);
    this.#attached("onload");
  }

  async #runScripts() {
    while (this.#scripts.length > 0) {
      const element = this.#scripts.shift();
      if (element.type && !/^(text|application)\/(java|j|ecma)script$/i.test(element.type)) {
        continue;
      }
      if (element.src) {
        const answer = await this.#get(new URL(element.src, this.url).href);
        if (answer.status === 200) {
          this.run(answer.body, element.src);
        }
      } else {
        this.run(element.text, `a script in ${this.url}`);
      }
    }
  }

  #get(url) {
    return new Promise((done) => { this.network.ask({ url }, done); });
  }

  /** A script that another one put into the document. IE told neither of its end by `onload` nor of a failure by `onerror`. */
  #inserted(node) {
    if (!descendants(this.document).includes(node)) {
      return;
    }
    [node, ...descendants(node)].forEach((each) => this.onElement(each));
    const isScript = node.nodeName === "SCRIPT" && node.src && !node.isAsked;
    if (!isScript || this.document.readyState === "gone" || (node.type && !/javascript/.test(node.type))) {
      return;
    }
    node.isAsked = true;
    node.readyState = "loading";
    this.network.ask({ url: new URL(node.src, this.url).href }, (answer) => {
      if (this.#isOver) {
        return;
      }
      // Whatever the status: what came is the script.
      if (answer.status < 1000) {
        this.run(answer.body, node.src);
      }
      node.readyState = "loaded";
      this.call(() => fire(node, "onreadystatechange"), undefined);
    });
  }

  /** What a text of ours has for a value in there. */
  evaluate(text) {
    return vm.runInContext(text, this.context);
  }

  run(source, name) {
    try {
      parse(source, OLD);
      if (/@cc_on/.test(source)) {
        throw new Error("a comment that IE would run");
      }
    } catch (error) {
      this.errors.push(`${name} is no ES3: ${error.message}`);
      return;
    }
    this.call(() => vm.runInContext(source, this.context, { filename: name }), undefined);
  }

  /** Calls into the page; what it throws is written down. */
  call(body, self) {
    if (this.#isOver) {
      return undefined;
    }
    try {
      return body.call(self);
    } catch (error) {
      this.errors.push(String(error.stack ?? error));
      return undefined;
    }
  }

  #attach(name, handler) {
    (this.attached ??= []).push([name, handler]);
    return true;
  }

  #attached(name) {
    (this.attached ?? []).filter(([each]) => each === name).forEach(([, handler]) => this.call(handler, undefined));
  }

  /** Only the function and the time: IE passed no arguments on. */
  #later(how, what, after) {
    const timer = how(() => this.call(() => (typeof what === "function" ? what() : vm.runInContext(String(what), this.context)), undefined), Number(after) || 0);
    const number = Number(timer[Symbol.toPrimitive]());
    this.#timers.add(timer);
    return number;
  }

  #clear(number) {
    for (const timer of this.#timers) {
      if (timer[Symbol.toPrimitive]() === number) {
        clearTimeout(timer);
        this.#timers.delete(timer);
      }
    }
  }

  #go(name, value) {
    const next = new URL(this.location);
    if (name === "href") {
      next.href = new URL(value, this.location).href;
    } else {
      next[name] = value;
    }
    // Behind `#` the page stays; a new page is what a test opens itself.
    if (next.href.split("#")[0] !== this.location.href.split("#")[0] || name === "href") {
      this.wentTo = next.href;
    }
    this.location = next;
  }

  /** The text that this class name has in the document, a node each. */
  texts(className) {
    return descendants(this.document).filter((node) => node.className === className).map(textOf);
  }

  get text() {
    return this.document.body === null ? "" : textOf(this.document.body);
  }

  /** Waits until this holds; the text of the page and its errors tell what was there instead. */
  async until(what, holds, patience = 60_000) {
    for (const deadline = Date.now() + patience; !holds(this);) {
      if (this.errors.length > 0 || Date.now() > deadline) {
        throw new Error(`no ${what}: ${this.errors.join("; ")} [${this.document.title}] ${this.text.slice(-400)}`);
      }
      await new Promise((done) => { setTimeout(done, 20); });
    }
  }

  close() {
    this.#isOver = true;
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.network.close();
  }
}

const textOfTitle = (head) => head.childNodes.find((node) => node.nodeName === "TITLE")?.text ?? "";
