// Colours of numbers. The ramps are in the style sheet (--ramp-…), which chooses between light and dark.

const LEVELS = 256;

function parse(colour) {
  const digits = colour.trim().slice(1);
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
}

/** 256 colours as the 32-bit words of an image, interpolated between evenly spaced stops. */
function parseRamp(stops) {
  const anchors = stops.split(",").map(parse);
  const colours = new Uint32Array(LEVELS);
  for (let step = 0; step < LEVELS; step++) {
    const place = (step / (LEVELS - 1)) * (anchors.length - 1);
    const low = Math.min(Math.floor(place), anchors.length - 2), part = place - low;
    const [r, g, b] = anchors[low].map((from, i) => Math.round(from + part * (anchors[low + 1][i] - from)));
    colours[step] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return colours;
}

/** The index in a ramp of a value between low and high. */
export function level(value, low, high) {
  const part = (value - low) / (high - low);
  return part > 0 ? (part < 1 ? Math.round(part * (LEVELS - 1)) : LEVELS - 1) : 0;
}

/** The style sheet's colours, as they apply to an element. */
export class Colours {
  constructor(element) {
    this.element = element;
    this.ramps = {};
    this.refresh();
  }

  /** Read the style sheet again: the reader may have switched to dark. */
  refresh() {
    const style = getComputedStyle(this.element);
    for (const name of ["write", "read", "plain", "signed"]) {
      this.ramps[name] = parseRamp(style.getPropertyValue(`--ramp-${name}`));
    }
    this.ink = style.getPropertyValue("--ink").trim();
    this.muted = style.getPropertyValue("--muted").trim();
    this.card = style.getPropertyValue("--card").trim();
    this.line = style.getPropertyValue("--line").trim();
    this.wrong = style.getPropertyValue("--wrong").trim();
    this.modes = ["backward", "content", "forward"].map((mode) =>
      style.getPropertyValue(`--mode-${mode}`).trim());
    this.font = style.fontFamily;
  }

  css(ramp, value, low, high) {
    const word = this.ramps[ramp][level(value, low, high)];
    return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
  }
}

/** A small image, one pixel for each number, that is drawn enlarged. */
export class PixelImage {
  constructor(rows, columns) {
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [columns, rows];
    this.context = this.canvas.getContext("2d");
    this.data = this.context.createImageData(columns, rows);
    /** Pixels as 32-bit words, row by row: set these, then draw. */
    this.words = new Uint32Array(this.data.data.buffer);
  }

  draw(context, x, y, width, height) {
    this.context.putImageData(this.data, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.canvas, x, y, width, height);
  }
}
