// The player: puts the panels together and moves them through time.
(function (T) {
  "use strict";

  const READ = 0.3; // less of a weighting is not spoken of
  const SPEEDS = [1, 2, 5, 10, 20, 40];

  class Player {
    constructor(element, recording) {
      this.recording = recording;
      this.steps = recording.steps;
      this.step = 0;
      this.element = element;
      this.memory = new T.Replay(recording, "memory");
      this.links = recording.links ? new T.Replay(recording, "link") : null;
      this.named = recording.step_words.length > 0;
      this.answers = spans(recording.arrays.mask);
      this.shown = recording.shown;
      this.timer = null;
      this.build();
      this.step = this.begin;
      this.colours = new T.Colours(element);
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

    // What the recording says.

    /** The numbers of an array in a step, as a plain list: for the console and for tests. */
    values(name, step) {
      if (name === "memory") return Array.from(this.memory.at(step));
      if (name === "link") return Array.from(this.links.at(step));
      const { shape, data } = this.recording.arrays[name], size = data.length / shape[0];
      return Array.from(data.subarray(step * size, (step + 1) * size));
    }

    strongest(name, step, slot) {
      const { shape, data } = this.recording.arrays[name], [, heads, slots] = shape;
      let most = 0;
      for (let head = 0; head < heads; head++) most = Math.max(most, data[(step * heads + head) * slots + slot]);
      return most;
    }

    readAt(step, slot) {
      return this.strongest("read_weights", step, slot);
    }

    writtenAt(step, slot) {
      return this.strongest("write_weights", step, slot);
    }

    owner(step, slot) {
      return this.recording.arrays.owners.data[step * this.recording.slots + slot];
    }

    /** What lives in a slot, in words. */
    holds(step, slot) {
      const owner = this.owner(step, slot);
      if (owner < 0) return "";
      const note = this.question?.noted(owner);
      if (note) return note;
      return this.named ? this.recording.step_words[owner] || `step ${owner + 1}` : `what step ${owner + 1} wrote`;
    }

    stepName(step) {
      const words = this.named ? this.recording.step_words[step] : "";
      return `step ${step + 1}${words ? `, ${words}` : ""}`;
    }

    /** A sentence or two about a step. */
    story(step) {
      const slots = [...Array(this.recording.slots).keys()];
      const read = slots.filter((slot) => this.readAt(step, slot) > READ)
        .sort((a, b) => this.readAt(step, b) - this.readAt(step, a)).slice(0, 4);
      const wrote = slots.filter((slot) => this.owner(step, slot) === step && this.writtenAt(step, slot) > READ);
      const parts = [];
      if (wrote.length) parts.push(`Writes into slot ${wrote.slice(0, 4).join(" and ")}.`);
      if (read.length) {
        parts.push(`Reads ${read.map((slot) => {
          const name = this.owner(step, slot) === step ? "just written" : this.holds(step, slot);
          const share = Math.round(100 * this.readAt(step, slot));
          return `slot ${slot} (${share} %${name ? `: ${name}` : ""})`;
        }).join(", ")}.`);
      }
      return parts.join(" ") || "Neither writes nor reads one slot in particular.";
    }

    // Time.

    show(step) {
      this.step = Math.min(this.steps - 1, Math.max(0, step));
      for (const part of this.parts) part.show(this.step);
      this.slider.value = this.step;
      const words = this.named ? this.recording.step_words[this.step] : "";
      this.slider.setAttribute("aria-valuetext", this.stepName(this.step));
      this.counter.textContent = `Step ${this.step + 1} of ${this.steps}`;
      this.words.textContent = words;
      this.telling.textContent = this.story(this.step);
    }

    play() {
      if (this.timer !== null) return;
      if (this.step === this.steps - 1) this.show(0);
      let last = performance.now(), owed = 0;
      const tick = (now) => {
        owed += ((now - last) / 1000) * Number(this.speed.value);
        last = now;
        if (owed >= 1) {
          this.show(this.step + Math.floor(owed));
          owed -= Math.floor(owed);
        }
        if (this.step === this.steps - 1) this.pause();
        else this.timer = requestAnimationFrame(tick);
      };
      this.timer = requestAnimationFrame(tick);
      this.telling.removeAttribute("aria-live");
      this.dress();
    }

    pause() {
      if (this.timer !== null) cancelAnimationFrame(this.timer);
      this.timer = null;
      this.telling.setAttribute("aria-live", "polite");
      this.dress();
    }

    dress() {
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
      const { recording } = this, { asked } = recording;
      this.element.classList.add("player");
      this.question = asked ? new T.Question(this, asked) : null;
      // The telling is long and alike: begin where the thinking does.
      this.begin = this.question ? Math.min(this.question.firstThought, this.steps - 1) : 0;
      const picture = asked?.picture?.nodes.length ? new T.Picture(this, asked.picture) : null;
      this.memoryPanel = new T.Memory(this);
      this.linksPanel = this.links ? new T.Links(this) : null;
      this.strips = this.buildStrips();
      this.now = T.make("section", { class: "card now" }, T.make("h2", {}, "Memory after this step"),
        T.make("p", { class: "help" }, "A row is a slot. What is erased and added comes in from above, spread by " +
          "the write weighting (orange); what is read goes out below, gathered by the read weighting (blue)."),
        this.memoryPanel.element, this.legend());
      this.over = T.make("section", { class: "card over" }, T.make("h2", {}, "Over time"),
        T.make("p", { class: "help" }, "One column is one step. Click or drag to go there."),
        ...this.strips.filter((strip) => !strip.small).map((strip) => strip.element),
        this.recording.arrays.modes ? modesKey() : null,
        T.make("div", { class: "small" }, ...this.strips.filter((strip) => strip.small).map((strip) => strip.element)));
      this.tipBox = T.make("div", { class: "tip", role: "tooltip", hidden: true });
      this.parts = [this.memoryPanel, ...this.strips, this.linksPanel, this.question, picture].filter(Boolean);
      this.element.replaceChildren(...[
        T.make("header", {}, T.make("h1", {}, recording.title), T.make("p", {}, recording.subtitle)),
        this.question?.element, this.transport(),
        this.question && T.make("div", { class: picture ? "beside" : "" }, this.question.list, picture?.element ?? ""),
        T.make("div", { class: "stage" }, this.now, this.over), this.linksPanel?.element, this.tipBox,
      ].filter(Boolean));
    }

    transport() {
      const button = (text, label, onclick) =>
        T.make("button", { type: "button", "aria-label": label, title: label, onclick }, text);
      this.button = T.make("button", { type: "button", class: "main", title: "Space",
        onclick: () => (this.timer === null ? this.play() : this.pause()) });
      this.slider = T.make("input", { type: "range", min: 0, max: this.steps - 1, value: 0, "aria-label": "Step",
        oninput: () => { this.pause(); this.show(Number(this.slider.value)); } });
      const usual = SPEEDS.find((speed) => (this.steps - this.begin) / speed <= 20) ?? 40;
      this.speed = T.make("select", { "aria-label": "Steps per second" },
        ...SPEEDS.map((speed) => T.make("option", { value: speed, selected: speed === usual }, `${speed} / s`)));
      this.counter = T.make("span", { class: "counter" });
      this.words = T.make("span", { class: "words" });
      this.telling = T.make("p", { class: "telling" });
      const go = (step) => () => { this.pause(); this.show(step()); };
      const bar = T.make("div", { class: "transport", role: "group", "aria-label": "Playback" },
        T.make("div", { class: "buttons" },
          button("⇤", "First step (Home)", go(() => 0)), button("←", "Step back (left arrow)", go(() => this.step - 1)),
          this.button, button("→", "Step forward (right arrow)", go(() => this.step + 1)),
          button("⇥", "Last step (End)", go(() => this.steps - 1)), this.speed),
        this.slider, T.make("div", { class: "story" }, T.make("p", {}, this.counter, this.words), this.telling));
      this.dress();
      return bar;
    }

    legend() {
      const bar = (ramp, low, high, text) => T.make("span", { class: "scale" }, T.make("i", {}, low),
        T.make("span", { class: `bar ${ramp}` }), T.make("i", {}, high), text);
      const reach = T.format(Number(this.recording.reach.toPrecision(2)));
      const all = this.recording.slots, some = this.shown.length;
      const box = T.make("input", { type: "checkbox",
        onchange: () => {
          this.shown = box.checked ? [...Array(all).keys()] : this.recording.shown;
          this.redraw();
        } });
      return T.make("div", { class: "legend" }, bar("signed", `−${reach}`, reach, "numbers"),
        bar("write", "0", "1", "written"), bar("read", "0", "1", "read"),
        this.recording.arrays.usage ? bar("plain", "0", "1", "in use") : null,
        some < all ? T.make("label", {}, box, ` show all ${all} slots (${some} were touched)`) : null);
    }

    buildStrips() {
      const { recording } = this, { arrays, slots } = recording;
      const strips = [], strip = (options) => strips.push(new T.Strip(this, options));
      const rows = (count) => { const all = [...Array(count).keys()]; return () => all; };
      const holds = (step, slot) => { const name = this.holds(step, slot); return name && `holds: ${name}`; };
      const channels = (name, title, help, labels, marks = null, counts = null) => {
        if (!arrays[name]) return;
        const { shape: [, width], data } = arrays[name];
        const [low, high] = limits(data);
        strip({ title, help, rows: rows(width), ramp: low < 0 ? "signed" : "plain", low, high, tallest: 96, marks, counts,
          name: (row) => labels[row] || `channel ${row + 1}`, value: (step, row) => data[step * width + row] });
      };
      const { inputs, outputs, targets, mask } = arrays;
      channels("inputs", "Input", "what it is shown", recording.input_labels);
      const wrong = targets && outputs && mask && ((step, row) => {
        const at = step * outputs.shape[1] + row;
        return mask.data[step] && (outputs.data[at] > 0.5) !== (targets.data[at] > 0.5);
      });
      const wrongs = wrong ? count(outputs, wrong) : 0;
      channels("outputs", "Output", wrong ? (wrongs ? `✕ marks the ${wrongs} wrong bits` : "no bit is wrong") :
        "what it says", recording.output_labels, wrong, mask && ((step) => mask.data[step]));
      channels("targets", "Target", "what it should say", recording.output_labels);
      const weights = (name, title, help, ramp) => {
        const { shape, data } = arrays[name], heads = shape.length > 2 ? shape[1] : 1;
        for (let head = 0; head < heads; head++) {
          const value = (step, slot) => data[(step * heads + head) * slots + slot];
          strip({ title: heads > 1 ? `${title}, head ${head + 1}` : title, help: head ? "" : help, ramp, value,
            rows: () => this.shown, name: (slot) => `slot ${slot}`, note: holds, tallest: heads > 2 ? 80 : 130,
            readout: (step) => peak(value, step, slots) });
        }
      };
      weights("write_weights", "Writing", "which slots are being written", "write");
      weights("read_weights", "Reading", "which slots are being read", "read");
      if (arrays.usage) weights("usage", "Usage", "which slots are taken", "plain");
      if (arrays.allocation_weights) weights("allocation_weights", "Free slot", "which free slot is next", "write");
      const shares = (options) => strips.push(new T.Shares(this, { ...options, small: true }));
      if (arrays.modes) {
        const { shape: [, heads], data } = arrays.modes;
        for (let head = 0; head < heads; head++) {
          shares({ title: heads > 1 ? `Read mode, head ${head + 1}` : "Read mode",
            parts: ["backward", "content", "forward"], value: (step, part) => data[(step * heads + head) * 3 + part] });
        }
      }
      recording.gates.forEach((label, gate) => {
        const value = (step) => arrays.gates.data[step * recording.gates.length + gate];
        const [title, help = ""] = label.split(": ");
        shares({ title: capital(title), help, parts: [""], value, height: 20, readout: (step) => T.format(value(step)) });
      });
      return [...strips, new T.Axis(this)];
    }

    redraw() {
      const wide = (element) => element.clientWidth - parseFloat(getComputedStyle(element).paddingLeft) * 2;
      if (wide(this.over) <= 0) return;
      this.strips.forEach((strip) => strip.draw(strip.element.clientWidth, this.colours));
      this.memoryPanel.draw(wide(this.now), this.colours);
      this.linksPanel?.draw(wide(this.linksPanel.element), this.colours);
      this.show(this.step);
    }

    tip(event, lines) {
      this.tipBox.hidden = !lines;
      if (!lines) return;
      this.tipBox.replaceChildren(...lines.map((line) => T.make("div", {}, line)));
      const { offsetWidth: width, offsetHeight: height } = this.tipBox;
      const left = event.clientX + 14 + width > innerWidth ? event.clientX - width - 10 : event.clientX + 14;
      const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 16;
      this.tipBox.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
    }
  }

  function modesKey() {
    const key = T.make("p", { class: "help key" }, "Read modes: ");
    for (const [mode, text] of [["backward", "back to what was written before"],
      ["content", "by content"], ["forward", "on to what was written next"]]) {
      key.append(T.make("i", { class: `dot ${mode}` }), `${text} `);
    }
    return key;
  }

  function capital(text) {
    return text[0].toUpperCase() + text.slice(1);
  }

  function peak(value, step, slots) {
    let best = 0;
    for (let slot = 1; slot < slots; slot++) if (value(step, slot) > value(step, best)) best = slot;
    return `slot ${best}: ${T.format(value(step, best))}`;
  }

  function limits(data) {
    let low = 0, high = 0;
    for (const value of data) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const reach = Math.max(-low, high, 1e-9);
    return low < 0 ? [-reach, reach] : [0, high <= 1 ? 1 : high];
  }

  function count({ shape: [steps, rows] }, test) {
    let total = 0;
    for (let step = 0; step < steps; step++) for (let row = 0; row < rows; row++) if (test(step, row)) total += 1;
    return total;
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

  /** Show a recording (bytes) in an element. */
  T.mount = async function (element, bytes) {
    return new Player(element, await T.unpack(bytes));
  };
})(globalThis.Tapehead);
