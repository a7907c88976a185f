// The map of a search, or the family tree: which places are seen, expanded, on the way.

import { capitalize, make } from "./dom.js";
import { edgeName, placeName, wordsOf } from "./searchwords.js";

const MAX_NAMED = 40; // places of a map whose names are all written
const SPREAD = 0.7; // power of the distance from the middle
const MAX_SCALE = 2, MAX_STRETCH = 1.4; // of the recorded positions, and of one axis against the other
const FONT = 12, MARGIN = 26, GAP = 4; // pixels
const KEY = [["unseen", "not seen"], ["waiting", "in the queue"], ["now", "expanded now"], ["expanded", "expanded"]];

/** The map; every connection is one line, whichever lines it stands for. */
export class SearchMap {
  constructor(player, search) {
    this.player = player;
    this.search = search;
    const { whole } = wordsOf(search);
    this.shown = search.places.map((_, place) => place).filter((place) => place !== search.nowhere);
    this.named = this.shown.length <= MAX_NAMED;
    this.roads = this.buildRoads();
    this.dots = this.shown.map((place) => this.dot(place));
    this.names = make("g", { class: "names" });
    this.svg = make("svg", { role: "img", "aria-label": capitalize(`${whole} of the search`) },
      make("g", {}, ...this.roads.map((road) => road.element)), make("g", {}, ...this.dots), this.names);
    this.nearby = new Set(search.everywhere ? search.answers : []);
    this.element = make("section", { class: "card map" }, make("h2", {}, `The ${whole}`), this.key(), this.svg);
    this.widths = new Map();
  }

  buildRoads() {
    const roads = new Map();
    this.search.edges.forEach(({ source, destination }, edge) => {
      const ends = source < destination ? [source, destination] : [destination, source];
      const key = ends.join();
      if (!roads.has(key)) roads.set(key, { ends, edges: [], element: make("line") });
      roads.get(key).edges.push(edge);
    });
    const { reached, via, edges, onWay } = this.search;
    return [...roads.values()].map((road) => {
      const grown = road.edges.map((edge) => (via[edges[edge].destination] === edge ? reached[edges[edge].destination]
        : Infinity));
      const way = Math.min(...road.edges.map((edge) => onWay[edge]));
      return { ...road, tree: Math.min(...grown), way };
    });
  }

  dot(place) {
    const dot = make("circle", {
      onpointermove: (event) => this.player.tip(event, this.tooltip(place)),
      onpointerleave: () => this.player.tip(null),
    });
    return dot;
  }

  key() {
    const { search } = this, entry = (kind, text) => make("span", { class: "scale" }, make("i", { class: kind }), text);
    return make("p", { class: "help legend" }, ...KEY.map(([state, text]) => entry(`spot ${state}`, text)),
      entry("road reading", "read now"), entry("road tree", `how a ${wordsOf(search).place} was reached`),
      search.everywhere ? entry("spot near", `within ${search.stops} stop${search.stops === 1 ? "" : "s"}`)
        : entry("road way", "the way back"));
  }

