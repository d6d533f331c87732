// Tries expressions on lines in a thread of its own, which the page can end: an expression such as `(a+)+$` may need longer than anybody waits, and nothing
// else in a browser can stop it. A classic script, as Firefox before 114 has no workers of modules.

"use strict";

const MOST_RANGES = 500;
let expression = null;

/** The indexes of the lines of `texts`, which are joined by line feeds, that match. */
function matchingLines(texts) {
  const found = [];
  texts.split("\n").forEach((text, index) => {
    if (expression.test(text)) {
      found.push(index);
    }
  });
  return Uint32Array.from(found);
}

/** The parts of a text that match, as start and end in turn. */
function matchingParts(text) {
  const parts = [];
  for (const match of text.matchAll(new RegExp(expression.source, `${expression.flags}g`))) {
    if (match[0] !== "" && parts.push(match.index, match.index + match[0].length) >= 2 * MOST_RANGES) {
      break;
    }
  }
  return parts;
}

/** `{ source, flags }` sets the expression; `{ key, texts }` asks which lines match, `{ serials, parts }` where in each of some texts. */
onmessage = ({ data }) => {
  if (data.source !== undefined) {
    expression = new RegExp(data.source, data.flags);
    postMessage({ ready: true });
  } else if (data.parts !== undefined) {
    postMessage({ serials: data.serials, parts: data.parts.map(matchingParts) });
  } else {
    postMessage({ key: data.key, found: matchingLines(data.texts) });
  }
};
