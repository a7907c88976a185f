// The family tree or the map of the given facts; those that are or were read are coloured.

import { make, shorten } from "./dom.js";

const MIN_READ = 0.3; // of a read weight
const MAX_LINE_LETTERS = 17;

/** The picture of a question's facts; needs the player's `question`. */
export class Picture {
  constructor(player, picture) {
    this.player = player;
    this.picture = picture;
    const xs = picture.nodes.map((node) => node.x), ys = picture.nodes.map((node) => node.y);
    const margin = 64, left = Math.min(...xs) - margin, top = Math.min(...ys) - 34;
    this.box = [left, top, Math.max(...xs) + margin - left, Math.max(...ys) + 54 - top];
    this.lines = picture.edges.map((edge) => this.line(edge));
    this.nodes = picture.nodes.map((node, n) => this.node(node, n));
    this.svg = make("svg", { viewBox: this.box.join(" "), role: "img",
      "aria-label": picture.kind === "family" ? "Family tree of the facts" : "Map of the facts" },
      make("g", {}, ...this.lines), make("g", {}, ...this.nodes));
    this.svg.style.width = `${this.box[2]}px`;
    this.scroller = make("div", { class: "scroller", tabindex: "0", role: "group",
      "aria-label": "Picture, scrollable" }, this.svg);
    const family = picture.kind === "family";
    this.element = make("section", { class: "card picture" },
      make("h2", {}, family ? "Family tree of the given facts" : "Map of the given facts"),
      make("p", { class: "help" }, "Blue: read in this step. Pale blue: read before. Orange: being written. " +
        `Thick ring: ${family ? "the person whom the question is about" : "where the question starts"}.`),
      this.scroller, this.wholeBox());
    this.touching = picture.nodes.map(() => []);
    picture.edges.forEach((edge) => edge.facts.forEach((fact) => {
      this.touching[edge.start].push(fact);
      this.touching[edge.end].push(fact);
    }));
  }

  /** A check box: show the whole picture, or show it at full size and scroll to what is read. */
  wholeBox() {
    const box = make("input", { type: "checkbox", onchange: () => {
      this.svg.style.width = box.checked ? "100%" : `${this.box[2]}px`;
      this.svg.style.maxHeight = box.checked ? "500px" : "";
      this.followed = false;
      this.follow();
    } });
    return make("label", { class: "help" }, box, " show the whole picture");
  }

  line(edge) {
    const { nodes, kind } = this.picture, a = nodes[edge.start], b = nodes[edge.end];
    const shape = kind === "family" && a.y !== b.y
      ? make("path", { d: `M${a.x} ${a.y}V${(a.y + b.y) / 2}H${b.x}V${b.y}` })
      : make("path", { d: `M${a.x} ${a.y}L${b.x} ${b.y}` });
    if (edge.label) shape.append(make("title", {}, edge.label));
    return shape;
  }

  node(node, n) {
    const { start } = this.picture, family = node.kind === "family";
    const group = make("g", { class: `node ${node.kind}${n === start ? " start" : ""}`,
      transform: `translate(${node.x} ${node.y})` },
      make("circle", { r: family ? 3 : 7 }));
    if (family) return group;
    const lines = wrap(node.label);
    const first = node.kind === "station" ? -12 - 12 * (lines.length - 1) : 20;
    lines.forEach((text, l) => group.append(make("text", { y: first + 12 * l }, text)));
    if (node.note) group.append(make("text", { y: first + 12 * lines.length, class: "note" }, node.note));
    group.append(make("title", {}, [node.label, node.note].filter(Boolean).join(", ")));
    return group;
  }

  show(step) {
    const { player, picture } = this, given = player.question.factGivenAt(step);
    const now = player.question.readFacts(step), before = player.question.readBefore(step);
    const largest = (facts, weights) => facts.reduce((most, fact) => Math.max(most, weights[fact]), 0);
    const paint = (shape, facts) => {
      shape.classList.toggle("reading", largest(facts, now) > MIN_READ);
      shape.classList.toggle("read", largest(facts, before) > MIN_READ);
      shape.classList.toggle("writing", facts.includes(given));
    };
    this.lines.forEach((shape, e) => paint(shape, picture.edges[e].facts));
    this.nodes.forEach((shape, n) => {
      paint(shape, this.touching[n]);
      const place = picture.answers.indexOf(n);
      shape.classList.toggle("answer", place >= 0 && player.question.answers.answeredBy(step, place));
    });
    this.follow();
  }

  /** Scroll to what is being read or written. */
  follow() {
    const { scroller, box } = this;
    const n = this.nodes.findIndex((shape) => shape.matches(".reading, .writing"));
    if (n < 0 && this.followed) return;
    const node = this.picture.nodes[n >= 0 ? n : this.picture.start ?? 0];
    const first = !this.followed;
    this.followed = true;
    const scrollTo = (at, room, from) =>
      (first || at < from + room / 5 || at > from + (room * 4) / 5 ? at - room / 2 : from);
    const x = ((node.x - box[0]) / box[2]) * scroller.scrollWidth;
    const y = ((node.y - box[1]) / box[3]) * scroller.scrollHeight;
    scroller.scrollLeft = scrollTo(x, scroller.clientWidth, scroller.scrollLeft);
    scroller.scrollTop = scrollTo(y, scroller.clientHeight, scroller.scrollTop);
  }
}

/** A name on one or two lines. */
function wrap(label) {
  if (label.length <= MAX_LINE_LETTERS) return [label];
  const spaces = [...label.matchAll(/[ -]/g)].map((match) => match.index);
  if (!spaces.length) return [cut(label)];
  const middle = spaces.reduce((best, at) =>
    (Math.abs(at - label.length / 2) < Math.abs(best - label.length / 2) ? at : best));
  return [cut(label.slice(0, middle + 1).trim()), cut(label.slice(middle + 1))];
}

function cut(text) {
  return shorten(text, (line) => line.length <= MAX_LINE_LETTERS + 2);
}
