// The scripts that old browsers get, read as they would read them: by the grammar of 1999.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { parse } from "acorn";
import { OLD } from "./ie6/grammar.mjs";

const PAGE = new URL("../../static-server/page/", import.meta.url);
const CLIENT = new URL("../../client/", import.meta.url);
/** What such a browser would stop at. A list with a comma at its end is longer by one in some. */
const NEWER = ["let a;", "a => a", "({ a: 1, })", "a.default", "({ class: 1 })", "`a`", "async function a() {}", "for (a of b) {}", "({ a })", "a ?? b", "var int;", "({ get a() {} })",
  "try {} catch {}", "/a/y", "debugger; import.meta"];

const read = (folder, name) => [name, readFileSync(new URL(name, folder), "utf8")];
const listed = (folder, ending) => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ending)).sort() : []);

/** The scripts within a page, those without another type. */
function inline([name, markup]) {
  const found = [...markup.matchAll(/<script(?![^>]*\bsrc\s*=)([^>]*)>([\s\S]*?)<\/script\s*>/gi)];
  return found.filter(([, attributes]) => !/type\s*=\s*["']?(module|application\/json)/i.test(attributes)).map(([, , text], index) => [`script ${index + 1} of ${name}`, text]);
}

/** Name and text of all: the page's start and its plain list, the client, and what is served under the names of 2010. */
function oldScripts() {
  const flash = new URL("flash/", CLIENT);
  return [...["start.js", "plain.js"].map((name) => read(PAGE, name)), ...listed(CLIENT, ".js").map((name) => read(CLIENT, name)), ...listed(flash, ".js").map((name) => read(flash, name)),
    ...[...listed(flash, ".html").map((name) => read(flash, name)), read(PAGE, "index.html")].flatMap(inline)];
}

/** All lists in a tree. */
function lists(node) {
  const inner = Object.values(node).flat().filter((value) => typeof value?.type === "string").flatMap(lists);
  return node.type === "ArrayExpression" ? [node, ...inner] : inner;
}

export async function readsAsOld(check) {
  for (const [name, text] of oldScripts()) {
    await check(`${name} is in the syntax of ES3`, () => {
      let tree = null;
      assert.doesNotThrow(() => { tree = parse(text, OLD); });
      assert.deepEqual(lists(tree).filter(({ start, end }) => /,\s*\]$/.test(text.slice(start, end))), [], "a comma at the end of a list");
      assert.doesNotMatch(text, /@cc_on/, "a comment that IE would run");
    });
  }
  await check("that parser refuses what came later", () => {
    for (const text of NEWER) {
      assert.throws(() => parse(text, OLD), SyntaxError, text);
    }
    assert.throws(() => parse(read(PAGE, "app.js")[1], OLD), SyntaxError);
  });
}
