// The player: lays out the parts of the page and moves them through time.

import { Colours } from "./colours.js";
import { Replay, unpack } from "./data.js";
import { format, make, range } from "./dom.js";
import { Links, Memory } from "./memory.js";
import { Picture } from "./picture.js";
import { Question } from "./question.js";
import { buildTimeline } from "./timeline.js";

const MIN_MENTIONED = 0.3; // of a weight: below, the summary of a step leaves a slot out
const MAX_MENTIONED = 4; // slots
const SPEEDS = [1, 2, 5, 10, 20, 40]; // steps per second
const MAX_SECONDS = 20; // to play all steps, at the speed that is chosen at first

/**
 * A part of the page that follows the current step. The player calls `show` after every change of the step, and
 * `draw`, where there is one, after every change of width or colours; `draw` ends with what `show` does.
 *
 * @typedef {object} Part
 * @property {Element} element - the part on the page
 * @property {(step: number) => void} show - show a step, from 0
 * @property {(width: number, colours: Colours) => void} [draw] - draw anew, in CSS pixels
 */

class Player {
  constructor(element, recording) {
    this.recording = recording;
    this.steps = recording.steps;
    this.step = 0;
    this.element = element;
    this.memory = new Replay(recording, "memory");
    this.links = recording.links ? new Replay(recording, "link") : null;
    this.hasCaptions = recording.step_captions.length > 0;
    /** Where the network answers: [start, end) of every stretch. */
    this.answers = spans(recording.arrays.mask);
    /** The slots that are drawn. */
    this.shown = recording.shown;
    this.timer = null;
    this.build();
    this.step = this.firstStep;
    this.colours = new Colours(element);
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.over);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => { this.colours.refresh(); this.redraw(); };
    this.dark.addEventListener("change", this.recolour);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.redraw();
  }

  /** Take the player off the page. */
  remove() {
    this.pause();
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    document.removeEventListener("keydown", this.keys);
    this.element.replaceChildren();
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

  stepName(step) {
    const caption = this.caption(step);
    return `step ${step + 1}${caption ? `, ${caption}` : ""}`;
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

  // Time.

  show(step) {
    this.step = Math.min(this.steps - 1, Math.max(0, step));
    for (const part of this.parts) part.show(this.step);
    this.slider.value = this.step;
    this.slider.setAttribute("aria-valuetext", this.stepName(this.step));
    this.counterLine.textContent = `Step ${this.step + 1} of ${this.steps}`;
    this.captionLine.textContent = this.caption(this.step);
    this.summaryLine.textContent = this.summary(this.step);
  }

  play() {
    if (this.timer !== null) return;
    if (this.step === this.steps - 1) this.show(0);
    let last = performance.now(), due = 0;
    const tick = (now) => {
      due += ((now - last) / 1000) * Number(this.speed.value);
      last = now;
      if (due >= 1) {
        this.show(this.step + Math.floor(due));
        due -= Math.floor(due);
      }
      if (this.step === this.steps - 1) this.pause();
      else this.timer = requestAnimationFrame(tick);
    };
    this.timer = requestAnimationFrame(tick);
    this.summaryLine.removeAttribute("aria-live");
    this.labelButton();
  }

  pause() {
    if (this.timer !== null) cancelAnimationFrame(this.timer);
    this.timer = null;
    this.summaryLine.setAttribute("aria-live", "polite");
    this.labelButton();
  }

  labelButton() {
    const playing = this.timer !== null;
    this.button.textContent = playing ? "❚❚ Pause" : "▶ Play";
    this.button.setAttribute("aria-pressed", playing);
  }

  key(event) {
    const { target, key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || !this.element.isConnected) return;
    const field = target.closest?.("input, textarea, select, [contenteditable]");
    if (field && field !== this.slider) return;
    const far = event.shiftKey ? 10 : 1;
    const jumps = { ArrowRight: this.step + far, ArrowLeft: this.step - far, Home: 0, End: this.steps - 1 };
    if (key in jumps) {
      this.pause();
      this.show(jumps[key]);
    } else if (key === " " && !target.closest?.("button, summary, a")) {
      if (this.timer === null) this.play();
      else this.pause();
    } else return;
    event.preventDefault();
  }

  // The page.

  build() {
    const { recording } = this, record = recording.question;
    this.element.classList.add("player");
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
    this.tipBox = make("div", { class: "tip", role: "tooltip", hidden: true });
    /** @type {Part[]} */
    this.parts = [this.memoryPanel, ...this.strips, this.linksPanel, this.question, picture].filter(Boolean);
    this.element.replaceChildren(...[
      make("header", {}, make("h1", {}, recording.title), make("p", {}, recording.subtitle)),
      this.question?.element, this.transport(),
      this.question && make("div", { class: picture ? "beside" : "" }, this.question.list, picture?.element),
      make("div", { class: "stage" }, this.now, this.over), this.linksPanel?.element, this.tipBox,
    ].filter(Boolean));
  }

  /** Buttons, slider and the lines about the current step. */
  transport() {
    const button = (text, label, step) => make("button", { type: "button", "aria-label": label, title: label,
      onclick: () => { this.pause(); this.show(step()); } }, text);
    this.button = make("button", { type: "button", class: "main", title: "Space",
      onclick: () => (this.timer === null ? this.play() : this.pause()) });
    this.slider = make("input", { type: "range", min: 0, max: this.steps - 1, value: 0, "aria-label": "Step",
      oninput: () => { this.pause(); this.show(Number(this.slider.value)); } });
    const first = SPEEDS.find((speed) => (this.steps - this.firstStep) / speed <= MAX_SECONDS) ?? SPEEDS.at(-1);
    this.speed = make("select", { "aria-label": "Steps per second" },
      ...SPEEDS.map((speed) => make("option", { value: speed, selected: speed === first }, `${speed} / s`)));
    this.counterLine = make("span", { class: "counter" });
    this.captionLine = make("span", { class: "caption" });
    this.summaryLine = make("p", { class: "summary" });
    const bar = make("div", { class: "transport", role: "group", "aria-label": "Playback" },
      make("div", { class: "buttons" },
        button("⇤", "First step (Home)", () => 0), button("←", "Step back (left arrow)", () => this.step - 1),
        this.button, button("→", "Step forward (right arrow)", () => this.step + 1),
        button("⇥", "Last step (End)", () => this.steps - 1), this.speed),
      this.slider,
      make("div", { class: "story" }, make("p", {}, this.counterLine, this.captionLine), this.summaryLine));
    this.labelButton();
    return bar;
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

  /** Show lines of text beside the pointer; null hides them. */
  tip(event, lines) {
    this.tipBox.hidden = !lines;
    if (!lines) return;
    this.tipBox.replaceChildren(...lines.map((line) => make("div", {}, line)));
    const { offsetWidth: width, offsetHeight: height } = this.tipBox;
    const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 10 : event.clientX + 14;
    const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 16;
    this.tipBox.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
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
  return new Player(element, await unpack(text));
}
