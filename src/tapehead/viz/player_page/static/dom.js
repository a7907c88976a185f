// Small helpers for elements, canvases and words.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = ["svg", "g", "line", "circle", "text", "path", "title"];

/**
 * A new element: make("p", { class: "note", onclick: f }, "text", child).
 * Strings become text, never markup. Attributes and children that are null are left out.
 */
export function make(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set the size of a canvas in CSS pixels, at the resolution of the screen; returns its context. */
export function sizeCanvas(canvas, width, height) {
  const scale = globalThis.devicePixelRatio || 1;
  const pixels = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

/** A number in a few digits. */
export function format(value) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.0005) return value.toExponential(1);
  return size < 100 ? String(Number(value.toFixed(3))) : String(Number(value.toPrecision(4)));
}

/** The text with a capital first letter. */
export function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The longest beginning of the text, with an ellipsis if anything is cut, that `fits`. */
export function shorten(text, fits) {
  if (fits(text)) return text;
  let end = text.length - 1;
  while (end > 1 && !fits(`${text.slice(0, end)}…`)) end -= 1;
  return `${text.slice(0, end)}…`;
}

/** [0, 1, …, count - 1] */
export function range(count) {
  return [...Array(count).keys()];
}

/** Scroll a list, the offset parent of its items, until an item is visible. */
export function scrollIntoList(scroller, item) {
  const from = item.offsetTop, to = from + item.offsetHeight;
  if (from < scroller.scrollTop || to > scroller.scrollTop + scroller.clientHeight) {
    scroller.scrollTop = (from + to - scroller.clientHeight) / 2;
  }
}
