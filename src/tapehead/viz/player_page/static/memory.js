// The memory after the current step, with what is written and read; the link matrix.

import { PixelImage, level } from "./colours.js";
import { format, make, shorten, sizeCanvas } from "./dom.js";

// Pixels: width of slot numbers and of a bar, gap, height of a vector and of the captions at the top.
const LABEL = 30, BAR = 11, GAP = 6, VECTOR = 9, HEAD = 15;
const MIN_BOLD = 0.3; // of a read weight

/** The memory matrix with its weightings, erase and add vectors, and words read. */
export class Memory {
  constructor(player) {
    this.player = player;
    this.canvas = make("canvas", { role: "img", tabindex: "-1",
      "aria-label": "Memory after this step: a row for each slot" });
    this.element = make("div", { class: "area" }, this.canvas);
    this.element.addEventListener("pointermove", (event) => player.tip(event, this.tooltip(event)));
    this.element.addEventListener("pointerleave", () => player.tip(null));
  }

  /** Positions and sizes of everything, in pixels, for this width. */
  layout(width) {
    const { recording, shown } = this.player;
    const writes = recording.arrays.write_weights.shape[1], reads = recording.arrays.read_weights.shape[1];
    const used = recording.arrays.usage ? 1 : 0;
    const row = Math.max(2, Math.min(15, 470 / shown.length));
    const bars = (writes + reads + used) * BAR + (2 + used) * GAP;
    const text = this.player.hasCaptions && row >= 10 && width >= 400 ? Math.min(170, width * 0.34) : 0;
    const x = LABEL + writes * BAR + GAP;
    const wide = Math.max(40, width - LABEL - bars - text);
    const top = HEAD + writes * (2 * VECTOR + 3) + GAP;
    const below = top + row * shown.length + GAP;
    return { writes, reads, used, row, text, x, wide, top, below, height: below + reads * (VECTOR + 2) };
  }

  draw(width, colours) {
    this.width = width;
    this.colours = colours;
    this.place = this.layout(width);
    this.image = new PixelImage(this.player.shown.length, this.player.recording.word_size);
    this.show(this.player.step);
  }

  show(step) {
    const { player, colours, place, width } = this;
    const { recording, shown } = player, { arrays, slots, word_size: W } = recording;
    const { writes, reads, row, x, wide, top, below } = place;
    const context = sizeCanvas(this.canvas, width, place.height);
    context.clearRect(0, 0, width, place.height);
    const memory = player.memory.at(step), limit = recording.value_limit, ramp = colours.ramps.signed;
    shown.forEach((slot, r) => {
      for (let i = 0; i < W; i++) {
        this.image.words[r * W + i] = ramp[level(memory[slot * W + i], -limit, limit)];
      }
    });
    this.image.draw(context, x, top, wide, row * shown.length);
    this.drawVectors(context, step);
    const right = x + wide + GAP;
    for (let h = 0; h < writes; h++) {
      this.drawBar(context, "write", LABEL + h * BAR, (slot) =>
        arrays.write_weights.data[(step * writes + h) * slots + slot]);
    }
    for (let h = 0; h < reads; h++) {
      this.drawBar(context, "read", right + h * BAR, (slot) =>
        arrays.read_weights.data[(step * reads + h) * slots + slot]);
    }
    if (place.used) {
      this.drawBar(context, "plain", right + reads * BAR + GAP, (slot) => arrays.usage.data[step * slots + slot]);
    }
    this.drawLabels(context, step);
  }

  drawBar(context, ramp, x, value) {
    const { row, top } = this.place;
    this.player.shown.forEach((slot, r) => {
      context.fillStyle = this.colours.css(ramp, value(slot), 0, 1);
      context.fillRect(x, top + r * row, BAR - 1, row - (row > 5 ? 0.6 : 0));
    });
  }

  /** Erase and add vectors above the memory, the words read below it. */
  drawVectors(context, step) {
    const { arrays, word_size: W, value_limit: limit } = this.player.recording;
    const { writes, reads, x, wide, below } = this.place, cell = wide / W;
    const vector = (name, heads, h, y, ramp, low) => {
      for (let i = 0; i < W; i++) {
        const value = arrays[name].data[(step * heads + h) * W + i];
        context.fillStyle = this.colours.css(ramp, value, low * limit, ramp === "signed" ? limit : 1);
        context.fillRect(x + i * cell, y, cell + 0.3, VECTOR - 1);
      }
    };
    for (let h = 0; h < writes; h++) {
      vector("erase", writes, h, HEAD + h * (2 * VECTOR + 3), "write", 0);
      vector("add", writes, h, HEAD + h * (2 * VECTOR + 3) + VECTOR, "signed", -1);
    }
    for (let h = 0; h < reads; h++) vector("read_words", reads, h, below + h * (VECTOR + 2), "signed", -1);
  }

