// The live page: every <div class="live" data-model="NAME"> becomes a machine to play with.
"use strict";

(() => {
  const SIZES = {
    copy: [{ name: "length", label: "Vectors to copy", min: 1, max: 60, value: 12 }],
    reallocation: [
      { name: "sequences", label: "Sequences", min: 1, max: 12, value: 4 },
      { name: "length", label: "Vectors in each", min: 1, max: 8, value: 5 },
    ],
  };
  const SLOTS = { copy: [8, 256], reallocation: [3, 20] };
  const BLUE = "37, 99, 235", ORANGE = "217, 119, 6", GREEN = "5, 150, 105", PURPLE = "147, 51, 234", RED = "220, 38, 38";
  const SEEN = 0.01; // a slot that no head gave this much weight is not drawn

  // Numbers in [0, 1) from a seed (mulberry32), so that a damaged run is the same run.
  function random(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // An episode as tapehead.tasks lays it out: {inputs, targets: null where nothing is asked}.
  const EPISODES = {
    copy(task, sizes, draw) {
      const bits = task.num_bits, inputs = [], targets = [];
      const vectors = Array.from({ length: sizes.length }, () => Array.from({ length: bits }, () => +(draw() < 0.5)));
      const quiet = Array(bits).fill(0);
      const put = (vector, start, end, target) => (inputs.push([...vector, start, end]), targets.push(target));
      put(quiet, 1, 0, null);
      for (const vector of vectors) put(vector, 0, 0, null);
      put(quiet, 0, 1, null);
      for (const vector of vectors) put(quiet, 0, 0, [...vector, 0]);
      put(quiet, 0, 0, [...quiet, 1]);
      return { inputs, targets };
    },
    reallocation(task, sizes, draw) {
      const bits = task.num_bits, inputs = [], targets = [], quiet = Array(bits).fill(0);
      const put = (vector, start, recall, target) => (inputs.push([...vector, start, recall]), targets.push(target));
      for (let sequence = 0; sequence < sizes.sequences; sequence++) {
        const vectors = Array.from({ length: sizes.length }, () => Array.from({ length: bits }, () => +(draw() < 0.5)));
        put(quiet, 1, 0, null);
        for (const vector of vectors) put(vector, 0, 0, null);
        put(quiet, 0, 1, null);
        for (const vector of vectors) put(quiet, 0, 0, vector);
      }
      return { inputs, targets };
    },
  };

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // A picture of cells; colour(row, column) is a CSS colour or null.
  function paint(canvas, rows, columns, colour) {
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d");
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const fill = colour(row, column);
        if (fill) {
          context.fillStyle = fill;
          context.fillRect(column, row, 1, 1);
        }
      }
  }

  const shade = (rgb, value) => (value > 0.005 ? `rgba(${rgb}, ${Math.min(1, value)})` : null);

  class Live {
    constructor(place, model) {
      this.machine = tapehead.load(model);
      this.task = model.task.name;
      this.seed = 1;
      this.sizes = Object.fromEntries(SIZES[this.task].map(({ name, value }) => [name, value]));
      this.slots = this.machine.arguments.memory_size;
      this.damages = []; // {step, slot, kind}
      this.at = null; // then the middle, where all is given and nothing is answered
      this.build(place);
      this.rerun();
    }

    build(place) {
      const sliders = SIZES[this.task].map(({ name, label, min, max, value }) =>
        this.slider(label, min, max, value, (chosen) => ((this.sizes[name] = chosen), this.reset())),
      );
      const [fewest, most] = SLOTS[this.task];
      const slots = this.slider("Memory slots", fewest, most, this.slots, (chosen) => ((this.slots = chosen), this.reset()));
      const fresh = element("button", { type: "button", textContent: "Other vectors" });
      fresh.onclick = () => (this.seed++, this.reset());
      this.kind = element("select", {}, new Option("noise", "noise"), new Option("zeros", "zeros"));
      this.kind.setAttribute("aria-label", "What a damaged slot holds");
      this.clear = element("button", { type: "button", textContent: "Repair" });
      this.clear.onclick = () => ((this.damages = []), this.rerun());
      this.play = element("button", { type: "button", textContent: "▶ Play" });
      this.play.onclick = () => this.toggle();
      this.range = element("input", { type: "range", min: 0, value: 0 });
      this.range.setAttribute("aria-label", "Step");
      this.range.oninput = () => this.show(+this.range.value);
      this.verdict = element("p", { className: "verdict" });
      this.verdict.setAttribute("role", "status");
      this.caption = element("p", { className: "caption" });
      this.strips = {};
      const strips = ["Input", "Target", "Output", "Writing", "Reading"].map((name) => this.strip(name));
      if (this.machine.arguments.controller && this.task === "reallocation") strips.push(this.strip("Usage"));
      this.memory = element("canvas", { className: "memory" });
      this.memory.setAttribute("role", "img");
      this.memory.setAttribute("aria-label", "Memory after this step");
      this.memory.onclick = (event) => this.damage(this.shown[this.cell(event, this.memory)[0]]);
      this.slot = element("input", { type: "number", min: 0, value: 0 });
      this.slot.setAttribute("aria-label", "Slot");
      const harm = element("button", { type: "button", textContent: "Damage slot" });
      harm.onclick = () => this.damage(+this.slot.value);
      this.gates = element("p", { className: "gates" });
      place.replaceChildren(
        element("div", { className: "controls" }, ...sliders, slots, fresh),
        this.verdict,
        element("div", { className: "transport" }, this.play, this.range),
        this.caption,
        ...strips,
        element("p", { className: "title", textContent: "Memory after this step. Click a slot to damage it" }),
        this.memory,
        element("div", { className: "controls" }, harm, this.slot, "with", this.kind, this.clear),
        this.gates,
      );
    }

    slider(label, min, max, value, changed) {
      const shown = element("output", { textContent: value });
      const range = element("input", { type: "range", min, max, value });
      range.setAttribute("aria-label", label);
      range.oninput = () => ((shown.textContent = range.value), changed(+range.value));
      return element("label", {}, `${label} `, range, " ", shown);
    }

    strip(name) {
      const canvas = element("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name);
      canvas.onclick = (event) => this.show(this.cell(event, canvas)[1]);
      const cursor = element("div", { className: "cursor" });
      this.strips[name] = { canvas, cursor };
      return element("div", { className: "strip" }, element("span", { textContent: name }), element("div", {}, canvas, cursor));
    }

    // The (row, column) of a canvas under the pointer.
    cell(event, canvas) {
      const box = canvas.getBoundingClientRect();
      const part = (offset, size, cells) => Math.min(cells - 1, Math.max(0, Math.floor((offset / size) * cells)));
      return [
        part(event.clientY - box.top, box.height, canvas.height),
        part(event.clientX - box.left, box.width, canvas.width),
      ];
    }

    reset() {
      this.damages = [];
      this.rerun();
    }

    damage(slot) {
      if (!Number.isInteger(slot) || slot < 0 || slot >= this.slots) return;
      this.damages.push({ step: this.at + 1, slot, kind: this.kind.value });
      this.rerun();
    }

    rerun() {
      const episode = EPISODES[this.task](this.machine.task, this.sizes, random(this.seed));
      const noise = random(this.seed + 1000);
      const harm = (step, memory) => {
        for (const { slot, kind } of this.damages.filter((damage) => damage.step === step))
          memory[slot] = memory[slot].map(() => (kind === "zeros" ? 0 : 2 * noise() - 1));
      };
      Object.assign(this, episode);
      this.steps = tapehead.run(this.machine, this.inputs, this.slots, harm);
      this.wrong = this.steps.map(({ output }, step) =>
        this.targets[step] ? this.targets[step].map((bit, i) => output[i] > 0 !== bit > 0.5) : null,
      );
      this.range.max = this.steps.length - 1;
      this.slot.max = this.slots - 1;
      this.at = Math.min(this.at ?? this.steps.length >> 1, this.steps.length - 1);
      this.shown = [];
      for (let slot = 0; slot < this.slots; slot++) {
        const used = ({ state }) => [...state.readWeights, ...state.writeWeights].some((weights) => weights[slot] > SEEN);
        if (this.steps.some(used)) this.shown.push(slot);
      }
      this.drawStrips();
      this.say();
      this.show(this.at);
    }

    say() {
      const counted = this.wrong.filter(Boolean).flat();
      const mistakes = counted.filter(Boolean).length;
      const harmed = this.damages.map(({ slot, step, kind }) => `slot ${slot} (${kind}) after step ${step}`);
      this.clear.disabled = harmed.length === 0;
      this.verdict.textContent =
        `${mistakes} of ${counted.length} bits wrong` + (harmed.length ? `; damaged: ${harmed.join(", ")}` : "");
    }

    drawStrips() {
      const T = this.steps.length, on = (name, rows, colour) => {
        paint(this.strips[name].canvas, rows, T, colour);
        this.strips[name].canvas.style.height = `${Math.max(40, Math.min(260, 6 * rows))}px`;
      };
      on("Input", this.inputs[0].length, (row, t) => shade(GREEN, this.inputs[t][row]));
      const outputs = this.steps[0].output.length;
      on("Target", outputs, (row, t) => this.targets[t] && shade(GREEN, this.targets[t][row]));
      on("Output", outputs, (row, t) => {
        if (!this.targets[t]) return null;
        if (this.wrong[t][row]) return `rgb(${RED})`;
        return shade(GREEN, 1 / (1 + Math.exp(-this.steps[t].output[row])));
      });
      const weights = (kind) => (row, t) =>
        Math.max(...this.steps[t].state[kind].map((head) => head[this.shown[row]]));
      const writing = weights("writeWeights"), reading = weights("readWeights");
      on("Writing", this.shown.length, (row, t) => shade(ORANGE, writing(row, t)));
      on("Reading", this.shown.length, (row, t) => shade(BLUE, reading(row, t)));
      if (this.strips.Usage)
        on("Usage", this.shown.length, (row, t) => shade("100, 116, 139", this.steps[t].state.usage[this.shown[row]]));
    }

    show(step) {
      this.at = step;
      this.range.value = step;
      const { state, gates } = this.steps[step], T = this.steps.length;
      for (const { cursor } of Object.values(this.strips)) {
        cursor.style.left = `${(100 * step) / T}%`;
        cursor.style.width = `${100 / T}%`;
      }
      const W = this.machine.arguments.word_size, top = Math.max(...state.memory.flatMap((word) => word.map(Math.abs).reduce((a, b) => Math.max(a, b), 0)), 0.1);
      paint(this.memory, this.shown.length, W, (row, column) => {
        const value = state.memory[this.shown[row]][column] / top;
        return shade(value > 0 ? GREEN : PURPLE, Math.abs(value));
      });
      this.memory.style.height = `${Math.max(60, Math.min(320, 10 * this.shown.length))}px`;
      const at = (weights) => weights.indexOf(Math.max(...weights));
      const most = (heads, verb) => heads.map((weights) =>
        `${verb} slot ${at(weights)} (${Math.round(100 * Math.max(...weights))} %)`).join(", ");
      const kind = this.targets[step] ? "answers" : "is given a vector or a flag";
      this.caption.textContent =
        `Step ${step + 1} of ${T}: the machine ${kind}; ${most(state.writeWeights, "writes")}, ${most(state.readWeights, "reads")}`;
      this.gates.textContent =
        "Gates: " + Object.entries(gates).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(" · ");
    }

    toggle() {
      if (this.timer) {
        clearInterval(this.timer);
        this.timer = null;
      } else {
        if (this.at === this.steps.length - 1) this.show(0);
        this.timer = setInterval(() => {
          if (this.at < this.steps.length - 1) this.show(this.at + 1);
          else this.toggle();
        }, 120);
      }
      this.play.textContent = this.timer ? "❚❚ Pause" : "▶ Play";
    }
  }

  window.tapeheadLive = {};
  for (const place of document.querySelectorAll(".live"))
    window.tapeheadLive[place.dataset.model] = new Live(place, tapeheadModels[place.dataset.model]);
})();
