// The question and the facts that were given, as they are written and read.

import { Answers } from "./answers.js";
import { make, scrollIntoList } from "./dom.js";

const MIN_READ = 0.1; // of a read weight: below, a fact is not marked as read
const MIN_FOLLOWED = 0.3; // below, the list does not scroll to a fact

/** Two cards: the question with its answers (`element`), and the facts (`list`). */
export class Question {
  constructor(player, record) {
    this.player = player;
    this.record = record;
    this.factAt = new Map(record.fact_steps.map((step, fact) => [step, fact]));
    this.firstQueryStep = Math.max(-1, ...record.fact_steps) + 1;
    this.trails = new Map([[this.firstQueryStep - 1, new Float32Array(record.facts.length)]]);
    this.answers = new Answers(record, player.steps);
    this.element = this.answers.element;
    this.list = this.factList();
  }

  factList() {
    this.items = this.record.facts.map((fact, f) => {
      const step = this.record.fact_steps[f];
      return make("button", { type: "button", title: step === undefined ? null : `given in step ${step + 1}`,
        onclick: () => step !== undefined && this.player.show(step) }, fact);
    });
    this.scroller = make("ol", { class: "facts" }, ...this.items.map((item) => make("li", {}, item)));
    return make("section", { class: "card" }, make("h2", {}, `Facts given (${this.items.length})`),
      make("p", { class: "help" }, "Each fact was given in one step and written into the memory. Orange: being " +
        "written. Blue: being read, the stronger the larger the read weight. Click a fact to go to its step."),
      this.scroller);
  }

  /** The fact that is given in a step; -1 for none. */
  factGivenAt(step) {
    return this.factAt.get(step) ?? -1;
  }

  /** The fact that a step writes: one that is given, or one that the step before looked up; -1 for none. */
  factWrittenAt(step) {
    return this.record.step_facts[step] ?? this.factGivenAt(step);
  }

  /** A caption for what a step after the given facts writes; "" where the caption of the step itself says it. */
  copyCaption(step) {
    const fact = this.factWrittenAt(step);
    return step >= this.firstQueryStep && fact >= 0 ? `copy of ${this.record.facts[fact]}` : "";
  }

  /** The read weight on each fact in a step, 0..1. */
  readFacts(step) {
    const { player } = this, weights = new Float32Array(this.record.facts.length);
    for (let slot = 0; slot < player.recording.slots; slot++) {
      const fact = this.factWrittenAt(player.owner(step, slot));
      if (fact >= 0) weights[fact] = Math.min(1, weights[fact] + player.readAt(step, slot));
    }
    return weights;
  }

  /** The largest read weight on each fact since all were given, up to a step. */
  readBefore(step) {
    let start = Math.max(step, this.firstQueryStep - 1);
    while (!this.trails.has(start)) start -= 1;
    for (let next = start + 1; next <= step; next++) {
      const now = this.readFacts(next);
      this.trails.set(next, this.trails.get(next - 1).map((weight, fact) => Math.max(weight, now[fact])));
    }
    return this.trails.get(Math.max(step, this.firstQueryStep - 1));
  }

  show(step) {
    const given = this.factGivenAt(step), weights = this.readFacts(step);
    let strongest = -1;
    this.items.forEach((item, fact) => {
      const later = this.record.fact_steps.length && this.record.fact_steps[fact] > step;
      item.className = fact === given ? "writing" : later ? "later" : weights[fact] > MIN_READ ? "reading" : "";
      item.style.setProperty("--weight", weights[fact].toFixed(2));
      if (weights[fact] > MIN_FOLLOWED && (strongest < 0 || weights[fact] > weights[strongest])) strongest = fact;
    });
    this.answers.show(step);
    const seen = this.items[given >= 0 ? given : strongest];
    if (seen) scrollIntoList(this.scroller, seen);
  }
}
