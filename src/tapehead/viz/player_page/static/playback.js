// Moving through the steps of a recording: buttons, slider, keys, and the lines about the current step.

import { Colours } from "./colours.js";
import { make } from "./dom.js";

const SPEEDS = [1, 2, 5, 10, 20, 40, 100, 200]; // steps per second

/**
 * A part of the page that follows the current step. The player calls `show` after every change of the step, and
 * `draw`, where there is one, after every change of width or colours; `draw` ends with what `show` does.
 *
 * @typedef {object} Part
 * @property {Element} element - the part on the page
 * @property {(step: number) => void} show - show a step, from 0
 * @property {(width: number, colours: Colours) => void} [draw] - draw anew, in CSS pixels
 */

/**
 * A page of parts that follow the current step. A page that derives from this builds its `parts` and then calls
 * `begin`; it may say more of a step with `caption` and `summary`, and draws what depends on the width in `redraw`.
 */
export class Playback {
  /** `seconds`: how long playing all steps may take, at the speed that is chosen at first. */
  constructor(element, steps, seconds) {
    this.element = element;
    this.steps = steps;
    this.seconds = seconds;
    this.step = 0;
    /** The step to begin with. */
    this.firstStep = 0;
    this.timer = null;
    /** @type {Part[]} */
    this.parts = [];
    this.tipBox = make("div", { class: "tip", role: "tooltip", hidden: true });
    element.classList.add("player");
  }

  /** Follow keys, colours and the width of an element, and show the first step. */
  begin(wide) {
    this.step = this.firstStep;
    this.colours = new Colours(this.element);
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(wide);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => { this.colours.refresh(); this.redraw(); };
    this.dark.addEventListener("change", this.recolour);
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.redraw();
  }

  /** Take the page away. */
  remove() {
    this.pause();
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    document.removeEventListener("keydown", this.keys);
    this.element.replaceChildren();
  }

  /** A caption for a step; "" for none. */
  caption() {
    return "";
  }

  /** More about a step: text, or elements. */
  summary() {
    return "";
  }

  stepName(step) {
    const caption = this.caption(step);
    return `step ${step + 1}${caption ? `, ${caption}` : ""}`;
  }

  /** Draw all parts for the width that there is, and show the current step. */
  redraw() {
    this.show(this.step);
  }

  show(step) {
    this.step = Math.min(this.steps - 1, Math.max(0, step));
    for (const part of this.parts) part.show(this.step);
    this.slider.value = this.step;
    this.slider.setAttribute("aria-valuetext", this.stepName(this.step));
    this.counterLine.textContent = `Step ${this.step + 1} of ${this.steps}`;
    this.captionLine.textContent = this.caption(this.step);
    this.summaryLine.replaceChildren(...[this.summary(this.step)].flat());
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

  /** Buttons, slider and the lines about the current step. */
  transport() {
    const button = (text, label, step) => make("button", { type: "button", "aria-label": label, title: label,
      onclick: () => { this.pause(); this.show(step()); } }, text);
    this.button = make("button", { type: "button", class: "main", title: "Space",
      onclick: () => (this.timer === null ? this.play() : this.pause()) });
    this.slider = make("input", { type: "range", min: 0, max: this.steps - 1, value: 0, "aria-label": "Step",
      oninput: () => { this.pause(); this.show(Number(this.slider.value)); } });
    const first = SPEEDS.find((speed) => (this.steps - this.firstStep) / speed <= this.seconds) ?? SPEEDS.at(-1);
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
