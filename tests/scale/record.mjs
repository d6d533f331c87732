// Tables that programs write into docs/scale.md, each between its two marks.

import { readFileSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../../docs/scale.md", import.meta.url);
const begin = (name) => `<!-- ${name}: made by a program -->\n`;
const end = (name) => `<!-- end of ${name} -->`;

/** What stands between the marks of `name`. */
export function recorded(name, text = readFileSync(DOCUMENT, "utf8")) {
  const [, rest, ...more] = text.split(begin(name));
  if (rest === undefined || more.length > 0 || !rest.includes(end(name))) {
    throw new Error(`docs/scale.md has no place for ${name}`);
  }
  return rest.slice(0, rest.indexOf(end(name))).trim();
}

/** Prints a table; with `RECORD=1` it goes into the document, too. */
export function record(name, table) {
  console.log(`${table}\n`);
  if (process.env.RECORD === "1") {
    const text = readFileSync(DOCUMENT, "utf8");
    const old = `${begin(name)}\n${recorded(name, text)}\n\n${end(name)}`;
    const found = text.includes(old) ? old : `${begin(name)}${end(name)}`;
    writeFileSync(DOCUMENT, text.replace(found, () => `${begin(name)}\n${table}\n\n${end(name)}`));
  }
}
