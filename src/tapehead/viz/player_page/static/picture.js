// The family tree or the map beside the memory: what is being read lights up, what was read leaves a trail.
(function (T) {
  "use strict";

  const TRAIL = 0.3; // of a reading weight

  T.Picture = class {
    constructor(player, picture) {
      this.player = player;
      this.picture = picture;
      const xs = picture.nodes.map((node) => node.x), ys = picture.nodes.map((node) => node.y);
      const margin = 64, left = Math.min(...xs) - margin, top = Math.min(...ys) - 34;
      this.box = [left, top, Math.max(...xs) + margin - left, Math.max(...ys) + 54 - top];
      this.lines = picture.edges.map((edge) => this.line(edge));
      this.nodes = picture.nodes.map((node, n) => this.node(node, n));
      this.svg = T.make("svg", { viewBox: this.box.join(" "), role: "img",
        "aria-label": picture.kind === "family" ? "Family tree of the facts" : "Map of the facts" },
        T.make("g", {}, ...this.lines), T.make("g", {}, ...this.nodes));
      this.svg.style.width = `${this.box[2]}px`;
      this.scroller = T.make("div", { class: "scroller", tabindex: "0", role: "group",
        "aria-label": "Picture, scrollable" }, this.svg);
      const family = picture.kind === "family";
      this.element = T.make("section", { class: "card picture" },
        T.make("h2", {}, family ? "The family, as far as it was told" : "The map, as far as it was told"),
        T.make("p", { class: "help" }, "Blue: being read in this step. Pale blue: read before. Ringed: " +
          `${family ? "whom the question is about" : "where the question starts"}. Orange: being told.`),
        this.scroller, this.wholeBox());
      this.touching = picture.nodes.map(() => []);
      picture.edges.forEach((edge) => edge.facts.forEach((fact) => {
        this.touching[edge.start].push(fact);
        this.touching[edge.end].push(fact);
      }));
    }

    /** A choice: the whole picture, or at a size to read, following what is read. */
    wholeBox() {
      const box = T.make("input", { type: "checkbox", onchange: () => {
        this.svg.style.width = box.checked ? "100%" : `${this.box[2]}px`;
        this.svg.style.maxHeight = box.checked ? "500px" : "";
        this.followed = false;
        this.follow();
      } });
      return T.make("label", { class: "help" }, box, " show it whole");
    }

    line(edge) {
      const { nodes, kind } = this.picture, a = nodes[edge.start], b = nodes[edge.end];
      const shape = kind === "family" && a.y !== b.y
        ? T.make("path", { d: `M${a.x} ${a.y}V${(a.y + b.y) / 2}H${b.x}V${b.y}` })
        : T.make("path", { d: `M${a.x} ${a.y}L${b.x} ${b.y}` });
      if (edge.label) shape.append(T.make("title", {}, edge.label));
      return shape;
    }

    node(node, n) {
      const { start } = this.picture, family = node.kind === "family";
      const group = T.make("g", { class: `node ${node.kind}${n === start ? " start" : ""}`,
        transform: `translate(${node.x} ${node.y})` },
        T.make("circle", { r: family ? 3 : 7 }));
      if (family) return group;
      const lines = wrap(node.label);
      const first = node.kind === "station" ? -12 - 12 * (lines.length - 1) : 20;
      lines.forEach((text, l) => group.append(T.make("text", { y: first + 12 * l }, text)));
      if (node.note) group.append(T.make("text", { y: first + 12 * lines.length, class: "note" }, node.note));
      group.append(T.make("title", {}, [node.label, node.note].filter(Boolean).join(", ")));
      return group;
    }

    show(step) {
      const { player, picture } = this, told = player.question.toldAt(step);
      const now = player.question.readFacts(step), before = player.question.readBefore(step);
      const lit = (facts, weights) => facts.reduce((most, fact) => Math.max(most, weights[fact]), 0);
      const paint = (shape, facts) => {
        shape.classList.toggle("reading", lit(facts, now) > TRAIL);
        shape.classList.toggle("read", lit(facts, before) > TRAIL);
        shape.classList.toggle("telling", facts.includes(told));
      };
      this.lines.forEach((shape, e) => paint(shape, picture.edges[e].facts));
      this.nodes.forEach((shape, n) => {
        paint(shape, this.touching[n]);
        const place = picture.answers.indexOf(n);
        shape.classList.toggle("answer", place >= 0 && player.question.answeredBy(step, place));
      });
      this.follow();
    }

    /** Keep what is being read in sight. */
    follow() {
      const { scroller, box } = this;
      const n = this.nodes.findIndex((shape) => shape.matches(".reading, .telling"));
      if (n < 0 && this.followed) return;
      const node = this.picture.nodes[n >= 0 ? n : this.picture.start ?? 0];
      const first = !this.followed;
      this.followed = true;
      const bring = (at, room, from) =>
        (first || at < from + room / 5 || at > from + (room * 4) / 5 ? at - room / 2 : from);
      const x = ((node.x - box[0]) / box[2]) * scroller.scrollWidth;
      const y = ((node.y - box[1]) / box[3]) * scroller.scrollHeight;
      scroller.scrollLeft = bring(x, scroller.clientWidth, scroller.scrollLeft);
      scroller.scrollTop = bring(y, scroller.clientHeight, scroller.scrollTop);
    }
  };

  /** A name on one or two lines. */
  function wrap(label) {
    if (label.length <= 17) return [label];
    const spaces = [...label.matchAll(/[ -]/g)].map((match) => match.index);
    if (!spaces.length) return [shorten(label)];
    const middle = spaces.reduce((best, at) =>
      (Math.abs(at - label.length / 2) < Math.abs(best - label.length / 2) ? at : best));
    return [shorten(label.slice(0, middle + 1).trim()), shorten(label.slice(middle + 1))];
  }

  function shorten(text) {
    return text.length > 19 ? `${text.slice(0, 18)}…` : text;
  }
})(globalThis.Tapehead);
