// The question, the network's answer as it comes, and the exact one.

import { make } from "./dom.js";

const MAX_REPEATED = 8; // places of a right answer: more are not written a second time

/** A card; an answer is highlighted from the step on in which it is given. */
export class Answers {
  constructor(record, steps) {
    this.record = record;
    this.answerSteps = record.answers.map((_, answer) => record.answer_steps[answer] ?? steps - 1);
    this.element = make("section", { class: "card question" },
      make("h2", {}, record.text), this.answerLine(), this.exactLine());
  }

  answerLine() {
    this.chips = this.record.answers.map((answer) => make("li", {}, answer));
    const chips = this.chips.length ? this.chips : [make("li", { class: "given" }, "none")];
    const sure = this.record.confidence;
    return make("div", { class: "answers" }, make("span", { class: "who" }, "Network's answer"),
      make("ul", {}, ...chips),
      sure === null ? null : make("span", { class: "help" }, `${Math.round(100 * sure)} % sure`));
  }

  exactLine() {
    const { exact, correct } = this.record, same = correct && exact.length > MAX_REPEATED;
    const names = same ? ["the same"] : exact.length ? exact : ["none"];
    return make("div", { class: "answers exact" }, make("span", { class: "who" }, "Exact answer"),
      make("ul", {}, ...names.map((name) => make("li", { class: "given" }, name))),
      make("span", { class: correct ? "verdict right" : "verdict wrong" }, correct ? "✓ correct" : "✗ wrong"));
  }

  /** Whether the network has given an answer (by number) by a step. */
  answeredBy(step, answer) {
    return step >= this.answerSteps[answer];
  }

  show(step) {
    this.chips.forEach((chip, answer) => chip.classList.toggle("given", this.answeredBy(step, answer)));
  }
}
