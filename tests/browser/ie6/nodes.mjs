// The nodes of a document as IE 6 had them, as far as a page that shows messages needs them: attributes are properties, nothing is told by events
// but through `on…` and `attachEvent`, and what it refused throws here, too.

const ELEMENTS = new Set(("a b big blockquote body br button center code dd div dl dt em embed fieldset font form h1 h2 h3 h4 h5 h6 head hr html i iframe img input label legend li link meta "
  + "noscript object ol option p param pre script select small span strong style sub sup table tbody td textarea th thead title tr tt u ul").split(" "));
const VOID = new Set("br hr img input link meta param embed".split(" "));
/** Their content is text. */
const RAW = new Set("script style title textarea noscript".split(" "));
/** Other values of these throw ("Invalid argument"). */
const VALUES = {
  display: /^(|none|block|inline|inline-block|list-item)$/, whiteSpace: /^(|normal|pre|nowrap)$/, position: /^(|static|relative|absolute)$/, overflow: /^(|visible|hidden|scroll|auto)$/,
  visibility: /^(|visible|hidden|inherit)$/,
};
const hosts = new WeakSet();

/** Whether a value is the browser's: JScript's own functions refuse such objects. */
export const isHost = (value) => typeof value === "object" && value !== null && hosts.has(value);

/** What a page gets of us: an object without the methods of today's objects and functions. */
export function host(object, methods = {}) {
  for (const [name, method] of Object.entries(methods)) {
    object[name] = Object.setPrototypeOf(method, null);
  }
  hosts.add(object);
  return object;
}

function list(nodes) {
  return host(Object.assign(Object.create(null), nodes, { length: nodes.length }), { item: (index) => nodes[index] ?? null });
}

function styleOf() {
  return new Proxy(host({ cssText: "" }), {
    set(style, name, value) {
      if (VALUES[name] !== undefined && !VALUES[name].test(value)) {
        throw new Error("Invalid argument.");
      }
      style[name] = value;
      return true;
    },
  });
}

class Base {
  parentNode = null;
  childNodes = [];
  constructor(kind, name, document) {
    this.nodeType = kind;
    this.nodeName = name;
    this.ownerDocument = document;
    hosts.add(this);
  }

  get firstChild() { return this.childNodes[0] ?? null; }
  get lastChild() { return this.childNodes[this.childNodes.length - 1] ?? null; }
  get nextSibling() { return this.sibling(1); }
  get previousSibling() { return this.sibling(-1); }
  sibling(step) { return this.parentNode === null ? null : this.parentNode.childNodes[this.parentNode.childNodes.indexOf(this) + step] ?? null; }
  appendChild(node) { return this.insertBefore(node, null); }

  insertBefore(node, before) {
    if (!(node instanceof Base) || (before !== null && before.parentNode !== this) || VOID.has(this.nodeName.toLowerCase())) {
      throw new Error("Invalid argument.");
    }
    if (this.nodeName === "SCRIPT" || this.nodeName === "STYLE") {
      throw new Error("Unexpected call to method or property access.");
    }
    node.parentNode?.removeChild(node);
    this.childNodes.splice(before === null ? this.childNodes.length : this.childNodes.indexOf(before), 0, node);
    node.parentNode = this;
    this.ownerDocument?.inserted?.(node);
    return node;
  }

  removeChild(node) {
    if (node?.parentNode !== this) {
      throw new Error("Invalid argument.");
    }
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
    return node;
  }

  replaceChild(node, old) {
    this.insertBefore(node, old);
    return this.removeChild(old);
  }

  hasChildNodes() { return this.childNodes.length > 0; }
  getElementsByTagName(name) { return list(descendants(this).filter((node) => node.nodeType === 1 && (name === "*" || node.nodeName === name.toUpperCase()))); }
}

class Text extends Base {
  constructor(text, document) {
    super(3, "#text", document);
    this.nodeValue = String(text);
  }

  get data() { return this.nodeValue; }
  set data(text) { this.nodeValue = String(text); }
  get length() { return this.nodeValue.length; }
}

class Element extends Base {
  style = styleOf();
  className = "";
  id = "";
  constructor(name, document) {
    super(1, name.toUpperCase(), document);
    this.tagName = this.nodeName;
  }

  getAttribute(name) {
    const value = this[property(name)];
    return value === undefined || typeof value === "function" ? null : value;
  }

  setAttribute(name, value) {
    if (name.toLowerCase() === "type" && (this.nodeName === "INPUT" || this.nodeName === "BUTTON") && this.parentNode !== null) {
      throw new Error("Could not get the type property. This command is not supported.");
    }
    // `class` is the attribute that it does not know: the property is `className`. A handler is no text.
    if (name !== "style" && !/^on/i.test(name)) {
      this[property(name)] = value;
    }
  }

  removeAttribute(name) { delete this[property(name)]; }

  get innerText() { return textOf(this); }
  set innerText(text) {
    this.clear();
    this.appendChild(new Text(text, this.ownerDocument));
  }

  get innerHTML() { return textOf(this); }
  set innerHTML(markup) {
    if (/^(TABLE|TBODY|TR|SELECT|HEAD|HTML|TITLE|STYLE)$/.test(this.nodeName)) {
      throw new Error("Unknown runtime error");
    }
    this.clear();
    fill(this, markup);
  }

