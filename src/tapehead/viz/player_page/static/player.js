// The player: lays out the parts of the page.

import { Replay, unpack } from "./data.js";
import { format, make, range } from "./dom.js";
import { Links, Memory } from "./memory.js";
import { Picture } from "./picture.js";
import { Playback } from "./playback.js";
import { Question } from "./question.js";
import { SearchPage } from "./search.js";
import { buildTimeline } from "./timeline.js";

const MIN_MENTIONED = 0.3; // of a weight: below, the summary of a step leaves a slot out
const MAX_MENTIONED = 4; // slots
const MAX_SECONDS = 20; // to play all steps, at the speed that is chosen at first

class Player extends Playback {
  constructor(element, recording) {
    super(element, recording.steps, MAX_SECONDS);
    this.recording = recording;
    this.memory = new Replay(recording, "memory");
    this.links = recording.links ? new Replay(recording, "link") : null;
    this.hasCaptions = recording.step_captions.length > 0;
    /** Where the network answers: [start, end) of every stretch. */
    this.answers = spans(recording.arrays.mask);
    /** The slots that are drawn. */
    this.shown = recording.shown;
    this.build();
    this.begin(this.over);
  }

  // The recording.

  /** The numbers of an array in a step, as a plain list: for the console and for tests. */
  values(name, step) {
    if (name === "memory") return Array.from(this.memory.at(step));
    if (name === "link") return Array.from(this.links.at(step));
    const { shape, data } = this.recording.arrays[name], size = data.length / shape[0];
    return Array.from(data.subarray(step * size, (step + 1) * size));
  }

  /** The largest weight that any head puts on a slot. */
  largestWeight(name, step, slot) {
    const { shape, data } = this.recording.arrays[name], [, heads, slots] = shape;
    let most = 0;
    for (let head = 0; head < heads; head++) most = Math.max(most, data[(step * heads + head) * slots + slot]);
    return most;
  }

  readAt(step, slot) {
    return this.largestWeight("read_weights", step, slot);
  }

  writtenAt(step, slot) {
    return this.largestWeight("write_weights", step, slot);
  }

  /** The step that last wrote a slot; -1 for none. */
  owner(step, slot) {
    return this.recording.arrays.owners.data[step * this.recording.slots + slot];
  }

  /** A caption for what a slot holds; "" if nothing was written into it. */
  holds(step, slot) {
    const owner = this.owner(step, slot);
    if (owner < 0) return "";
    const copy = this.question?.copyCaption(owner);
    if (copy) return copy;
    if (!this.hasCaptions) return `what step ${owner + 1} wrote`;
    return this.recording.step_captions[owner] || `step ${owner + 1}`;
  }

  /** The caption of a step; "" without captions. */
  caption(step) {
    return this.hasCaptions ? this.recording.step_captions[step] : "";
  }

  /** What a step writes and reads, in a sentence or two. */
  summary(step) {
    const slots = range(this.recording.slots);
    const written = slots.filter((slot) =>
      this.owner(step, slot) === step && this.writtenAt(step, slot) > MIN_MENTIONED);
    const read = slots.filter((slot) => this.readAt(step, slot) > MIN_MENTIONED)
      .sort((a, b) => this.readAt(step, b) - this.readAt(step, a));
    const sentences = [];
    if (written.length) sentences.push(`Writes into slot ${written.slice(0, MAX_MENTIONED).join(" and ")}.`);
    if (read.length) {
      sentences.push(`Reads ${read.slice(0, MAX_MENTIONED).map((slot) => {
        const name = this.owner(step, slot) === step ? "just written" : this.holds(step, slot);
        const share = Math.round(100 * this.readAt(step, slot));
        return `slot ${slot} (${share} %${name ? `: ${name}` : ""})`;
      }).join(", ")}.`);
    }
    return sentences.join(" ") || "Its weightings are spread over many slots.";
  }

  // The page.

