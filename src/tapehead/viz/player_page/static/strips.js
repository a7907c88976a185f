// Strips over time: drawn once; only the line at the current step moves.

import { PixelImage, level } from "./colours.js";
import { format, make, sizeCanvas } from "./dom.js";

/** A picture over time; the line at the current step moves. */
export class Panel {
  /** A click shows the clicked step in the player. `readout(step)`, if given, is the text beside the title. */
  constructor(player, { title, help = "", readout = null, label }) {
    this.player = player;
    this.readout = readout;
    this.valueBox = make("span", { class: "readout" });
    this.canvas = make("canvas", { role: "img", "aria-label": label || title });
    this.head = make("div", { class: "playhead" });
    this.area = make("div", { class: "area" }, this.canvas, this.head);
    this.element = make("figure", { class: "strip" },
      make("figcaption", {}, make("b", {}, title),
        help ? make("span", { class: "help", title: help }, help) : null, this.valueBox),
      this.area);
    this.listen();
  }

  listen() {
    const { area, player } = this;
    area.addEventListener("pointerdown", (event) => {
      area.setPointerCapture(event.pointerId);
      player.pause();
      player.show(this.stepAt(event));
    });
    area.addEventListener("pointermove", (event) => {
      if (area.hasPointerCapture(event.pointerId)) player.show(this.stepAt(event));
      player.tip(event, this.tooltip(this.stepAt(event), this.partAt(event)));
    });
    area.addEventListener("pointerleave", () => player.tip(null));
  }

  stepAt(event) {
    const box = this.area.getBoundingClientRect();
    const step = Math.floor(((event.clientX - box.left) / box.width) * this.player.steps);
    return Math.min(this.player.steps - 1, Math.max(0, step));
  }

  partAt(event) {
    const box = this.area.getBoundingClientRect();
    return Math.min(0.9999, Math.max(0, (event.clientY - box.top) / box.height));
  }

  show(step) {
    const wide = this.width / this.player.steps;
    this.head.style.width = `${Math.max(2, wide)}px`;
    this.head.style.transform = `translateX(${step * wide}px)`;
    if (this.readout) this.valueBox.textContent = this.readout(step);
  }
}

/**
 * Rows of numbers over time, as colours.
 *
 * Options: `rows()`, the rows to draw; `value(step, row)`, in low..high; `name(row)` and `note(step, row)`, for the
 * tooltip; `marks(step, row)`, where to draw a cross; `counts(step)`, false where to draw pale.
 */
export class Strip extends Panel {
  constructor(player, options) {
    super(player, options);
    Object.assign(this, { low: 0, high: 1, maxHeight: 150, marks: null, note: null, counts: null }, options);
  }

  draw(width, colours) {
    this.width = width;
    const { steps } = this.player, rows = this.rows();
    const height = Math.round(Math.max(10, Math.min(9 * rows.length, this.maxHeight)));
    const context = sizeCanvas(this.canvas, width, height);
    const image = new PixelImage(Math.min(rows.length, this.canvas.height), Math.min(steps, this.canvas.width));
    const { width: columns, height: lines } = image.canvas, colour = colours.ramps[this.ramp];
    for (let line = 0; line < lines; line++) {
      const [top, bottom] = share(line, lines, rows.length);
      for (let column = 0; column < columns; column++) {
        // If several numbers share a pixel, the largest is drawn, so that no short event is lost.
        const [start, end] = share(column, columns, steps);
        let most = 0;
        for (let r = top; r < bottom; r++) {
          for (let step = start; step < end; step++) {
            const value = this.value(step, rows[r]);
            if (Math.abs(value) > Math.abs(most)) most = value;
          }
        }
        image.words[line * columns + column] = colour[level(most, this.low, this.high)];
      }
    }
    image.draw(context, 0, 0, width, height);
    if (this.counts) this.fade(context, width, height, colours);
    if (this.marks) this.drawMarks(context, rows, width, height, colours);
  }

