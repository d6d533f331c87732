// The scripts that old browsers get, read as they would read them: by the grammar of 1999.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "acorn";

const OLD = { ecmaVersion: 3, sourceType: "script", allowReserved: "never" };
const source = (name) => readFileSync(new URL(`../../static-server/page/${name}`, import.meta.url), "utf8");
/** What such a browser would stop at. A list with a comma at its end is longer by one in some. */
const NEWER = ["let a;", "a => a", "({ a: 1, })", "a.default", "({ class: 1 })", "`a`", "async function a() {}", "for (a of b) {}", "({ a })", "a ?? b"];

export async function oldScripts(check) {
  await check("start.js and plain.js are in the syntax of ES3", async () => {
    for (const name of ["start.js", "plain.js"]) {
      const text = source(name);
      assert.doesNotThrow(() => parse(text, OLD), name);
      assert.doesNotMatch(text, /,\s*\]/, `${name}: a comma at the end of a list`);
    }
  });
  await check("that parser refuses what came later", async () => {
    for (const text of NEWER) {
      assert.throws(() => parse(text, OLD), SyntaxError, text);
    }
    assert.throws(() => parse(source("app.js"), OLD), SyntaxError);
  });
}
