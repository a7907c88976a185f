// What a search has done by each of its steps: the places reached, the queue, the way back, the memory.

const NEVER = Infinity;

/** A recorded search. Steps count from 0; what was so before the first step has the step -1. */
export class Searching {
  constructor(recording) {
    const { search, arrays, steps } = recording;
    Object.assign(this, search, { steps, arrays, heads: arrays.slots.shape[1] });
    this.edges = Array.from({ length: arrays.edges.shape[0] }, (_, e) => {
      const [source, line, destination] = arrays.edges.data.subarray(3 * e, 3 * e + 3);
      return { source, line, destination };
    });
    /** Of every place, the step that first pushed it and the edge by which; and the step that first popped it. */
    this.reached = this.places.map(() => NEVER);
    this.via = this.places.map(() => -1);
    this.popped = this.places.map(() => NEVER);
    this.reached[this.start] = this.popped[this.start] = -1;
    /** What is pushed, in order. */
    this.queue = [{ place: this.start, edge: -1, step: -1 }];
    /** Of every step, the place that is expanded, and the place whose CHECK came last; -1 for none. */
    this.expanded = new Int32Array(steps);
    this.checked = new Int32Array(steps);
    /** Of every edge, the step that puts it on the way back. */
    this.onWay = this.edges.map(() => NEVER);
    this.found = NEVER;
    this.mistakes = [];
    this.follow();
    this.told = this.toldRecords();
  }

  follow() {
    let expanded = this.start, checked = -1;
    for (let step = 0; step < this.steps; step++) {
      const { kind, destination: place, edge } = this.said(step);
      if (kind === "POP") {
        expanded = place;
        if (place >= 0) this.popped[place] = Math.min(this.popped[place], step);
      } else if (kind === "CHECK") checked = place;
      else if (kind === "PUSH") {
        this.queue.push({ place, edge, step });
        if (place >= 0 && this.reached[place] === NEVER) [this.reached[place], this.via[place]] = [step, edge];
      } else if (kind === "FOUND") this.found = Math.min(this.found, step);
      else if (kind === "FAIL") expanded = -1;
      else if (kind === "PATH") {
        expanded = -1;
        if (edge >= 0) this.onWay[edge] = Math.min(this.onWay[edge], step);
      }
      this.expanded[step] = expanded;
      this.checked[step] = checked;
      if (this.right(step)) this.mistakes.push(step);
    }
  }

  /** What the network was told, in the order of the slots from 1 on. */
  toldRecords() {
    const told = [];
    let edge = 0;
    this.places.forEach((_, place) => {
      told.push({ kind: "NODE", place });
      for (; this.edges[edge]?.source === place; edge++) told.push({ kind: "EDGE", edge });
      told.push({ kind: "END", place });
    });
    return told;
  }

  /** The record that a step says; `edge` is the one that it names or that is looked at. Each -1 for none. */
  said(step) {
    return this.record(this.arrays.said, step);
  }

  /** The record that a correct search would have said; null if the network said it. */
  right(step) {
    return this.arrays.right.data[4 * step] < 0 ? null : this.record(this.arrays.right, step);
  }

  record({ data }, step) {
    const [kind, source, destination, edge] = data.subarray(4 * step, 4 * step + 4);
    return { kind: this.kinds[kind], source, destination, edge };
  }

  /** The slot that a head reads most in a step, and how much of its reading that is. */
  read(step, head) {
    const at = step * this.heads + head;
    return { slot: this.arrays.slots.data[at], weight: this.arrays.weights.data[at] };
  }

  /** Whether a place is "unseen", "waiting" in the queue, "expanded", or expanded "now". */
  stateOf(place, step) {
    if (place === this.expanded[step]) return "now";
    if (this.popped[place] <= step) return "expanded";
    return this.reached[place] <= step ? "waiting" : "unseen";
  }

  /** The entry of the queue that is in a slot by a step, with its place in the queue; null for none. */
  inQueue(slot, step) {
    const at = slot - this.queue_begins, entry = this.queue[at];
    return entry && entry.step <= step ? { ...entry, at } : null;
  }

  /** Whether what is looked for is no place, so that everything is searched. */
  get everywhere() {
    return this.target === this.nowhere;
  }
}
