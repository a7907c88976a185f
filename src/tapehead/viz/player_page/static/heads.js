// The slots that the read heads of a search stand on, over time.

import { range, sizeCanvas } from "./dom.js";
import { headWords, saying, wordsOf } from "./searchwords.js";
import { Panel } from "./strips.js";

const HEIGHT = 260, DOT = 2, MAX_DOT = 5; // pixels
const MIN_INK = 0.12; // of a dot whose head reads many slots

/** A dot for each head in each step: the slot that it reads most, the paler the less of its reading that is. */
export class HeadStrip extends Panel {
  constructor(player, search) {
    super(player, { title: "Where the heads read",
      help: "the slot that each head reads most, pale where it reads many; click to go to a step",
      label: "Slots that the read heads stand on, over the steps" });
    this.search = search;
    this.slots = search.queue_begins + search.queue.length + 1;
  }

  draw(width, colours) {
    this.width = width;
    const { search } = this, context = sizeCanvas(this.canvas, width, HEIGHT);
    const y = (slot) => (slot / this.slots) * HEIGHT, border = y(search.queue_begins);
    context.clearRect(0, 0, width, HEIGHT);
    context.fillStyle = colours.css("plain", 0, 0, 1);
    context.fillRect(0, border, width, HEIGHT - border);
    const tall = Math.min(MAX_DOT, Math.max(DOT, HEIGHT / this.slots)), wide = Math.max(DOT, width / search.steps);
    // The first head above the others.
    for (const head of range(search.heads).reverse()) {
      context.fillStyle = headColour(colours, head);
      for (let step = 0; step < search.steps; step++) {
        const { slot, weight } = search.read(step, head);
        context.globalAlpha = MIN_INK + (1 - MIN_INK) * weight;
        context.fillRect((step * width) / search.steps, y(slot + 0.5) - tall / 2, wide, tall);
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = colours.wrong;
    for (const step of search.mistakes) context.fillRect((step * width) / search.steps, 0, DOT, 7);
    context.fillStyle = colours.muted;
    context.fillRect(0, border, width, 1);
    context.font = `12px ${colours.font}`;
    context.lineWidth = 3;
    context.strokeStyle = colours.card;
    context.fillStyle = colours.ink;
    const told = `the ${wordsOf(search).whole} as told`;
    for (const [text, at] of [[told, 16], ["the queue", Math.min(HEIGHT - 4, border + 16)]]) {
      context.strokeText(text, 6, at);
      context.fillText(text, 6, at);
    }
  }

  tooltip(step) {
    return [`step ${step + 1}: ${saying(this.search, step)}`,
      ...range(this.search.heads).map((head) => headWords(this.search, step, head))];
  }
}

function headColour(colours, head) {
  return colours.modes[(head + 1) % colours.modes.length];
}
