// What a terminal would show of a line: its text, and which part has which style (ECMA-48 §5.4, §8.3; xterm's "Control Sequences").
// Colours and type are kept, all other sequences are removed. A line begins without a style and its style ends with it, as in `less -R`: a program that
// dies in the middle of a colour does not paint what follows.

/** Anything in a line that is not simply shown. A tab is left to the page's `tab-size`. */
const CONTROL = /[\0-\x08\n-\x1f\x7f-\x9f]/;
/** What moves the cursor within the line or erases what is there: carriage return, backspace, and the sequences CUF, CUB, CHA and EL but to the end. */
const MOVES = /[\r\b]|(?:\x1b\[|\x9b)(?:\d*[CDG]|[12]K)/;
/**
 * One sequence or one control. In this order: a control sequence; a string (OSC, DCS, SOS, PM, APC) up to its terminator; a control sequence that was cut off;
 * an escape sequence of two or more characters, which is also how a string without an end begins; a single control. The classes of a part never overlap
 * with what may follow it, so that each part is read once.
 */
const TOKEN = /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~])|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*[0-~]|([\0-\x08\n-\x1f\x7f-\x9f])/g;

/** The cursor moves no further than this many columns beyond the text. */
const MOST_COLUMNS = 2048;
const TAB = 8;

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const INVERSE = 16;
export const STRIKE = 32;
/** Colours: `NONE`, 0 to 255 of the palette, or `TRUE_COLOUR` + 0xrrggbb. */
export const NONE = -1;
export const TRUE_COLOUR = 0x1000000;

const PLAIN = Object.freeze({ fg: NONE, bg: NONE, flags: 0 });
const NO_SPANS = Object.freeze([]);

/** `{ text, spans }` of a line as it came; a span is `{ start, end, style }` in `text`, and what has no style has no span. */
export function parse(line) {
  const raw = line.endsWith("\r") ? line.replace(/\r+$/, "") : line;
  if (!CONTROL.test(raw)) {
    return { text: raw, spans: NO_SPANS };
  }
  return read(raw, MOVES.test(raw) ? new Screen() : new Flow());
}

/** The text alone. */
export function plain(line) {
  return parse(line).text;
}

function read(raw, target) {
  let style = PLAIN;
  let shown = 0;
  for (const match of raw.matchAll(TOKEN)) {
    target.write(raw.slice(shown, match.index), style);
    shown = match.index + match[0].length;
    const [, parameters, between, final, control] = match;
    if (control !== undefined) {
      act(target, control, style);
    } else if (final === "m" && between === "" && !/[<=>?]/.test(parameters)) {
      style = select(style, parameters);
    } else if (final !== undefined && between === "") {
      target.move(final, parameters);
    }
  }
  target.write(raw.slice(shown), style);
  return target.result();
}

function act(target, control, style) {
  if (control === "\r") {
    target.move("G", "");
  } else if (control === "\b") {
    target.move("D", "");
  } else if (control !== "\x0e" && control !== "\x0f") {
    // Shift out and shift in select a character set, and show nothing.
    target.write(picture(control.charCodeAt(0)), style);
  }
}

/** The character of Unicode's "Control Pictures"; those of C1 have none. */
function picture(code) {
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  return code === 0x7f ? "\u2421" : "\ufffd";
}

/** The style after SGR (ECMA-48 §8.3.117). */
function select(style, parameters) {
  const next = { ...style };
  const fields = parameters.split(";");
  for (let index = 0; index < fields.length; index += 1) {
    const [code, ...sub] = fields[index].split(":").map(Number);
    if (code === 38 || code === 48 || code === 58) {
      // `38:2::R:G:B` keeps to itself (ISO 8613-6), `38;2;R;G;B` takes the fields behind it; 58 is the colour of the underline, which is not shown.
      const rest = sub.length > 0 ? sub : fields.slice(index + 1, index + 5).map(Number);
      const colour = extended(rest, sub.length > 0);
      index += sub.length > 0 ? 0 : taken(rest);
      if (colour !== null && code !== 58) {
        next[code === 38 ? "fg" : "bg"] = colour;
      }
    } else {
      turn(next, code, sub);
    }
  }
  return next;
}

const ON = { 1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 9: STRIKE, 21: UNDERLINE };
const OFF = { 22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 29: STRIKE };

function turn(style, code, sub) {
  if (code === 0) {
    Object.assign(style, PLAIN);
  } else if (code === 4 && sub[0] === 0) {
    style.flags &= ~UNDERLINE;
  } else if (code in ON) {
    style.flags |= ON[code];
  } else if (code in OFF) {
    style.flags &= ~OFF[code];
  } else if (code >= 30 && code <= 39) {
    style.fg = code === 39 ? NONE : code - 30;
  } else if (code >= 40 && code <= 49) {
    style.bg = code === 49 ? NONE : code - 40;
  } else if (code >= 90 && code <= 97) {
    style.fg = code - 90 + 8;
  } else if (code >= 100 && code <= 107) {
    style.bg = code - 100 + 8;
  }
}

