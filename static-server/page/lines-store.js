// The lines that the page keeps: text in chunks, numbers and times in typed arrays, no object a line. No DOM in here.
//
//     serial  -2048 ……… -1024 ……… 0 ………… 1024 ………… 2048 …      a row's name for good, in the order of arrival
//             [ older chunk ][ older chunk ][ full ][ full ][ open ]  ◀── append
//             ◀── prepend                                             the oldest leave ──▶ by whole chunks
//
// A row is a line, or an event of the page's own (a gap, a lost connection), which has no number and is not counted.

const CHUNK = 1024;
const MOST_LINES = 1_000_000;
/** Of memory for text: a character takes one byte, or two in a chunk that has any beyond Latin-1. */
const MOST_BYTES = 160 * 1024 * 1024;
const LINE_END = /[\n\u2028\u2029]/;
const LINE_ENDS = /[\n\u2028\u2029]/g;
const NEEDS_READING = /[\0-\x08\x0b-\x1f\x7f-\x9f]/;
const BEYOND_LATIN_1 = /[^\0-\xff]/;

/** Rows of consecutive serials. Once full its texts are one string, with a line feed between two. */
class Chunk {
  count = 0;
  lines = 0;
  oldest = null;
  newest = null;
  bytes = 0;
  #numbers = new Float64Array(CHUNK);
  #walls = new Float64Array(CHUNK);
  #kinds = new Uint8Array(CHUNK);
  #texts = [];
  #starts = null;
  #joined = null;
  #isRead = false;

  constructor(first) {
    this.first = first;
  }

  get isFull() {
    return this.#joined !== null || this.count === CHUNK;
  }

  push(text, number, wall, kind) {
    const index = this.count;
    this.#texts.push(LINE_END.test(text) ? text.replace(LINE_ENDS, "\u240a") : text);
    this.#numbers[index] = number ?? NaN;
    this.#walls[index] = wall ?? NaN;
    this.#kinds[index] = kind;
    this.count += 1;
    this.bytes += text.length;
    if (kind === 0) {
      this.lines += 1;
    }
    if (number !== null) {
      this.oldest ??= number;
      this.newest = number;
    }
  }

  seal() {
    if (this.#joined !== null) {
      return;
    }
    this.#starts = new Uint32Array(this.count + 1);
    this.#texts.forEach((text, index) => { this.#starts[index + 1] = this.#starts[index] + text.length + 1; });
    this.#joined = this.#texts.join("\n");
    this.#texts = null;
    this.#isRead = !NEEDS_READING.test(this.#joined);
    this.bytes = this.#joined.length * (BEYOND_LATIN_1.test(this.#joined) ? 2 : 1);
  }

  text(index) {
    return this.#joined === null ? this.#texts[index] : this.#joined.slice(this.#starts[index], this.#starts[index + 1] - 1);
  }

  number(index) {
    return this.#numbers[index];
  }

  wall(index) {
    return this.#walls[index];
  }

  kind(index) {
    return this.#kinds[index];
  }

  /** The index of the line with this number, or -1. */
  indexOf(number) {
    return this.#numbers.subarray(0, this.count).indexOf(number);
  }

  /** All texts as one, if all are lines and nothing in them must be read as a terminal would; else `null`. */
  get whole() {
    return this.#isRead && this.lines === this.count ? this.#joined : null;
  }
}

export class LineStore {
  #chunks = [];
  #kinds = ["line"];
  #lines = 0;
  #bytes = 0;
  #mostLines;
  #mostBytes;
  /** The serial with which the present stream begins: numbers of one before it say nothing any more. */
  #streamStart = 0;

  constructor({ mostLines = MOST_LINES, mostBytes = MOST_BYTES } = {}) {
    this.#mostLines = mostLines;
    this.#mostBytes = mostBytes;
    this.#chunks.push(new Chunk(0));
  }

  /** The serial of the oldest row, and the one behind the newest. */
  get first() {
    return this.#chunks[0].first;
  }

  get end() {
    return this.#last.first + this.#last.count;
  }

  /** How many lines there are; events are none. */
  get lines() {
    return this.#lines;
  }

  /** The numbers of the oldest and newest line of the present stream; `null` without any. */
  get oldest() {
    return this.#present().find((chunk) => chunk.oldest !== null)?.oldest ?? null;
  }

  get newest() {
    for (let index = this.#chunks.length - 1; index >= 0 && this.#chunks[index].first >= this.#streamStart; index -= 1) {
      if (this.#chunks[index].newest !== null) {
        return this.#chunks[index].newest;
      }
    }
    return null;
  }

  /** Whether rows of an earlier stream stand before the present one: nothing can be put between. */
  get hasEarlierStream() {
    return this.#streamStart > this.first;
  }

