// How a style of a terminal looks here. Text must be readable on the page's ground, light or dark, so a colour keeps its hue and gives up lightness; and
// on a ground that a line brings itself, its text is moved until it can be read there. No DOM in here.

import { BOLD, DIM, INVERSE, ITALIC, NONE, STRIKE, TRUE_COLOUR, UNDERLINE } from "./ansi.js";

/** The page's grounds, as in `lines.css`. */
const GROUNDS = { light: 0xffffff, dark: 0x14181d };
const ENOUGH = 4.5;
const INK = 0x1a1d21;
const PAPER = 0xffffff;
/** The sixteen colours as grounds, and on such grounds: there they are what most terminals show. Alone on the page's ground, `lines.css` has them. */
const SIXTEEN = [0x1e2226, 0xc03a32, 0x2f8f46, 0xb58a00, 0x2f66c4, 0xa03fa8, 0x178a94, 0xd5d8dc, 0x6b737c, 0xff7b72, 0x6fd484, 0xf2cc60, 0x7fb2ff, 0xe29bea,
  0x6fd9e2, 0xffffff];
const FACES = [[BOLD, "bold"], [DIM, "dim"], [ITALIC, "italic"], [UNDERLINE, "underline"], [STRIKE, "strike"], [INVERSE, "inverse"]];
const STEPS = [0, 95, 135, 175, 215, 255];
const REMEMBERED = 4096;

/** The colour 0xrrggbb that a style's number means: sixteen of their own, a cube of 216, 24 greys (xterm's palette), or itself. */
export function rgb(colour) {
  if (colour >= TRUE_COLOUR) {
    return colour - TRUE_COLOUR;
  }
  if (colour < 16) {
    return SIXTEEN[colour];
  }
  if (colour >= 232) {
    return (8 + (colour - 232) * 10) * 0x010101;
  }
  const index = colour - 16;
  return (STEPS[Math.floor(index / 36)] << 16) | (STEPS[Math.floor(index / 6) % 6] << 8) | STEPS[index % 6];
}

/** Relative luminance (WCAG 2.2). */
function luminance(colour) {
  const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio of two colours (WCAG 2.2), 1 to 21. */
export function contrast(one, other) {
  const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

/** The colour nearest to `colour`, on its way to black or white, that can be read on `ground`. */
export function readable(colour, ground) {
  if (contrast(colour, ground) >= ENOUGH) {
    return colour;
  }
  const end = contrast(0, ground) > contrast(0xffffff, ground) ? 0 : 0xffffff;
  let [near, far] = [0, 1];
  for (let step = 0; step < 8; step += 1) {
    const middle = (near + far) / 2;
    [near, far] = contrast(mix(colour, end, middle), ground) >= ENOUGH ? [near, middle] : [middle, far];
  }
  return mix(colour, end, far);
}

function mix(one, other, share) {
  const part = (shift) => Math.round(((one >> shift) & 255) * (1 - share) + ((other >> shift) & 255) * share) << shift;
  return part(16) | part(8) | part(0);
}

const css = (colour) => `#${colour.toString(16).padStart(6, "0")}`;
const dresses = new Map();

/** What an element of this style has: `{ className, properties }`, the latter as pairs of a CSS property and its value. */
export function dress(style) {
  const key = `${style.fg},${style.bg},${style.flags}`;
  let found = dresses.get(key);
  if (found === undefined) {
    if (dresses.size >= REMEMBERED) {
      dresses.clear();
    }
    found = sew(style);
    dresses.set(key, found);
  }
  return found;
}

function sew({ fg, bg, flags }) {
  const names = FACES.filter(([flag]) => flags & flag).map(([, name]) => name);
  const properties = [];
  if (bg !== NONE) {
    const [text, ground] = flags & INVERSE ? [rgb(bg), fg === NONE ? INK : rgb(fg)] : [fg === NONE ? preferred(rgb(bg)) : rgb(fg), rgb(bg)];
    names.push("ground");
    properties.push(["--text", css(readable(text, ground))], ["--brought", css(ground)]);
  } else if (fg >= 16) {
    names.push("colour");
    properties.push(["--on-light", css(readable(rgb(fg), GROUNDS.light))], ["--on-dark", css(readable(rgb(fg), GROUNDS.dark))]);
  } else if (fg !== NONE) {
    names.push(`ansi-${fg}`);
  }
  return { className: names.join(" "), properties };
}

function preferred(ground) {
  return contrast(INK, ground) > contrast(PAPER, ground) ? INK : PAPER;
}
