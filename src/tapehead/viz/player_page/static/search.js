// The page of a search: what a network says and reads, step by step, on the map.

import { Answers } from "./answers.js";
import { capitalize, make, range } from "./dom.js";
import { HeadStrip } from "./heads.js";
import { Playback } from "./playback.js";
import { Queue } from "./queue.js";
import { Searching } from "./searching.js";
import { SearchMap } from "./searchmap.js";
import { correction, headWords, outcome, saying, wordsOf } from "./searchwords.js";
import { Axis } from "./strips.js";

const MAX_LISTED = 6; // mistakes
const MAX_SECONDS = 45; // to play all steps, at the speed that is chosen at first
const ABOUT = " in its memory and searches it breadth first. In each step it reads the memory and says one record, " +
  "which it is fed next.";
const HEAD_DOTS = ["content", "forward", "backward"];

export class SearchPage extends Playback {
  constructor(element, recording) {
    super(element, recording.steps, MAX_SECONDS);
    this.recording = recording;
    this.search = new Searching(recording);
    /** For the axis: no stretch of the steps is the answer. */
    this.answers = [];
    this.build();
    this.begin(this.over);
  }

  build() {
    const { recording, search } = this;
    this.question = new Answers(recording.question, recording.steps);
    this.question.element.classList.add("compact");
    this.question.element.append(this.ending());
    this.map = new SearchMap(this, search);
    this.queue = new Queue(this, search);
    this.strips = [new HeadStrip(this, search), new Axis(this)];
    this.over = make("section", { class: "card over" }, ...this.strips.map((strip) => strip.element), this.headKey());
    this.parts = [this.question, this.map, this.queue, ...this.strips];
    this.element.replaceChildren(
      make("header", {}, make("h1", {}, recording.title), make("p", {},
        `The network holds this ${wordsOf(search).whole}${ABOUT}`, make("br"), recording.subtitle)),
      this.question.element, this.transport(),
      make("div", { class: "searching" }, this.map.element, this.queue.element), this.over, this.tipBox);
  }

  /** How the search ended, and what was wrong in it. */
  ending() {
    const { search, recording } = this, { mistakes } = search, more = mistakes.length - MAX_LISTED;
    const line = make("p", { class: "help ending" }, outcome(search, recording.question.answers.length));
    if (mistakes.length) {
      line.append(mistakes.length === 1 ? " One step is a mistake: " :
        ` ${mistakes.length} of its ${search.steps} steps are mistakes: `,
      ...mistakes.slice(0, MAX_LISTED).map((step) => make("button", { type: "button",
        onclick: () => { this.pause(); this.show(step); } }, `step ${step + 1}`)), more > 0 ? ` and ${more} more` : "");
    }
    if (search.note) line.append(` Note: ${search.note}.`);
    return line;
  }

  /** Which colour is which head. */
  headKey() {
    const entry = (dot, text) => make("span", {}, make("i", { class: `dot ${dot}` }), text);
    return make("p", { class: "help legend" },
      ...range(this.search.heads).map((head) => entry(HEAD_DOTS[head % HEAD_DOTS.length], `head ${head + 1}`)),
      this.search.mistakes.length ? entry("mistaken", "mistakes, at the top") : null);
  }

  caption(step) {
    return saying(this.search, step);
  }

  summary(step) {
    const wrong = correction(this.search, step), { kind } = this.search.said(step);
    const heads = range(this.search.heads).map((head) => headWords(this.search, step, head)).join("; ");
    return [make("code", {}, kind), wrong ? make("b", { class: "mistake" }, `${wrong} `) : "", `${capitalize(heads)}.`];
  }

  redraw() {
    const wide = (element) => {
      const { paddingLeft, paddingRight } = getComputedStyle(element);
      return element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    };
    if (wide(this.over) <= 0) return;
    this.map.draw(wide(this.map.element));
    this.strips.forEach((strip) => strip.draw(strip.element.clientWidth, this.colours));
    this.show(this.step);
  }
}
