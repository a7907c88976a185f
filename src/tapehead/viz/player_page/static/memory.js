// The memory after the present step: words, and who writes and reads them; the link matrix.
(function (T) {
  "use strict";

  const LABEL = 30, BAR = 11, GAP = 6, VECTOR = 9, HEAD = 15;

  T.Memory = class {
    constructor(player) {
      this.player = player;
      this.canvas = T.make("canvas", { role: "img", tabindex: "-1",
        "aria-label": "Memory after this step: a row for each slot" });
      this.element = T.make("div", { class: "area" }, this.canvas);
      this.element.addEventListener("pointermove", (event) => player.tip(event, this.words(event)));
      this.element.addEventListener("pointerleave", () => player.tip(null));
    }

    /** Places of everything for this width. */
    layout(width) {
      const { recording, shown } = this.player;
      const writes = recording.arrays.write_weights.shape[1], reads = recording.arrays.read_weights.shape[1];
      const used = recording.arrays.usage ? 1 : 0;
      const row = Math.max(2, Math.min(15, 470 / shown.length));
      const bars = (writes + reads + used) * BAR + (2 + used) * GAP;
      const text = this.player.named && row >= 10 && width >= 400 ? Math.min(170, width * 0.34) : 0;
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
      this.image = new T.Image(this.player.shown.length, this.player.recording.word_size);
      this.show(this.player.step);
    }

    show(step) {
      const { player, colours, place, width } = this;
      const { recording, shown } = player, { arrays, slots, word_size: W } = recording;
      const { writes, reads, row, x, wide, top, below } = place;
      const context = T.size(this.canvas, width, place.height);
      context.clearRect(0, 0, width, place.height);
      const memory = player.memory.at(step), reach = recording.reach, ramp = colours.ramps.signed;
      shown.forEach((slot, r) => {
        for (let i = 0; i < W; i++) {
          this.image.words[r * W + i] = ramp[T.level(memory[slot * W + i], -reach, reach)];
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
      this.drawWords(context, step);
    }

    drawBar(context, ramp, x, value) {
      const { row, top } = this.place;
      this.player.shown.forEach((slot, r) => {
        context.fillStyle = this.colours.css(ramp, value(slot), 0, 1);
        context.fillRect(x, top + r * row, BAR - 1, row - (row > 5 ? 0.6 : 0));
      });
    }

    /** What is written comes from above, what is read leaves below. */
    drawVectors(context, step) {
      const { arrays, word_size: W, reach } = this.player.recording;
      const { writes, reads, x, wide, below } = this.place, cell = wide / W;
      const vector = (name, heads, h, y, ramp, low) => {
        for (let i = 0; i < W; i++) {
          const value = arrays[name].data[(step * heads + h) * W + i];
          context.fillStyle = this.colours.css(ramp, value, low * reach, ramp === "signed" ? reach : 1);
          context.fillRect(x + i * cell, y, cell + 0.3, VECTOR - 1);
        }
      };
      for (let h = 0; h < writes; h++) {
        vector("erase", writes, h, HEAD + h * (2 * VECTOR + 3), "write", 0);
        vector("add", writes, h, HEAD + h * (2 * VECTOR + 3) + VECTOR, "signed", -1);
      }
      for (let h = 0; h < reads; h++) vector("read_words", reads, h, below + h * (VECTOR + 2), "signed", -1);
    }

    drawWords(context, step) {
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
      const caption = used ? "read, used" : "read";
      context.fillText(caption, context.textAlign === "right" ? this.width : bars - 2, 6);
      context.textAlign = "left";
      if (!place.text) return;
      const left = bars + (reads + used) * BAR + used * GAP + GAP, room = this.width - left;
      player.shown.forEach((slot, r) => {
        const read = player.readAt(step, slot), name = player.holds(step, slot);
        if (!name) return;
        context.fillStyle = read > 0.3 ? colours.ink : colours.muted;
        context.font = `${read > 0.3 ? "bold " : ""}10.5px ${colours.font}`;
        context.fillText(shorten(context, name, room), left, top + (r + 0.5) * row);
      });
    }

    words(event) {
      const { player, place } = this, { recording, shown } = player;
      const box = this.canvas.getBoundingClientRect();
      const row = Math.floor((event.clientY - box.top - place.top) / place.row);
      if (row < 0 || row >= shown.length) return null;
      const slot = shown[row], W = recording.word_size;
      const element = Math.floor(((event.clientX - box.left - place.x) / place.wide) * W);
      const lines = [`slot ${slot}`];
      if (element >= 0 && element < W) {
        lines.push(`number ${element + 1} of ${W}: ${T.format(player.memory.at(player.step)[slot * W + element])}`);
      }
      lines.push(`written now ${T.format(player.writtenAt(player.step, slot))}, ` +
        `read now ${T.format(player.readAt(player.step, slot))}`);
      const name = player.holds(player.step, slot);
      return name ? [...lines, `holds: ${name}`] : lines;
    }
  };

  function shorten(context, text, room) {
    if (context.measureText(text).width <= room) return text;
    let end = text.length;
    while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
    return `${text.slice(0, end)}…`;
  }

  /** The temporal links between the slots shown, drawn only while somebody looks. */
  T.Links = class {
    constructor(player) {
      this.player = player;
      this.canvas = T.make("canvas", { role: "img", "aria-label": "Temporal links: row written after column" });
      this.area = T.make("div", { class: "area links" }, this.canvas);
      this.element = T.make("details", { class: "card" },
        T.make("summary", {}, "Temporal links"),
        T.make("p", { class: "help" }, "A cell is strong when the slot of its row was written right after the " +
          "slot of its column. The network can follow these links forwards and backwards."),
        this.area);
      this.element.addEventListener("toggle", () => player.redraw());
      this.area.addEventListener("pointermove", (event) => player.tip(event, this.words(event)));
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
      if (this.image?.canvas.width !== shown.length) this.image = new T.Image(shown.length, shown.length);
      shown.forEach((to, r) => shown.forEach((from, c) => {
        this.image.words[r * shown.length + c] = ramp[T.level(link[to * slots + from], 0, 1)];
      }));
      this.canvas.style.width = `${this.side}px`;
      this.image.draw(T.size(this.canvas, this.side, this.side), 0, 0, this.side, this.side);
    }

    words(event) {
      const { player } = this, { shown, recording } = player, box = this.canvas.getBoundingClientRect();
      const cell = (at, size) => Math.floor((at / size) * shown.length);
      const to = shown[cell(event.clientY - box.top, box.height)], from = shown[cell(event.clientX - box.left, box.width)];
      if (to === undefined || from === undefined) return null;
      const value = player.links.at(player.step)[to * recording.slots + from];
      return [`slot ${to} after slot ${from}`, T.format(value)];
    }
  };
})(globalThis.Tapehead);