function extended([kind, ...values], hasSpace) {
  // With colons there may be a colour space before the three values.
  const parts = kind === 2 ? values.slice(hasSpace && values.length > 3 ? 1 : 0).slice(0, 3) : values.slice(0, 1);
  if (parts.length < (kind === 2 ? 3 : 1) || !parts.every((part) => part >= 0 && part <= 255)) {
    return null;
  }
  return kind === 2 ? TRUE_COLOUR + parts[0] * 0x10000 + parts[1] * 0x100 + parts[2] : kind === 5 ? parts[0] : null;
}

function taken([kind]) {
  return kind === 2 ? 4 : kind === 5 ? 2 : 1;
}

const isPlain = ({ fg, bg, flags }) => fg === NONE && bg === NONE && flags === 0;
const isSame = (a, b) => a === b || (a.fg === b.fg && a.bg === b.bg && a.flags === b.flags);

/** Text that only ever grows: nearly all of it. */
class Flow {
  #text = "";
  #spans = [];

  write(text, style) {
    if (text === "") {
      return;
    }
    const start = this.#text.length;
    this.#text += text;
    if (isPlain(style)) {
      return;
    }
    const last = this.#spans[this.#spans.length - 1];
    if (last?.end === start && isSame(last.style, style)) {
      last.end = this.#text.length;
    } else {
      this.#spans.push({ start, end: this.#text.length, style });
    }
  }

  move() {}

  result() {
    return { text: this.#text, spans: this.#spans };
  }
}

/** One line of a terminal's screen, in which text can be written over: a progress bar. */
class Screen {
  #cells = [];
  #styles = [];
  #column = 0;

  write(text, style) {
    for (const character of text) {
      const width = widthOf(character);
      if (width === 0) {
        const before = Math.max(0, this.#column - (this.#cells[this.#column - 1] === "" ? 2 : 1));
        this.#cells[before] = (this.#cells[before] ?? "") + character;
      } else if (character === "\t") {
        this.#column += TAB - (this.#column % TAB);
      } else {
        this.#put(character, width, style);
      }
    }
  }

  /** The final character of a control sequence, and its parameters. */
  move(final, parameters) {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    const furthest = Math.max(this.#cells.length, MOST_COLUMNS);
    if (final === "C" || final === "G") {
      this.#column = Math.min(furthest, final === "G" ? count - 1 : this.#column + count);
    } else if (final === "D") {
      this.#column = Math.max(0, this.#column - count);
    } else if (final === "K") {
      this.#erase(parameters);
    }
  }

  result() {
    const flow = new Flow();
    for (let column = 0; column < this.#cells.length; column += 1) {
      flow.write(this.#cells[column] ?? " ", this.#styles[column] ?? PLAIN);
    }
    return flow.result();
  }

  #put(character, width, style) {
    if (this.#cells[this.#column] === "" && this.#column > 0) {
      // The second half of a wide character: what is left of it is a blank.
      this.#cells[this.#column - 1] = " ";
    }
    this.#cells[this.#column] = character;
    this.#styles[this.#column] = style;
    if (width === 2) {
      this.#cells[this.#column + 1] = "";
      this.#styles[this.#column + 1] = style;
    } else if (this.#cells[this.#column + 1] === "") {
      this.#cells[this.#column + 1] = " ";
    }
    this.#column += width;
  }

  #erase(parameters) {
    if (parameters === "" || parameters === "0" || parameters === "2") {
      this.#cells.length = Math.min(this.#cells.length, parameters === "2" ? 0 : this.#column);
      this.#styles.length = this.#cells.length;
    } else if (parameters === "1") {
      this.#cells.fill(" ", 0, this.#column + 1);
      this.#styles.fill(PLAIN, 0, this.#column + 1);
    }
  }
}

const ASCII = /^[\t -~]*$/;
const ZERO_WIDTH = /[\p{Mn}\p{Me}\u200b-\u200f\ufe00-\ufe0f]/u;
/** East Asian Wide and Fullwidth (Unicode Annex 11), and emoji, in ranges that are as coarse as the columns need. */
const WIDE = /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

function widthOf(character) {
  if (ASCII.test(character)) {
    return 1;
  }
  return ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** The columns that a shown text takes, its tabs included. */
export function columns(text) {
  if (ASCII.test(text) && !text.includes("\t")) {
    return text.length;
  }
  let count = 0;
  for (const character of text) {
    count += character === "\t" ? TAB - (count % TAB) : widthOf(character);
  }
  return count;
}
