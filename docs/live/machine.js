// The NTM and the DNC in plain JavaScript, step by step: what tapehead.NTM.step and tapehead.DNC.step compute.
// A word, a weighting or a vector is a Float64Array; a memory is an array of words. No page is needed to run it.
"use strict";

const tapehead = (() => {
  const EPSILON = 1e-6; // under both norms of the cosine similarity
  const INITIAL_MEMORY = 1e-6;
  const USAGE_STEPS = 1e6; // usages in the same millionth count as equal when the free list is sorted

  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const softplus = (x) => (x > 30 ? x : Math.log1p(Math.exp(x)));
  const oneplus = (x) => 1 + softplus(x);
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const zeros = (n) => new Float64Array(n);
  const joined = (parts) => Float64Array.from(parts.flatMap((part) => Array.from(part)));

  function softmax(values) {
    const top = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - top));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // ---- the papers' equations, one function each (tapehead.functional) ----

  // NTM eq. 5 and 6: w(i) = softmax_i(β K[k, M(i)]).
  function contentWeights(memory, key, strength) {
    const keySquare = dot(key, key) + EPSILON;
    const similarity = memory.map((word) => dot(key, word) / Math.sqrt(keySquare * (dot(word, word) + EPSILON)));
    return softmax(Float64Array.from(similarity, (value) => strength * value));
  }

  // NTM eq. 7: w^g = g w^c + (1 − g) w_{t−1}.
  const interpolate = (content, previous, gate) => content.map((c, i) => gate * c + (1 - gate) * previous[i]);

  // NTM eq. 8: w~(i) = Σ_j w^g(j) s(i − j), around the ends.
  function shift(weights, shifts) {
    const n = weights.length, reach = (shifts.length - 1) / 2, moved = zeros(n);
    for (let i = 0; i < n; i++)
      for (let s = -reach; s <= reach; s++) moved[(((i + s) % n) + n) % n] += weights[i] * shifts[s + reach];
    return moved;
  }

  // NTM eq. 9: w(i) = w~(i)^γ / Σ_j w~(j)^γ, relative to the largest, so that no power underflows them all.
  function sharpen(weights, gamma) {
    const top = Math.max(...weights);
    if (top <= 0) return weights;
    const powers = weights.map((weight) => (weight > 0 ? Math.pow(weight / top, gamma) : 0));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // NTM eq. 2: r = Σ_i w(i) M(i).
  function read(memory, weights) {
    const word = zeros(memory[0].length);
    memory.forEach((slot, i) => slot.forEach((value, j) => (word[j] += weights[i] * value)));
    return word;
  }

  // NTM eq. 3 and 4: all heads erase, then all add.
  function eraseAndAdd(memory, heads) {
    return memory.map((slot, i) =>
      slot.map((value, j) => {
        const kept = heads.reduce((product, head) => product * (1 - head.weights[i] * head.erase[j]), value);
        return heads.reduce((sum, head) => sum + head.weights[i] * head.add[j], kept);
      }),
    );
  }

  // DNC: a[φ_j] = (1 − u[φ_j]) Π_{i<j} u[φ_i], φ the slots from the least to the most used.
  function allocationWeights(usage) {
    const steps = Array.from(usage, (value) => Math.round(value * USAGE_STEPS));
    const order = steps.map((_, slot) => slot).sort((a, b) => steps[a] - steps[b] || a - b);
    const weights = zeros(usage.length);
    let product = 1;
    for (const slot of order) {
      weights[slot] = (1 - usage[slot]) * product;
      product *= usage[slot];
    }
    return weights;
  }

  // DNC: L[i, j] = (1 − w_i − w_j) L_{t−1}[i, j] + w_i p_{t−1}[j], diagonal 0.
  const updateLink = (link, precedence, write) =>
    link.map((row, i) =>
      row.map((value, j) => (i === j ? 0 : (1 - write[i] - write[j]) * value + write[i] * precedence[j])),
    );

  // ---- the machines ----

  // Takes numbers off the interface vector, field by field.
  function fields(vector) {
    let at = 0;
    return { take: (n) => vector.slice(at, (at += n)), one: () => vector[at++] };
  }

  function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer), [rows, columns = 1] = packed.shape;
    const number = (i) => view.getFloat32(4 * i, true);
    if (packed.shape.length === 1) return Float64Array.from({ length: rows }, (_, i) => number(i));
    return Array.from({ length: rows }, (_, i) =>
      Float64Array.from({ length: columns }, (_, j) => number(i * columns + j)),
    );
  }

  class Machine {
    // model: what docs/hooks/live_models.py exports.
    constructor(model) {
      this.name = model.name;
      this.task = model.task;
      this.arguments = model.arguments;
      this.parameters = {};
      for (const [name, packed] of Object.entries(model.parameters)) this.parameters[name] = unpack(packed);
    }

    linear(name, x) {
      const bias = this.parameters[`${name}.bias`];
      return Float64Array.from(this.parameters[`${name}.weight`], (row, i) => dot(row, x) + (bias ? bias[i] : 0));
    }

    // What every state has: of N slots, and of a controller without inputs so far.
    start(N) {
      const { word_size: W, num_reads: R, num_layers: L, hidden_size: H, controller } = this.arguments;
      return {
        memory: Array.from({ length: N }, () => zeros(W).fill(INITIAL_MEMORY)),
        readWeights: Array.from({ length: R }, () => zeros(N)),
        readWords: Array.from({ length: R }, () => zeros(W)),
        controller: controller === "lstm" ? Array.from({ length: L }, () => [zeros(H), zeros(H)]) : [],
      };
    }

    // [h¹ ; … ; h^L] and the controller's next state.
    control(x, state) {
      const chi = joined([x, ...state.readWords]), layers = [], next = [];
      for (let layer = 0; layer < this.arguments.num_layers; layer++) {
        const below = layers.slice(-1), name = `controller.layers.${layer}`;
        if (this.arguments.controller === "feedforward") {
          layers.push(this.linear(name, joined([chi, ...below])).map(Math.tanh));
          continue;
        }
        const [hidden, cell] = state.controller[layer], H = hidden.length;
        const gates = this.linear(name, joined([chi, hidden, ...below]));
        const newCell = cell.map(
          (c, i) => sigmoid(gates[H + i]) * c + sigmoid(gates[i]) * Math.tanh(gates[2 * H + i]),
        );
        const newHidden = newCell.map((c, i) => sigmoid(gates[3 * H + i]) * Math.tanh(c));
        layers.push(newHidden);
        next.push([newHidden, newCell]);
      }
      return [joined(layers), next];
    }

    outputs(features, words) {
      const reads = this.linear("output_from_reads", joined(words));
      return this.linear("output_from_controller", features).map((value, i) => value + reads[i]);
    }
  }

  class NTM extends Machine {
    initialState(N) {
      const state = this.start(N);
      state.writeWeights = Array.from({ length: this.arguments.num_writes }, () => zeros(N));
      for (const weights of [...state.writeWeights, ...state.readWeights]) weights[0] = 1;
      return state;
    }

    step(x, state) {
      const { num_reads: R, num_writes: H, word_size: W, max_shift } = this.arguments;
      const [features, controller] = this.control(x, state);
      const xi = fields(this.linear("interface", features));
      const head = (writes) => ({
        key: xi.take(W).map(Math.tanh),
        strength: softplus(xi.one()),
        gate: sigmoid(xi.one()),
        shifts: softmax(xi.take(2 * max_shift + 1)),
        gamma: 1 + softplus(xi.one()),
        erase: writes ? xi.take(W).map(sigmoid) : null,
        add: writes ? xi.take(W).map(Math.tanh) : null,
      });
      const reads = Array.from({ length: R }, () => head(false));
      const writes = Array.from({ length: H }, () => head(true));
      const address = (h, memory, previous) =>
        sharpen(shift(interpolate(contentWeights(memory, h.key, h.strength), previous, h.gate), h.shifts), h.gamma);

      writes.forEach((h, i) => (h.weights = address(h, state.memory, state.writeWeights[i])));
      const memory = eraseAndAdd(state.memory, writes);
      const readWeights = reads.map((h, i) => address(h, memory, state.readWeights[i]));
      const readWords = readWeights.map((weights) => read(memory, weights));
      const gates = { "write: by content": writes[0].gate, "read: by content": reads[0].gate };
      const next = { memory, readWeights, readWords, controller, writeWeights: writes.map((h) => h.weights) };
      return { output: this.outputs(features, readWords), state: next, gates };
    }
  }

  class DNC extends Machine {
    initialState(N) {
      const state = this.start(N);
      const link = Array.from({ length: N }, () => zeros(N));
      return { ...state, usage: zeros(N), precedence: zeros(N), link, writeWeights: [zeros(N)] };
    }

    step(x, last) {
      const { num_reads: R, word_size: W } = this.arguments;
      const heads = Array.from({ length: R }), lastWrite = last.writeWeights[0];
      const [features, controller] = this.control(x, last);
      const xi = fields(this.linear("interface", features));
      const readKeys = heads.map(() => xi.take(W)), readStrengths = heads.map(() => oneplus(xi.one()));
      const writeKey = xi.take(W), writeStrength = oneplus(xi.one());
      const erase = xi.take(W).map(sigmoid), add = xi.take(W);
      const freeGates = heads.map(() => sigmoid(xi.one()));
      const allocationGate = sigmoid(xi.one()), writeGate = sigmoid(xi.one());
      const modes = heads.map(() => softmax(xi.take(3))); // backward, content, forward

      const usage = last.usage.map((u, i) => {
        const retention = heads.reduce((kept, _, r) => kept * (1 - freeGates[r] * last.readWeights[r][i]), 1);
        return (u + lastWrite[i] - u * lastWrite[i]) * retention;
      });
      const allocation = allocationWeights(usage);
      const content = contentWeights(last.memory, writeKey, writeStrength);
      const weights = allocation.map((a, i) => writeGate * (allocationGate * a + (1 - allocationGate) * content[i]));
      const memory = eraseAndAdd(last.memory, [{ weights, erase, add }]);

      const link = updateLink(last.link, last.precedence, weights); // the precedence from before this write
      const written = weights.reduce((a, b) => a + b, 0);
      const precedence = last.precedence.map((p, i) => (1 - written) * p + weights[i]);
      const readWeights = heads.map((_, r) => {
        const previous = last.readWeights[r], found = contentWeights(memory, readKeys[r], readStrengths[r]);
        const forward = link.map((row) => dot(row, previous));
        const backward = previous.map((_, j) => link.reduce((sum, row, i) => sum + row[j] * previous[i], 0));
        return found.map((c, i) => modes[r][0] * backward[i] + modes[r][1] * c + modes[r][2] * forward[i]);
      });
      const readWords = readWeights.map((w) => read(memory, w));
      const gates = { "write": writeGate, "into a free slot": allocationGate, "free what was read": freeGates[0] };
      const next = { memory, usage, precedence, link, readWeights, readWords, controller, writeWeights: [weights] };
      return { output: this.outputs(features, readWords), state: next, gates };
    }
  }

  const load = (model) => new { NTM, DNC }[model.architecture](model);

  // Run over inputs (arrays of numbers) on N slots; harm(step, memory) may change the memory before a step.
  function run(machine, inputs, N, harm = () => {}) {
    let state = machine.initialState(N);
    return inputs.map((x, step) => {
      state = { ...state, memory: state.memory.map((word) => word.slice()) };
      harm(step, state.memory);
      const result = machine.step(x, state);
      state = result.state;
      return result;
    });
  }

  return { load, run, allocationWeights, contentWeights, sharpen, shift };
})();