  drawLabels(context, step) {
    const { player, colours, place } = this, { row, top, x, wide, reads, used } = place;
    context.font = `10px ${colours.font}`;
    context.textBaseline = "middle";
    context.fillStyle = colours.muted;
    context.textAlign = "right";
    const every = Math.ceil(11 / row);
    player.shown.forEach((slot, r) => {
      if (r % every === 0) context.fillText(slot, LABEL - 5, top + (r + 0.5) * row);
    });
    context.fillText("erase", x - 4, HEAD + VECTOR / 2 - 1);
    context.fillText("add", x - 4, HEAD + VECTOR * 1.5);
    context.fillText("read", x - 4, place.below + VECTOR / 2);
    context.textAlign = "left";
    context.fillText("write", LABEL - 2, 6);
    const bars = x + wide + GAP;
    const end = bars + (reads + used) * BAR + used * GAP;
    if (end + 16 > this.width) context.textAlign = "right";
    const caption = used ? "read, usage" : "read";
    context.fillText(caption, context.textAlign === "right" ? this.width : bars - 2, 6);
    context.textAlign = "left";
    if (!place.text) return;
    const left = bars + (reads + used) * BAR + used * GAP + GAP, room = this.width - left;
    player.shown.forEach((slot, r) => {
      const read = player.readAt(step, slot), name = player.holds(step, slot);
      if (!name) return;
      context.fillStyle = read > MIN_BOLD ? colours.ink : colours.muted;
      context.font = `${read > MIN_BOLD ? "bold " : ""}10.5px ${colours.font}`;
      const label = shorten(name, (text) => context.measureText(text).width <= room);
      context.fillText(label, left, top + (r + 0.5) * row);
    });
  }

  tooltip(event) {
    const { player, place } = this, { recording, shown } = player;
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top - place.top) / place.row);
    if (row < 0 || row >= shown.length) return null;
    const slot = shown[row], W = recording.word_size;
    const element = Math.floor(((event.clientX - box.left - place.x) / place.wide) * W);
    const lines = [`slot ${slot}`];
    if (element >= 0 && element < W) {
      lines.push(`number ${element + 1} of ${W}: ${format(player.memory.at(player.step)[slot * W + element])}`);
    }
    lines.push(`written now ${format(player.writtenAt(player.step, slot))}, ` +
      `read now ${format(player.readAt(player.step, slot))}`);
    const name = player.holds(player.step, slot);
    return name ? [...lines, `holds: ${name}`] : lines;
  }
}

/** The temporal links between the slots shown, drawn only while the section is open. */
export class Links {
  constructor(player) {
    this.player = player;
    this.canvas = make("canvas", { role: "img", "aria-label": "Temporal links: row written after column" });
    this.area = make("div", { class: "area links" }, this.canvas);
    this.element = make("details", { class: "card" },
      make("summary", {}, "Temporal links"),
      make("p", { class: "help" }, "A coloured cell: the slot of its row was written right after the slot of its " +
        "column. The read heads can follow these links forwards and backwards."),
      this.area);
    this.element.addEventListener("toggle", () => player.redraw());
    this.area.addEventListener("pointermove", (event) => player.tip(event, this.tooltip(event)));
    this.area.addEventListener("pointerleave", () => player.tip(null));
  }

  draw(width, colours) {
    this.colours = colours;
    this.side = Math.max(60, Math.min(440, width));
    this.show(this.player.step);
  }

  show(step) {
    if (!this.element.open || !this.colours) return;
    const { player } = this, { shown } = player, { slots } = player.recording;
    const link = player.links.at(step), ramp = this.colours.ramps.read;
    if (this.image?.canvas.width !== shown.length) this.image = new PixelImage(shown.length, shown.length);
    shown.forEach((to, r) => shown.forEach((from, c) => {
      this.image.words[r * shown.length + c] = ramp[level(link[to * slots + from], 0, 1)];
    }));
    this.canvas.style.width = `${this.side}px`;
    this.image.draw(sizeCanvas(this.canvas, this.side, this.side), 0, 0, this.side, this.side);
  }

  tooltip(event) {
    const { player } = this, { shown, recording } = player, box = this.canvas.getBoundingClientRect();
    const cell = (at, size) => Math.floor((at / size) * shown.length);
    const to = shown[cell(event.clientY - box.top, box.height)];
    const from = shown[cell(event.clientX - box.left, box.width)];
    if (to === undefined || from === undefined) return null;
    const value = player.links.at(player.step)[to * recording.slots + from];
    return [`slot ${to} after slot ${from}`, format(value)];
  }
}
