// The queue of a search, as it stands in the memory.

import { make, range } from "./dom.js";
import { MIN_READ, placeName } from "./searchwords.js";

/** A card with a row for each slot from START on. */
export class Queue {
  constructor(player, search) {
    this.player = player;
    this.search = search;
    this.rows = search.queue.map((entry, at) => this.row(entry, at));
    this.scroller = make("ol", { class: "facts" }, ...this.rows.map((row) => row.item));
    this.count = make("p", { class: "help" });
    this.element = make("section", { class: "card queue" },
      make("h2", {}, "The queue in memory"), this.count, this.scroller);
  }

  row({ place, edge, step }, at) {
    const { search } = this;
    const from = edge >= 0 ? `from ${placeName(search, search.edges[edge].source)}` : at === 0 ? "the start" : "";
    const since = step < 0 ? "there from the beginning" : `since step ${step + 1}`;
    const button = make("button", { type: "button", title: since,
      onclick: () => { this.player.pause(); this.player.show(Math.max(0, step)); } },
    make("span", { class: "slot" }, String(search.queue_begins + at)), make("b", {}, placeName(search, place)),
    make("span", { class: "help" }, from), make("span", { class: "stands" }));
    return { button, stands: button.lastChild, item: make("li", {}, button) };
  }

  show(step) {
    const { search, rows } = this, heads = this.standing(step);
    let waiting = 0, now = -1, last = 0;
    search.queue.forEach((entry, at) => {
      const { button, stands, item } = rows[at], there = entry.step <= step;
      if (item.hidden === there) item.hidden = !there;
      if (!there) return;
      last = at;
      const state = search.stateOf(entry.place, step);
      if (state === "waiting") waiting += 1;
      if (state === "now") now = at;
      const kinds = heads.has(at) ? `${state} reading` : state;
      if (button.className !== kinds) button.className = kinds;
      const words = heads.get(at) ?? "";
      if (stands.textContent !== words) stands.textContent = words;
    });
    this.count.textContent = `${last + 1 - waiting} expanded, ${waiting} waiting for their turn`;
    this.follow(heads.size ? Math.min(...heads.keys()) : now);
  }

  /** Of each row that a head stands on, which head, and how much of its reading that is. */
  standing(step) {
    const rows = new Map();
    for (const head of range(this.search.heads).reverse()) {
      const { slot, weight } = this.search.read(step, head), entry = this.search.inQueue(slot, step);
      if (entry && weight >= MIN_READ) rows.set(entry.at, `◀ head ${head + 1}, ${Math.round(100 * weight)} %`);
    }
    return rows;
  }

  /** Keep a row in sight, with what waits behind it. */
  follow(at) {
    if (at < 0) return;
    const { item } = this.rows[at], { scroller } = this, from = item.offsetTop, room = scroller.clientHeight;
    if (from < scroller.scrollTop || from + item.offsetHeight > scroller.scrollTop + room / 2) {
      scroller.scrollTop = from - room / 6;
    }
  }
}
