// Making elements, and changing their text. Text from the network goes through `textContent` and text nodes only.

const SVG = "http://www.w3.org/2000/svg";

/** An element; of `properties`, names with a hyphen and `role` become attributes, all others are the element's own. */
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

/** An element of SVG: all of `attributes` are attributes. */
export function makeSvg(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

/** A picture of lines in a square of 24, for a button that has its label beside it. */
export function icon(path) {
  return makeSvg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, makeSvg("path", { d: path }));
}

/** Sets an element's text, unless it says so already: then nothing is laid out anew, and a screen reader hears nothing. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