  /** Positions in pixels, for a width. */
  draw(width) {
    const [xs, ys] = this.spread(), [left, top] = [Math.min(...xs), Math.min(...ys)];
    const wide = Math.max(1, Math.max(...xs) - left), tall = Math.max(1, Math.max(...ys) - top);
    const height = Math.round(Math.min(560, Math.max(280, (width * tall) / wide)));
    const scales = [(width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / tall], even = Math.min(...scales, MAX_SCALE);
    const [across, down] = scales.map((scale) => Math.min(scale, MAX_STRETCH * even));
    this.size = [width, height];
    this.spots = new Map(this.shown.map((place, i) =>
      [place, [(xs[i] - left - wide / 2) * across + width / 2, (ys[i] - top - tall / 2) * down + height / 2]]));
    this.radius = Math.min(7, Math.max(2, 0.13 * Math.sqrt((width * height) / this.shown.length)));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const { ends, element } of this.roads) {
      const [[x1, y1], [x2, y2]] = ends.map((place) => this.spots.get(place));
      for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) element.setAttribute(name, value.toFixed(1));
    }
    this.shown.forEach((place, i) => {
      const [x, y] = this.spots.get(place);
      this.dots[i].setAttribute("cx", x.toFixed(1));
      this.dots[i].setAttribute("cy", y.toFixed(1));
    });
    this.pen = document.createElement("canvas").getContext("2d");
    this.pen.font = `bold ${FONT}px ${getComputedStyle(this.element).fontFamily}`;
    this.widths.clear();
    this.show(this.player.step);
  }

  /** All x and all y, with more room in the middle, where a city's lines meet. */
  spread() {
    const { data } = this.search.arrays.spots;
    const out = this.shown.map((place) => Math.hypot(data[2 * place], data[2 * place + 1]) ** (SPREAD - 1) || 0);
    return [0, 1].map((axis) => this.shown.map((place, i) => data[2 * place + axis] * (this.named ? 1 : out[i])));
  }

  show(step) {
    if (!this.spots) return;
    const { search } = this, { edge } = search.said(step);
    for (const road of this.roads) {
      const kinds = [road.edges.includes(edge) && "reading", road.way <= step && "way", road.tree <= step && "tree"];
      paint(road.element, kinds.filter(Boolean).join(" "));
    }
    this.shown.forEach((place, i) => {
      const kinds = [search.stateOf(place, step), place === search.start && "start",
        place === search.target && "target", this.onWay(place, step) && "way",
        this.nearby.has(place) && search.reached[place] <= step && "near"];
      paint(this.dots[i], kinds.filter(Boolean).join(" "));
      const radius = this.radius * (kinds[0] === "now" ? 1.7 : kinds.slice(1).some(Boolean) ? 1.35 : 1);
      if (this.dots[i].radius !== radius) this.dots[i].setAttribute("r", (this.dots[i].radius = radius).toFixed(1));
    });
    this.write(step);
  }

  onWay(place, step) {
    const { search } = this;
    return (place === search.target && search.found <= step) || this.wayAt(step).has(place);
  }

  /** The places on the way back, as far as it has come. */
  wayAt(step) {
    if (this.way?.step === step) return this.way.places;
    const places = new Set();
    this.search.onWay.forEach((since, edge) => {
      if (since <= step) places.add(this.search.edges[edge].source).add(this.search.edges[edge].destination);
    });
    this.way = { step, places };
    return places;
  }

  /** Write the names that matter in a step, where there is room for them. */
  write(step) {
    const { search } = this, { kind, edge } = search.said(step), road = search.edges[edge];
    const looked = [search.expanded[step], road?.source, road?.destination];
    if (["CHECK", "SEEN", "UNSEEN"].includes(kind)) looked.push(search.checked[step]);
    const more = this.named ? this.shown : [...this.wayAt(step)];
    const important = [search.start, search.target, ...looked];
    const taken = [], texts = [];
    for (const place of new Set([search.start, search.target, ...more, ...looked])) {
      if (!this.spots.has(place)) continue;
      const box = this.room(place, taken, important.includes(place));
      if (!box) continue;
      taken.push(box);
      texts.push(make("text", { x: box.x.toFixed(1), y: box.y.toFixed(1),
        class: important.includes(place) ? "important" : null }, search.places[place]));
    }
    this.names.replaceChildren(...texts);
  }

  /** Where a name can stand beside its place: the box that covers least; null if all cover other names. */
  room(place, taken, important) {
    const [x, y] = this.spots.get(place), away = this.radius * 1.7 + GAP;
    if (!this.widths.has(place)) this.widths.set(place, this.pen.measureText(this.search.places[place]).width);
    const wide = this.widths.get(place), [width, height] = this.size;
    let best = null;
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [1, 1], [-1, -1], [-1, 1]]) {
      const slant = dx && dy ? 0.7 : 1;
      const beside = x + dx * away * slant + (dx === 0 ? -wide / 2 : dx < 0 ? -wide : 0);
      const left = Math.min(width - wide, Math.max(0, beside));
      const middle = Math.min(height - FONT / 2, Math.max(FONT / 2, y + dy * (away * slant + FONT / 3)));
      const box = { left, right: left + wide, top: middle - FONT * 0.6, bottom: middle + FONT * 0.6,
        x: left, y: middle + FONT * 0.35 };
      const names = taken.filter((other) => box.left < other.right && other.left < box.right
        && box.top < other.bottom && other.top < box.bottom).length;
      let dots = 0;
      for (const [px, py] of this.spots.values()) {
        if (px > box.left - 2 && px < box.right + 2 && py > box.top - 2 && py < box.bottom + 2) dots += 1;
      }
      const cost = 1000 * names + dots;
      if (!best || cost < best.cost) best = { ...box, cost };
    }
    return best.cost >= 1000 && !important ? null : best;
  }

  tooltip(place) {
    const { search, player: { step } } = this;
    const words = { unseen: "not seen", waiting: "in the queue", expanded: "expanded", now: "expanded now" };
    const lines = [placeName(search, place), words[search.stateOf(place, step)]];
    if (place === search.start) lines.push("the start");
    if (place === search.target) lines.push("looked for");
    if (search.reached[place] <= step && search.via[place] >= 0) {
      lines.push(`step ${search.reached[place] + 1}: ${edgeName(search, search.via[place])}`);
    }
    return lines;
  }
}

/** Set the class of an element, if it has another. */
function paint(element, kinds) {
  if (element.getAttribute("class") !== kinds) element.setAttribute("class", kinds);
}
