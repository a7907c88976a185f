// Colours of numbers. The ramps stand in the style sheet (--ramp-…), so light and dark are decided there.
(function (T) {
  "use strict";

  const LEVELS = 256;

  function parse(colour) {
    const digits = colour.trim().slice(1);
    return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
  }

  /** 256 colours as the 32-bit words of an image, from evenly spaced stops. */
  function ramp(stops) {
    const anchors = stops.split(",").map(parse);
    const colours = new Uint32Array(LEVELS);
    for (let level = 0; level < LEVELS; level++) {
      const place = (level / (LEVELS - 1)) * (anchors.length - 1);
      const low = Math.min(Math.floor(place), anchors.length - 2), part = place - low;
      const [r, g, b] = anchors[low].map((from, i) => Math.round(from + part * (anchors[low + 1][i] - from)));
      colours[level] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    return colours;
  }

  T.Colours = class {
    constructor(element) {
      this.element = element;
      this.ramps = {};
      this.refresh();
    }

    /** Read the style sheet again: the reader may have switched to dark. */
    refresh() {
      const style = getComputedStyle(this.element);
      for (const name of ["write", "read", "plain", "signed"]) {
        this.ramps[name] = ramp(style.getPropertyValue(`--ramp-${name}`));
      }
      this.ink = style.getPropertyValue("--ink").trim();
      this.muted = style.getPropertyValue("--muted").trim();
      this.line = style.getPropertyValue("--line").trim();
      this.wrong = style.getPropertyValue("--wrong").trim();
      this.modes = ["backward", "content", "forward"].map((mode) =>
        style.getPropertyValue(`--mode-${mode}`).trim());
      this.font = style.fontFamily;
    }

    css(ramp, value, low, high) {
      const word = this.ramps[ramp][T.level(value, low, high)];
      return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
    }
  };

  T.level = function (value, low, high) {
    const part = (value - low) / (high - low);
    return part > 0 ? (part < 1 ? Math.round(part * (LEVELS - 1)) : LEVELS - 1) : 0;
  };

  /** Set the size of a canvas in CSS pixels; draws sharp on any screen. */
  T.size = function (canvas, width, height) {
    const scale = globalThis.devicePixelRatio || 1;
    const pixels = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    return context;
  };

  /** A small image, one pixel a number, to be drawn enlarged. */
  T.Image = class {
    constructor(rows, columns) {
      this.canvas = document.createElement("canvas");
      [this.canvas.width, this.canvas.height] = [columns, rows];
      this.context = this.canvas.getContext("2d");
      this.data = this.context.createImageData(columns, rows);
      this.words = new Uint32Array(this.data.data.buffer);
    }

    draw(context, x, y, width, height) {
      this.context.putImageData(this.data, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.canvas, x, y, width, height);
    }
  };
})(globalThis.Tapehead);