  clear() {
    while (this.firstChild !== null) {
      this.removeChild(this.firstChild);
    }
  }

  get offsetWidth() { return 0; }
  get offsetHeight() { return 0; }
  get scrollHeight() { return 1000; }
  get clientHeight() { return 600; }
  get clientWidth() { return 800; }
  scrollTop = 0;

  attachEvent(name, handler) {
    const before = this[`attached ${name}`] ?? [];
    this[`attached ${name}`] = [...before, handler];
    return true;
  }

  detachEvent(name, handler) { this[`attached ${name}`] = (this[`attached ${name}`] ?? []).filter((each) => each !== handler); }
  fireEvent(name) { return fire(this, name); }
  focus() {}
  blur() {}
  select() {}
  click() { return fire(this, "onclick"); }
}

const property = (name) => (name.toLowerCase() === "classname" || name === "for" ? name : { maxlength: "maxLength", tabindex: "tabIndex" }[name.toLowerCase()] ?? name);

/** Calls the handlers of one event; false if one of them returned that. */
export function fire(target, name) {
  const handlers = [target[name], ...(target[`attached ${name}`] ?? [])].filter((handler) => typeof handler === "function");
  return handlers.map((handler) => handler.call(target)).every((result) => result !== false);
}

export function descendants(node) {
  return node.childNodes.flatMap((child) => [child, ...descendants(child)]);
}

export function textOf(node) {
  return node.nodeType === 3 ? node.nodeValue : node.childNodes.map(textOf).join("");
}

// Today's object is not in the chain: no `__defineGetter__`, no `hasOwnProperty` at a node.
Object.setPrototypeOf(Base.prototype, null);

/** Markup into nodes. What it does not know (`main`, `svg`) is a node without children. */
export function fill(parent, markup, { withScripts = false } = {}) {
  const document = parent.ownerDocument;
  let open = parent;
  const text = visible(markup);
  const token = /<!--[\s\S]*?-->|<!\w[^>]*>|<(\/?)([a-zA-Z][\w:-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|[^<]+|</g;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [whole, slash, tag, attributes] = found;
    const name = tag?.toLowerCase();
    if (name === undefined) {
      if (!whole.startsWith("<!")) {
        open.appendChild(new Text(decode(whole), document));
      }
    } else if (slash === "/") {
      open = closed(open, parent, name);
    } else {
      const element = newElement(name, document);
      // Its own scripts run in their order, and those of `innerHTML` not at all.
      element.isAsked = true;
      assign(element, attributes);
      if (RAW.has(name)) {
        const end = new RegExp(`</${name}\\s*>`, "i").exec(text.slice(token.lastIndex));
        const inner = text.slice(token.lastIndex, end === null ? text.length : token.lastIndex + end.index);
        token.lastIndex += inner.length + (end?.[0].length ?? 0);
        element.text = inner;
      }
      open.appendChild(element);
      if (name === "script" && withScripts) {
        document.runScript(element);
      } else if (ELEMENTS.has(name) && !VOID.has(name) && !RAW.has(name)) {
        open = element;
      }
    }
  }
}

/** The node that is open behind this end tag. */
function closed(open, top, name) {
  for (let node = open; node !== top; node = node.parentNode) {
    if (node.nodeName.toLowerCase() === name) {
      return node.parentNode;
    }
  }
  return open;
}

function assign(element, attributes) {
  for (const [, name, double, single, bare] of attributes.matchAll(/([^\s=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g)) {
    const value = decode(double ?? single ?? bare ?? "");
    element[{ class: "className" }[name.toLowerCase()] ?? name] = value;
  }
}

const decode = (text) => text.replace(/&(amp|lt|gt|quot|nbsp|#\d+);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0" }[name] ?? String.fromCharCode(Number(name.slice(1)))));

/** Comments that are meant for this browser are no comments. */
function visible(markup) {
  const holds = (condition) => /^\s*(IE|(lte? |gte? )?IE (5|6|7|8|9)(\.\d)?)\s*$/.test(condition) && { lt: (n) => 6 < n, lte: (n) => 6 <= n, gt: (n) => 6 > n, gte: (n) => 6 >= n, "": (n) => n === 6 || n === 0 }[
    /^\s*(lte?|gte?)/.exec(condition)?.[1] ?? ""](Number(/\d/.exec(condition)?.[0] ?? 0));
  return markup.replace(/<!--\[if ([^\]]*)\]>([\s\S]*?)<!\[endif\]-->/g, (_, condition, inner) => (holds(condition) ? inner : ""))
    .replace(/<!(--)?\[if !IE\]>(-->)?[\s\S]*?<!(--)?\[endif\](--)?>/g, "");
}

export function newElement(name, document) {
  // `createElement("<input type=text>")` was its own way.
  const own = /^<(\w+)([^>]*)>$/.exec(name);
  const element = new Element(own?.[1] ?? name, document);
  if (own !== null) {
    assign(element, own[2]);
  }
  return element;
}

export const newText = (text, document) => new Text(text, document);
