// Lines leave the page: by copy, without numbers and times and with one line end a line, and as a file.

import { make } from "./dom.js";
import { counted } from "./numbers.js";

/** Lines that are read at once: a few milliseconds of work. */
const A_PART = 1_024;
/** Of more lines than these, the copy of all that is shown has the newest. */
const MOST_COPIED = 100_000;

export class Exporter {
  #list;
  #layer;
  #rows;

  /** `list` is what the view shows, `layer` holds its rows in the document, `rows()` gives them. */
  constructor({ list, layer, rows }) {
    this.#list = list;
    this.#layer = layer;
    this.#rows = rows;
  }

  /** What is selected of the lines, or `null`. */
  get selection() {
    const lines = this.#rows().filter(({ kind }) => kind === "line");
    return this.#layer.contains(getSelection()?.anchorNode ?? null) ? selectedText(lines, (row) => this.#list.textAt(row.place)) : null;
  }

  /** Answers the browser's own copy. */
  onCopy(event) {
    const text = event.target.closest?.("input, textarea") == null ? this.selection : null;
    if (text !== null) {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
    }
  }

  /** Copies what is selected, or else what is shown; resolves to a sentence that says what, or `null` if the browser does not let it. */
  async copy() {
    const selected = this.selection;
    const { first: oldest, end, textAt } = this.#list.contents;
    const first = Math.max(oldest, end - MOST_COPIED);
    const { parts, count } = selected === null ? await joined(first, end, textAt) : { parts: [selected], count: 0 };
    if (!await copy(parts.join(""))) {
      return null;
    }
    if (selected !== null) {
      return "Copied what is selected.";
    }
    return `Copied ${first > oldest ? "the newest " : ""}${counted(count, "line")}.`;
  }

  async download() {
    const { first, end, textAt } = this.#list.contents;
    const { parts } = await joined(first, end, textAt);
    download(parts, `lines-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.txt`);
  }
}

/**
 * The text of what is selected in `rows`, or `null` if nothing is; `wholeOf(row)` is a row's whole text, of which a long line shows only the beginning.
 */
function selectedText(rows, wholeOf) {
  const selection = getSelection();
  if (selection === null || selection.isCollapsed || selection.rangeCount === 0) {
    return null;
  }
  const range = selection.getRangeAt(0);
  const lines = [];
  for (const row of rows) {
    const element = row.textElement;
    if (range.intersectsNode(element)) {
      lines.push(partOf(range, row, element, wholeOf));
    }
  }
  return lines.length > 0 ? lines.join("\n") : null;
}

function partOf(range, row, element, wholeOf) {
  const part = document.createRange();
  part.selectNodeContents(element);
  const isToEnd = range.comparePoint(element, element.childNodes.length) !== 1;
  if (range.comparePoint(element, 0) === -1) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (!isToEnd) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  const text = part.toString();
  const shown = element.textContent;
  // The selection goes over the end of a line of which only the beginning is shown.
  return isToEnd && row.isCut ? `${text}${wholeOf(row).slice(shown.length)}` : text;
}

/** Copies `text`; resolves to whether it worked. Without TLS there is no clipboard but the old command's. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "unseen", readOnly: true });
    const before = document.activeElement;
    document.body.append(field);
    field.select();
    const worked = document.execCommand("copy");
    field.remove();
    before?.focus?.();
    return worked;
  }
}

/** Offers `parts`, strings, as a file. */
function download(parts, name) {
  const url = URL.createObjectURL(new Blob(parts, { type: "text/plain;charset=utf-8" }));
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * The texts at places `first` to `end` as strings of many lines each, a line feed behind each line, and how many lines that are: `{ parts, count }`; `textAt` gives `null` for what is no line. Other work
 * goes on in between.
 */
async function joined(first, end, textAt) {
  const parts = [];
  let count = 0;
  for (let from = first; from < end; from += A_PART) {
    let part = "";
    for (let place = from; place < Math.min(end, from + A_PART); place += 1) {
      const text = textAt(place);
      part += text === null ? "" : `${text}\n`;
      count += text === null ? 0 : 1;
    }
    parts.push(part);
    await new Promise((done) => { setTimeout(done); });
  }
  return { parts, count };
}
