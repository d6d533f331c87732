// Making elements. Text from the network goes through `textContent` and text nodes only.

const SVG = "http://www.w3.org/2000/svg";

/** An element; of `properties`, `dataset` and names with a hyphen or `role` become attributes, all others are the element's own. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "role" || key.includes("-")) {
      element.setAttribute(key, value);
    } else {
      element[key] = value;
    }
  }
  element.append(...children);
  return element;
}

/** A picture of lines in a square of 24, for a button that has its label beside it. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

const NUMBERS = new Intl.NumberFormat("en");

/** `1,234`, the same for every reader, as numbers of lines are. */
export const grouped = (count) => NUMBERS.format(count);