  /** Draw steps that do not count pale. */
  fade(context, width, height, colours) {
    const wide = width / this.player.steps;
    context.globalAlpha = 0.72;
    context.fillStyle = colours.css("plain", 0, 0, 1);
    for (let step = 0; step < this.player.steps; step++) {
      if (!this.counts(step)) context.fillRect(step * wide, 0, wide, height);
    }
    context.globalAlpha = 1;
  }

  drawMarks(context, rows, width, height, colours) {
    const wide = width / this.player.steps, tall = height / rows.length;
    const arm = Math.max(2, Math.min(wide, tall) * 0.35);
    context.strokeStyle = colours.wrong;
    context.lineWidth = 1.5;
    context.beginPath();
    rows.forEach((row, r) => {
      for (let step = 0; step < this.player.steps; step++) {
        if (!this.marks(step, row)) continue;
        const x = (step + 0.5) * wide, y = (r + 0.5) * tall;
        context.moveTo(x - arm, y - arm);
        context.lineTo(x + arm, y + arm);
        context.moveTo(x + arm, y - arm);
        context.lineTo(x - arm, y + arm);
      }
    });
    context.stroke();
  }

  tooltip(step, part) {
    const rows = this.rows(), row = rows[Math.floor(part * rows.length)];
    const lines = [`${this.player.stepName(step)} · ${this.name(row)}`, format(this.value(step, row))];
    const note = this.note && this.note(step, row);
    return note ? [...lines, note] : lines;
  }
}

/** The range [start, end) of `count` things that falls into part `part` of `parts`. */
function share(part, parts, count) {
  const start = Math.floor((part * count) / parts);
  return [start, Math.max(start + 1, Math.floor(((part + 1) * count) / parts))];
}

/** Stacked areas over time: a gate, or the read modes. `value(step, part)` is in 0..1. */
export class Shares extends Panel {
  constructor(player, options) {
    super(player, options);
    Object.assign(this, options);
  }

  draw(width, colours) {
    this.width = width;
    const { steps } = this.player, height = this.height || 26;
    const context = sizeCanvas(this.canvas, width, height);
    context.clearRect(0, 0, width, height);
    const wide = width / steps;
    const fills = this.parts.length > 1 ? colours.modes : [colours.muted];
    const base = new Float32Array(steps);
    this.parts.forEach((part, p) => {
      context.fillStyle = fills[p];
      for (let step = 0; step < steps; step++) {
        const tall = this.value(step, p) * height;
        context.fillRect(step * wide, height - base[step] - tall, wide + 0.3, tall);
        base[step] += tall;
      }
    });
    context.fillStyle = colours.line;
    context.fillRect(0, height - 1, width, 1);
  }

  tooltip(step) {
    const named = this.parts.map((part, p) => `${part ? `${part} ` : ""}${format(this.value(step, p))}`);
    return [this.player.stepName(step), ...named];
  }
}

/** The time axis below the strips: step numbers, and where the answer is. */
export class Axis {
  constructor(player) {
    this.player = player;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.element = make("div", { class: "axis" }, this.canvas);
  }

  draw(width, colours) {
    const { steps } = this.player, context = sizeCanvas(this.canvas, width, 34);
    context.clearRect(0, 0, width, 34);
    context.font = `11px ${colours.font}`;
    context.textBaseline = "top";
    const wide = width / steps;
    for (const [start, end] of this.player.answers) {
      context.fillStyle = colours.css("read", 0.75, 0, 1);
      context.fillRect(start * wide, 1, (end - start) * wide, 3);
      context.fillStyle = colours.muted;
      if (start === this.player.answers[0][0]) {
        const room = width - start * wide;
        const text = room > 45 ? "answer" : "";
        context.textAlign = "left";
        context.fillText(text, start * wide, 20);
      }
    }
    context.fillStyle = colours.muted;
    const minEvery = Math.ceil(44 / wide);
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((n) => n >= minEvery);
    for (let number = every; number <= steps; number += every) {
      context.textAlign = number * wide > width - 12 ? "right" : "center";
      context.fillText(number, Math.min(width, (number - 0.5) * wide), 7);
    }
    context.textAlign = "left";
    if (!this.player.answers.length || this.player.answers[0][0] * wide > 90) context.fillText("step", 0, 20);
  }

  show() {}
}