  append({ text, number, wall }) {
    this.#open().push(text, number, wall, 0);
    this.#lines += 1;
  }

  event({ text, kind, wall }) {
    let index = this.#kinds.indexOf(kind);
    if (index === -1) {
      index = this.#kinds.length < 255 ? this.#kinds.push(kind) - 1 : 1;
    }
    this.#open().push(text, null, wall, index);
  }

  /** Puts older lines before all others; `records` are in their order. Returns how many rows there are now more. */
  prepend(records) {
    for (let until = records.length; until > 0;) {
      const since = Math.max(0, until - CHUNK);
      const chunk = new Chunk(this.first - (until - since));
      for (const { text, number, wall } of records.slice(since, until)) {
        chunk.push(text, number, wall, 0);
      }
      chunk.seal();
      this.#chunks.unshift(chunk);
      this.#lines += chunk.lines;
      this.#bytes += chunk.bytes;
      until = since;
    }
    if (this.#streamStart === this.first + records.length) {
      this.#streamStart = this.first;
    }
    return records.length;
  }

  /** A new stream begins: its numbers begin anew. */
  reset() {
    if (this.#last.count > 0) {
      this.#grow();
    }
    this.#streamStart = this.end;
  }

  /** How many bytes a line takes, one with another, as far as that is known. */
  get bytesOfALine() {
    return this.#bytes / Math.max(1, this.#lines);
  }

  /** How many lines more the page may keep, beside `slack`. */
  room(slack = 0) {
    return this.#bytes >= this.#mostBytes ? 0 : Math.max(0, this.#mostLines + slack - this.#lines);
  }

  /** Lets the oldest rows go, as far as there are too many; `slack` lines more may stay while somebody reads them. */
  trim(slack = 0) {
    while (this.#chunks.length > 1 && (this.#lines > this.#mostLines + slack || this.#bytes > this.#mostBytes)) {
      const { lines, bytes } = this.#chunks.shift();
      this.#lines -= lines;
      this.#bytes -= bytes;
    }
  }

  /** One row: `{ text, number, wall, kind }`, with `null` for what it has not, and `isPresent`: whether its number is one of the present stream. */
  row(serial) {
    const chunk = this.#chunkOf(serial);
    const index = serial - chunk.first;
    const [number, wall] = [chunk.number(index), chunk.wall(index)];
    return {
      text: chunk.text(index),
      number: Number.isNaN(number) ? null : number,
      wall: Number.isNaN(wall) ? null : wall,
      kind: this.#kinds[chunk.kind(index)],
      isPresent: serial >= this.#streamStart,
    };
  }

  isLine(serial) {
    const chunk = this.#chunkOf(serial);
    return chunk.kind(serial - chunk.first) === 0;
  }

  /** The serial of the present stream's line with this number, or `null`. */
  find(number) {
    for (const chunk of this.#present()) {
      if (chunk.oldest !== null && number >= chunk.oldest && number <= chunk.newest) {
        const index = chunk.indexOf(number);
        return index === -1 ? null : chunk.first + index;
      }
    }
    return null;
  }

  /** Where the rows that belong together by storage begin and end: the block of `serial`. */
  block(serial) {
    const { first, count } = this.#chunkOf(serial);
    return { first, end: first + count };
  }

  /** Whether the texts of that block are already what a terminal would show. */
  isRead(serial) {
    return this.#chunkOf(serial).whole !== null;
  }

  /** The texts of rows as `read` makes them, joined by line feeds. A row that is no line is empty. */
  texts(first, end, read) {
    const chunk = this.#chunkOf(first);
    if (chunk.first === first && chunk.first + chunk.count === end && chunk.whole !== null) {
      return chunk.whole;
    }
    const parts = [];
    for (let serial = first; serial < end; serial += 1) {
      const row = this.row(serial);
      parts.push(row.kind === "line" ? read(row.text) : "");
    }
    return parts.join("\n");
  }

  get #last() {
    return this.#chunks[this.#chunks.length - 1];
  }

  #open() {
    return this.#last.isFull ? this.#grow() : this.#last;
  }

  #grow() {
    const last = this.#last;
    last.seal();
    this.#bytes += last.bytes;
    const next = new Chunk(last.first + last.count);
    this.#chunks.push(next);
    return next;
  }

  #present() {
    return this.#streamStart <= this.first ? this.#chunks : this.#chunks.filter(({ first }) => first >= this.#streamStart);
  }

  /** The chunk of a serial, by halving: a million lines are a thousand chunks. */
  #chunkOf(serial) {
    let [low, high] = [0, this.#chunks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      [low, high] = this.#chunks[middle].first <= serial ? [middle, high] : [low, middle - 1];
    }
    return this.#chunks[low];
  }
}
