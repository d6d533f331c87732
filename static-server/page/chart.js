// The chart: milliseconds off the beat of the newest arrivals or, where the stream has no beat, messages in each second. SVG, drawn anew at most
// a few times a second.

import { makeSvg } from "./dom.js";

const LEFT = 52;
const RIGHT = 14;
const TOP = 26;
const BOTTOM = 26;
const SLOTS = 60;

/** Draws into `svg` at the size that the page gives it. */
export class Chart {
  #svg;
  #draw = () => {};

  constructor(svg) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** `off`: milliseconds late (positive) or early, oldest first. */
  showBeat(off) {
    const bound = niceBound(Math.max(1, ...off.map(Math.abs)));
    this.#draw = () => this.#paint(off, { low: -bound, high: bound }, "ms off the beat (up: late)", "60 messages ago", stems);
    this.#draw();
  }

  /** `rates`: messages in each of the last sixty seconds, oldest first. */
  showRates(rates) {
    const bound = niceBound(Math.max(1, ...rates));
    this.#draw = () => this.#paint(rates, { low: 0, high: bound }, "messages in a second", "60 s ago", bars);
    this.#draw();
  }

  #paint(values, range, unit, oldest, marks) {
    const box = this.#svg.getBoundingClientRect();
    if (box.width < 80 || box.height < 60) {
      return;
    }
    const em = Number.parseFloat(getComputedStyle(this.#svg).fontSize) / 12;
    const plane = makePlane(box, range, em);
    this.#svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const labels = [
      label(plane.left, 13 * em, "start", unit),
      label(plane.left, box.height - 6 * em, "start", oldest),
      label(plane.right, box.height - 6 * em, "end", "now"),
    ];
    this.#svg.replaceChildren(...grid(plane, range, em), ...labels, ...marks(values, plane, em));
  }
}

/** 1, 2 or 5 times a power of ten: the next one that is not below `value`. */
function niceBound(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((bound) => bound >= value) ?? value;
}

function makePlane(box, { low, high }, em) {
  const plane = { left: LEFT * em, right: box.width - RIGHT * em, top: TOP * em, bottom: box.height - BOTTOM * em };
  const slot = (plane.right - plane.left) / SLOTS;
  return {
    ...plane,
    slot,
    // The newest value always stands at the right edge.
    x: (index, count) => plane.right - (count - index - 0.5) * slot,
    y: (value) => plane.bottom - ((value - low) / (high - low)) * (plane.bottom - plane.top),
  };
}

function grid(plane, { low, high }, em) {
  const values = [low, (low + high) / 2, high];
  return values.flatMap((value) => {
    const y = plane.y(value);
    const sign = low < 0 && value > 0 ? "+" : "";
    const text = value < 0 ? `−${format(-value)}` : sign + format(value);
    const line = makeSvg("line", { class: value === 0 ? "zero" : "grid", x1: plane.left, x2: plane.right, y1: y, y2: y });
    return [line, label(plane.left - 8 * em, y + 4 * em, "end", text)];
  });
}

function stems(values, plane, em) {
  const newest = values.slice(-SLOTS);
  const points = newest.map((value, index) => [plane.x(index, newest.length), plane.y(value)]);
  const zero = plane.y(0);
  const path = points.map(([x, y]) => `M${x.toFixed(1)} ${zero.toFixed(1)}V${y.toFixed(1)}`).join("");
  const dots = points.map(([x, y], index) => {
    const last = index === points.length - 1;
    return makeSvg("circle", { class: last ? "dot last" : "dot", cx: x.toFixed(1), cy: y.toFixed(1), r: (last ? 4.5 : 2.4) * em });
  });
  return [makeSvg("path", { class: "stem", d: path }), ...dots];
}

function bars(values, plane) {
  const newest = values.slice(-SLOTS);
  const width = Math.max(1, plane.slot * 0.7);
  return newest.map((value, index) => {
    const y = plane.y(value);
    const x = plane.x(index, newest.length) - width / 2;
    return makeSvg("rect", { class: "column", x: x.toFixed(1), y: y.toFixed(1), width: width.toFixed(1), height: (plane.bottom - y).toFixed(1) });
  });
}

function label(x, y, anchor, text) {
  return makeSvg("text", { x, y, "text-anchor": anchor }, text);
}

function format(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 1 });
}