  build() {
    const { recording } = this, record = recording.question;
    this.question = record ? new Question(this, record) : null;
    // The steps that give the facts are many and alike: begin after them.
    this.firstStep = this.question ? Math.min(this.question.firstQueryStep, this.steps - 1) : 0;
    const picture = record?.picture?.nodes.length ? new Picture(this, record.picture) : null;
    this.memoryPanel = new Memory(this);
    this.linksPanel = this.links ? new Links(this) : null;
    this.strips = buildTimeline(this);
    this.now = make("section", { class: "card now" }, make("h2", {}, "Memory after this step"),
      make("p", { class: "help" }, "A row is a slot. Above: the erase and add vectors, which go to the slots of the " +
        "write weighting (orange). Below: the words read, which come from the slots of the read weightings (blue)."),
      this.memoryPanel.element, this.legend());
    const strips = (small) => this.strips.filter((strip) => !strip.small === !small).map((strip) => strip.element);
    this.over = make("section", { class: "card over" }, make("h2", {}, "Over time"),
      make("p", { class: "help" }, "One column is one step. Click or drag to go to a step."),
      ...strips(false), recording.arrays.modes ? modesKey() : null, make("div", { class: "small" }, ...strips(true)));
    this.parts = [this.memoryPanel, ...this.strips, this.linksPanel, this.question, picture].filter(Boolean);
    this.element.replaceChildren(...[
      make("header", {}, make("h1", {}, recording.title), make("p", {}, recording.subtitle)),
      this.question?.element, this.transport(),
      this.question && make("div", { class: picture ? "beside" : "" }, this.question.list, picture?.element),
      make("div", { class: "stage" }, this.now, this.over), this.linksPanel?.element, this.tipBox,
    ].filter(Boolean));
  }

  legend() {
    const bar = (ramp, low, high, text) => make("span", { class: "scale" }, make("i", {}, low),
      make("span", { class: `bar ${ramp}` }), make("i", {}, high), text);
    const limit = format(Number(this.recording.value_limit.toPrecision(2)));
    const all = this.recording.slots, some = this.shown.length;
    const box = make("input", { type: "checkbox",
      onchange: () => {
        this.shown = box.checked ? range(all) : this.recording.shown;
        this.redraw();
      } });
    return make("div", { class: "legend" }, bar("signed", `−${limit}`, limit, "numbers"),
      bar("write", "0", "1", "write"), bar("read", "0", "1", "read"),
      this.recording.arrays.usage ? bar("plain", "0", "1", "usage") : null,
      some < all ? make("label", {}, box, ` show all ${all} slots (${some} were accessed)`) : null);
  }

  redraw() {
    const wide = (element) => element.clientWidth - parseFloat(getComputedStyle(element).paddingLeft) * 2;
    if (wide(this.over) <= 0) return;
    this.strips.forEach((strip) => strip.draw(strip.element.clientWidth, this.colours));
    this.memoryPanel.draw(wide(this.now), this.colours);
    this.linksPanel?.draw(wide(this.linksPanel.element), this.colours);
    this.show(this.step);
  }
}

function modesKey() {
  const key = make("p", { class: "help key" }, "Read modes: ");
  for (const [mode, text] of [["backward", "to the slot written before"], ["content", "by content"],
    ["forward", "to the slot written next"]]) {
    key.append(make("i", { class: `dot ${mode}` }), `${text} `);
  }
  return key;
}

/** Where a mask is on: [start, end) of every stretch. */
function spans(mask) {
  const found = [];
  mask?.data.forEach((on, step) => {
    if (!on) return;
    if (found.length && found.at(-1)[1] === step) found.at(-1)[1] = step + 1;
    else found.push([step, step + 1]);
  });
  return found;
}

/** Show a recording (base64) in an element; resolves to the player. */
export async function mount(element, text) {
  const recording = await unpack(text);
  return recording.search ? new SearchPage(element, recording) : new Player(element, recording);
}
