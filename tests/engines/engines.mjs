// The engines: how old each is, how it is started, what must be there for that, and what it is known for not having.

import { chmodSync, createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { DevTools, HtmlUnit, Starter, Terminal, Window } from "./drivers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const starter = (name) => here(`starters/${name}`);
const fetched = (name) => here(`../.venv/engines/${name}`);
const npm = (path) => here(`node_modules/${path}`);
const require = createRequire(import.meta.url);

const DEBIANS_PYTHON = "/usr/bin/python3";
const SELENIUM = npm("selenium-server/lib/runner/selenium-server-standalone-2.35.0.jar");
const NO_NPM = "npm could not install it (tests/engines/package.json)";

const onPath = (name) => process.env.PATH.split(delimiter).some((folder) => existsSync(`${folder}/${name}`));

/** Whether there is such a file; a `*` stands for one folder. */
function isThere(path) {
  const [before, after] = path.split("/*/");
  return after === undefined ? existsSync(path) : existsSync(before) && readdirSync(before).some((folder) => existsSync(`${before}/${folder}/${after}`));
}

/** Why one of these is not there: names of programs, or paths of files; null if all are. */
function without(needs) {
  const missing = Object.entries(needs).filter(([what]) => !(what.startsWith("/") ? isThere(what) : onPath(what)));
  return missing.length === 0 ? null : missing.map(([what, where]) => `no ${what.replace(/.*\//, "")}: ${where}`).join(", ");
}

const debian = (name) => `Debian's ${name}`;
const DISPLAY = { Xvfb: debian("xvfb"), import: debian("imagemagick") };

function phantom(version, options, env) {
  const binary = npm(`phantomjs-${version}/bin/linux/x64/phantomjs`);
  return {
    missing: () => without({ [binary]: NO_NPM }),
    make: (home) => {
      chmodSync(binary, 0o755);
      mkdirSync(`${home}/no-certificates`, { recursive: true });
      return new Starter([binary, ...options(home), starter("phantom.js")], { env });
    },
  };
}

function qtWebEngine(version, whyNot) {
  const python = fetched(`chromium-${version}/bin/python`);
  return {
    missing: () => without({ [python]: whyNot, ...DISPLAY }),
    make: () => new Starter([python, starter("qtwebengine.py")], { display: true, env: { QT_QPA_PLATFORM: "xcb" } }),
  };
}

function htmlUnit(browser) {
  return {
    missing: () => without({ java: debian("default-jre-headless"), [SELENIUM]: NO_NPM }),
    make: () => new HtmlUnit(SELENIUM, browser),
  };
}

function netSurf(settings) {
  return {
    missing: () => without({ "netsurf-gtk": debian("netsurf-gtk"), ...DISPLAY }),
    make: () => new Window(["netsurf-gtk"], { crop: "780x380+0+60", settings }),
  };
}

const CHROMIUM_109 = fetched("chromium-109/chromium");
const PACKED_109 = npm("@sparticuz/chromium/bin/chromium.br");

/** Unpacks what npm has brought. */
export async function prepare() {
  if (existsSync(PACKED_109) && !existsSync(CHROMIUM_109)) {
    mkdirSync(fetched("chromium-109"), { recursive: true });
    await pipeline(createReadStream(PACKED_109), createBrotliDecompress(), createWriteStream(`${CHROMIUM_109}.part`, { mode: 0o755 }));
    renameSync(`${CHROMIUM_109}.part`, CHROMIUM_109);
  }
}

/** `page`: which of the two sides of the built-in page it gets; `document`: it has no script that helps, and gets the HTML document;
 * `reads`: that document once more and again, as it draws only at the end;
 * `blind`: we see its window, and no text; `dump`: it has a text instead of a picture; `keep`: that goes into docs/browsers. */
export const ENGINES = [
  { name: "phantomjs-1.9", keep: true, title: "PhantomJS 1.9.8, WebKit 534.34", year: 2011, page: "plain", by: "WebSocket", wire: "WebSocket (draft 76)",
    lacks: "WebSocket of later than draft 76, an event stream of another origin (throws), `bind`",
    // It crashes on some of today's certificates, and reads those of the system at its start.
    ...phantom("1.9", (home) => [`--ssl-certificates-path=${home}/no-certificates`]) },
  { name: "phantomjs-2.1", title: "PhantomJS 2.1.1, WebKit 538.1", year: 2014, page: "plain", by: "WebSocket", wire: "WebSocket (RFC 6455)",
    lacks: "`fetch`, modules", ...phantom("2.1", () => [], { OPENSSL_CONF: "/dev/null" }) },
  { name: "qtwebkit", title: "QtWebKit 5.212, WebKit 602.1", year: 2016, page: "plain", by: "WebSocket", wire: "WebSocket (RFC 6455)",
    lacks: "`fetch`, modules, `async`",
    missing: () => without({ [DEBIANS_PYTHON]: debian("python3"), "/usr/lib/python3/dist-packages/PyQt5/QtWebKitWidgets.abi3.so": debian("python3-pyqt5.qtwebkit") }),
    make: () => new Starter([DEBIANS_PYTHON, starter("qtwebkit.py")], { env: { QT_QPA_PLATFORM: "offscreen" } }) },
  { name: "chromium-49", keep: true, title: "Chromium 49 (Qt WebEngine 5.7)", year: 2016, page: "plain", by: "WebSocket", wire: "WebSocket (RFC 6455)",
    lacks: "modules (it never fetches them, and says nothing)",
    ...qtWebEngine("49", "its wheels run on CPython 3.6 only: PYTHON36=/path/to/python3.6") },
  { name: "chromium-83", title: "Chromium 83 (Qt WebEngine 5.15)", year: 2020, page: "plain", by: "WebSocket", wire: "WebSocket (RFC 6455)",
    lacks: "the syntax of our modules", ...qtWebEngine("83", "pip could not install it (tests/engines/requirements-chromium-83.txt)") },
  { name: "chromium-109", title: "Chromium 109", year: 2023, page: "full", by: "WebSocket", wire: "WebSocket (RFC 6455)", lacks: "nothing that we use",
    missing: () => without({ [CHROMIUM_109]: NO_NPM }),
    make: () => new DevTools([CHROMIUM_109, "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=disabled", "--no-first-run", "--disable-background-networking"], require("ws")) },
  { name: "webkitgtk", title: "WebKitGTK, Debian's (as in surf)", year: 2025, page: "full", by: "WebSocket", wire: "WebSocket (RFC 6455)", lacks: "nothing that we use",
    missing: () => without({ ...DISPLAY, "/var/lib/dpkg/info/python3-gi-cairo.list": debian("python3-gi-cairo"), "/usr/lib/*/girepository-1.0/WebKit2-4.1.typelib": debian("gir1.2-webkit2-4.1") }),
    make: () => new Starter([DEBIANS_PYTHON, starter("webkitgtk.py")], { display: true, env: { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" } }) },
  { name: "khtml", keep: true, title: "KHTML 5, Konqueror's engine, from which WebKit came", year: 2012, page: "plain", by: "JSONP", wire: "JSONP",
    lacks: "WebSocket, event stream, requests to another origin, a request's text before its end",
    missing: () => without({ [fetched("khtml")]: "it could not be compiled (Debian's libkf5khtml-dev, g++)", "dbus-run-session": debian("dbus-daemon") }),
    make: () => new Starter(["dbus-run-session", "--", fetched("khtml")], { env: { QT_QPA_PLATFORM: "offscreen" } }) },
  { name: "htmlunit-ie6", keep: true, title: "HtmlUnit 2.12, which plays IE 6", year: 2001, page: "plain", by: "long poll", wire: "long poll", dump: true,
    lacks: "WebSocket, event stream, `XMLHttpRequest` but as ActiveX", ...htmlUnit("internet explorer-6") },
  { name: "htmlunit-ie7", title: "HtmlUnit 2.12, which plays IE 7", year: 2006, page: "plain", by: "long poll", wire: "long poll", dump: true,
    lacks: "WebSocket, event stream", ...htmlUnit("internet explorer-7") },
  { name: "htmlunit-ie8", title: "HtmlUnit 2.12, which plays IE 8", year: 2009, page: "plain", by: "long poll", wire: "long poll", dump: true,
    lacks: "WebSocket, event stream", ...htmlUnit("internet explorer-8") },
  { name: "netsurf-script", title: "NetSurf 3.10, scripts on", year: 2020, page: "plain", blind: true, wire: "JSONP",
    lacks: "WebSocket and event stream (their constructors are there and throw), requests; it draws nothing that a script adds after the page has come",
    ...netSurf({ ".config/netsurf/Choices": "enable_javascript:1\n" }) },
  { name: "netsurf", keep: true, title: "NetSurf 3.10, as it comes", year: 2020, document: true, blind: true, reads: true,
    lacks: "scripts; it draws a document at its end only, and so gets what there is now, again and again", ...netSurf({}) },
  { name: "dillo", keep: true, title: "Dillo 3", year: 2015, document: true, blind: true, lacks: "scripts",
    missing: () => without({ dillo: debian("dillo"), ...DISPLAY }),
    make: () => new Window(["dillo", "-g", "800x480"], { crop: "780x360+0+76" }) },
  { name: "elinks", keep: true, title: "ELinks, in a terminal", year: 2022, document: true, dump: true, lacks: "scripts, pictures, a window",
    missing: () => without({ elinks: debian("elinks"), tmux: debian("tmux") }),
    make: () => new Terminal(["elinks"], { settings: { ".elinks/elinks.conf": "", ".config/elinks/elinks.conf": "" } }) },
];
