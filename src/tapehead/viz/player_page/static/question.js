// The question, the facts that were told, and the answers as they form.
(function (T) {
  "use strict";

  T.Question = class {
    constructor(player, asked) {
      this.player = player;
      this.asked = asked;
      this.factTold = new Map(asked.fact_steps.map((step, fact) => [step, fact]));
      this.firstThought = Math.max(-1, ...asked.fact_steps) + 1;
      this.answerSteps = asked.answers.map((_, answer) => asked.answer_steps[answer] ?? player.steps - 1);
      this.trails = new Map([[this.firstThought - 1, new Float32Array(asked.facts.length)]]);
      this.element = T.make("section", { class: "card question" },
        T.make("h2", {}, asked.question), this.answerLine(), this.exactLine());
      this.list = this.factList();
    }

    answerLine() {
      this.chips = this.asked.answers.map((answer) => T.make("li", {}, answer));
      const chips = this.chips.length ? this.chips : [T.make("li", { class: "given" }, "nobody")];
      const sure = this.asked.confidence;
      return T.make("div", { class: "answers" }, T.make("span", { class: "who" }, "The network says"),
        T.make("ul", {}, ...chips),
        sure === null ? null : T.make("span", { class: "help" }, `${Math.round(100 * sure)} % sure`));
    }

    exactLine() {
      const { exact, correct } = this.asked;
      return T.make("div", { class: "answers exact" }, T.make("span", { class: "who" }, "Exactly"),
        T.make("ul", {}, ...(exact.length ? exact : ["nobody"]).map((name) => T.make("li", { class: "given" }, name))),
        T.make("span", { class: correct ? "verdict right" : "verdict wrong" }, correct ? "✓ right" : "✗ not right"));
    }

    factList() {
      this.items = this.asked.facts.map((fact, f) => {
        const step = this.asked.fact_steps[f];
        return T.make("button", { type: "button", title: step === undefined ? null : `told in step ${step + 1}`,
          onclick: () => step !== undefined && this.player.show(step) }, fact);
      });
      this.scroller = T.make("ol", { class: "facts" }, ...this.items.map((item) => T.make("li", {}, item)));
      return T.make("section", { class: "card" }, T.make("h2", {}, `The facts it was told (${this.items.length})`),
        T.make("p", { class: "help" }, "Each was told once and written into memory. Orange: being told. Blue: " +
          "being read, the stronger the more of the read weighting. Click one to see it written."), this.scroller);
    }

    toldAt(step) {
      return this.factTold.get(step) ?? -1;
    }

    /** The fact that a step wrote down, as it was told or as a note of what was looked up. */
    factOf(step) {
      return this.asked.step_facts[step] ?? this.toldAt(step);
    }

    /** What a step wrote down, in words; nothing where it is the step's own words. */
    noted(step) {
      const fact = this.factOf(step);
      return step >= this.firstThought && fact >= 0 ? `a note of ${this.asked.facts[fact]}` : "";
    }

    /** How strongly each fact is read in a step, 0..1. */
    readFacts(step) {
      const { player } = this, weights = new Float32Array(this.asked.facts.length);
      for (let slot = 0; slot < player.recording.slots; slot++) {
        const fact = this.factOf(player.owner(step, slot));
        if (fact >= 0) weights[fact] = Math.min(1, weights[fact] + player.readAt(step, slot));
      }
      return weights;
    }

    /** The strongest reading of each fact since the facts were all told, up to a step. */
    readBefore(step) {
      let start = Math.max(step, this.firstThought - 1);
      while (!this.trails.has(start)) start -= 1;
      for (let next = start + 1; next <= step; next++) {
        const now = this.readFacts(next);
        this.trails.set(next, this.trails.get(next - 1).map((weight, fact) => Math.max(weight, now[fact])));
      }
      return this.trails.get(Math.max(step, this.firstThought - 1));
    }

    answeredBy(step, answer) {
      return step >= this.answerSteps[answer];
    }

    show(step) {
      const told = this.toldAt(step), weights = this.readFacts(step);
      let strongest = -1;
      this.items.forEach((item, fact) => {
        const later = this.asked.fact_steps.length && this.asked.fact_steps[fact] > step;
        item.className = fact === told ? "telling" : later ? "later" : weights[fact] > 0.1 ? "reading" : "";
        item.style.setProperty("--weight", weights[fact].toFixed(2));
        if (weights[fact] > 0.3 && (strongest < 0 || weights[fact] > weights[strongest])) strongest = fact;
      });
      this.chips.forEach((chip, answer) => chip.classList.toggle("given", this.answeredBy(step, answer)));
      const seen = this.items[told >= 0 ? told : strongest];
      if (seen) keepInSight(this.scroller, seen);
    }
  };

  /** Scroll a list whose items are placed relative to it. */
  function keepInSight(scroller, item) {
    const from = item.offsetTop, to = from + item.offsetHeight;
    if (from < scroller.scrollTop || to > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = (from + to - scroller.clientHeight) / 2;
    }
  }
})(globalThis.Tapehead);
