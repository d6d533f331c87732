// The commands of docs/scale.md, for tests that run them as they stand but for names of machines, ports and folders.

import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8");

/** The indented blocks of the section with this heading, in order. */
export function blocks(heading) {
  const section = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`));
  if (section === undefined) {
    throw new Error(`docs/scale.md has no section "${heading}"`);
  }
  return section.split("\n\n")
    .filter((part) => part.replace(/^\n+/, "").startsWith("    "))
    .map((part) => part.replace(/^\n+/, "").replace(/^ {4}/gm, "").trimEnd());
}

/** The block that fits (a string: that begins so), with other names in the place of the document's. */
export function block(heading, pattern, names = {}) {
  const found = blocks(heading).filter((one) => (typeof pattern === "string" ? one.startsWith(pattern) : pattern.test(one)));
  if (found.length !== 1) {
    throw new Error(`${found.length} blocks of "${heading}" fit ${pattern}`);
  }
  return Object.entries(names).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) {
      throw new Error(`the block of ${pattern} does not name ${from}`);
    }
    return changed.replaceAll(from, to);
  }, found[0]);
}
