// The loop over time, forward: controller, interface, memory, outputs.
#pragma once
#include "sequence.h"

namespace tapehead {

template <class F, class Memory> class ResidentOf;

template <class F, class Memory> class Forward : public Sequence<F, Memory> {
  friend class ResidentOf<F, Memory>;
  using Base = Sequence<F, Memory>;
  using Base::a, Base::d, Base::memory, Base::at, Base::NP, Base::features, Base::words;
  using Base::normed, Base::checkpoint, Base::initial_cell, Base::copy_or_zero, Base::part;
  using Base::chunks, Base::chunk_start, Base::chunk_rows, Base::active, Base::record, Base::z, Base::gates, Base::cell;
  using Base::tape_row, Base::features_at, Base::words_at, Base::initial_hidden;

 public:
  using Base::Base;

  Index scratch_size() const {
    Arena<F> arena{nullptr};
    lay_out(arena, false);
    for (Index c = 0; c < chunks(); c++) Scratch(*this, chunk_rows(c), arena);
    return arena.used;
  }

  void run() const {
    if (kRedzone<F>) Layout<F, Memory>(d, memory, a.tape);
    Arena<F> arena{a.scratch};
    const Weights weights = lay_out(arena, packing_pays(d.steps));
    this->template each_chunk<Scratch>(*this, arena,
                                       [&](Index from, Index to, Scratch& s) { run_chunk(from, to, weights, s); });
  }

 private:
  // [J, K] as the caller has it, and in panels where it was packed.
  struct Weight {
    const F* rows;
    Panels<F> panels;
    Index K, J;
  };
  struct Weights {
    Weight layer[kMaxLayers], interface, output_features, output_words;
  };

  bool packing_pays(Index steps) const {
    return steps > kUnpackedTimes || (d.batch_size + chunks() - 1) / chunks() > kUnpackedRows;
  }

  // The weights, with room for all of them in panels, and in them if `packed`.
  Weights lay_out(Arena<F>& arena, bool packed) const {
    auto weight = [&](const F* rows, Index K, Index J) {
      F* room = arena.take(packed_size<F>(K, J));
      return Weight{rows, packed ? pack(rows, 1, K, K, J, room) : Panels<F>{}, K, J};
    };
    Weights of{};
    for (Index l = 0; l < d.num_layers; l++) of.layer[l] = weight(a.weight[l], d.layer_inputs(l), d.gates());
    if (d.interface_size) of.interface = weight(a.interface_weight, features, d.interface_size);
    if (d.output_size) of.output_features = weight(a.output_features, features, d.output_size);
    if (d.output_size && words) of.output_words = weight(a.output_words, words, d.output_size);
    return of;
  }

  // out += in · weightᵀ.
  static void multiply(const F* in, Index rows, Index in_row, const Weight& weight, F* out, Index out_row) {
    if (weight.panels.data)
      product<F, true>(in, rows, in_row, weight.panels, weight.K, weight.J, out, out_row);
    else
      product_unpacked(in, rows, in_row, weight.rows, weight.K, weight.J, out, out_row);
  }

  struct Scratch {
    F *hidden[kMaxLayers], *words, *raw, *outputs, *memory, *link;  // [chunk, …]
    F* before;                                                      // the cells before the first step
    bool links_in_place;  // they are worked on where the caller gets them: there, too, rows have no padding
    typename Memory::Scratch step;
    std::vector<typename Memory::Live> live;  // one a sample: what access to a few slots needs to find them
    Scratch(const Forward& s, Index rows, Arena<F>& arena) : step(s.d, arena) {
      for (Index l = 0; l < s.d.num_layers; l++) hidden[l] = arena.take(rows * s.d.hidden_size);
      words = arena.take(rows * s.words);
      raw = arena.take(rows * s.at.interface_row);
      outputs = arena.take(rows * s.at.outputs_row);
      before = arena.take(s.d.hidden_size);
      memory = arena.take(rows * s.at.memory_row);
      link = arena.take(rows * s.at.link_row);
      links_in_place = s.at.link_row && s.NP == s.d.memory_size && s.a.final[kLink];
      live.resize(Memory::kSparse ? rows : 0);
    }
  };

  // Of sequence b, sample i of a chunk.
  F* links(Index b, Index i, const Scratch& s) const {
    return s.links_in_place ? a.final[kLink] + b * at.link_row : s.link + i * at.link_row;
  }

  void run_chunk(Index from, Index to, const Weights& weights, Scratch& s) const {
    begin(from, to, s);
    const Index steps = run_steps(from, to, 0, d.steps, weights, s);
    if (a.ran) *a.ran = steps;
    end(from, to, steps, s);
  }

  void begin(Index from, Index to, Scratch& s) const {
    for (Index b = from; b < to; b++) {
      const Index i = b - from;
      for (Index l = 0; d.lstm && l < d.num_layers; l++)
        copy_or_zero(s.hidden[l] + i * d.hidden_size, part(initial_hidden(l), b, d.hidden_size), d.hidden_size);
      copy_or_zero(s.words + i * words, part(a.initial[kReadWords], b, words), words);
      auto before = record(-1, b);
      if constexpr (Memory::kSparse) {
        begin_sparsely(b, before, s.live[i]);
      } else {
        F *M = s.memory + i * at.memory_row, *L = links(b, i, s);
        this->import_pieces(a.initial, b, F(a.initial_memory), M, L, before);
        memory.begin(M, before);
      }
    }
  }

  // Steps `start`, `start` + 1, …, of which the first row of x is the first; how many: `count`, or fewer where a choice
  // ends the loop. What was before `start` lies where these steps left it.
  Index run_steps(Index from, Index to, Index start, Index count, const Weights& weights, Scratch& s) const {
    const Index rows = to - from;
    for (Index t = start; t < start + count; t++) {
      const Index first = tape_row(t, from);
      for (Index l = 0; l < d.num_layers; l++) {
        for (Index b = from; b < to; b++) {
          F *in = z(l, tape_row(t, b)), *out = gates(l, tape_row(t, b));
          std::memcpy(out, a.bias[l], sizeof(F) * d.gates());
          std::memset(out + d.gates(), 0, sizeof(F) * (at.gates_row - d.gates()));
          if (!active(t, b)) {
            std::memset(in, 0, sizeof(F) * at.z_row[l]);
            continue;
          }
          std::memcpy(in, a.x + ((t - start) * d.batch_size + b) * d.input_size, sizeof(F) * d.input_size);
          std::memcpy(in + d.input_size, s.words + (b - from) * words, sizeof(F) * d.fed_words());
          F* rest = in + d.input_size + d.fed_words();
          if (d.lstm)
            std::memcpy(rest, s.hidden[l] + (b - from) * d.hidden_size, sizeof(F) * d.hidden_size),
                rest += d.hidden_size;
          if (l) std::memcpy(rest, features_at(t, b) + (l - 1) * d.hidden_size, sizeof(F) * d.hidden_size);
        }
        multiply(z(l, first), rows, at.z_row[l], weights.layer[l], gates(l, first), at.gates_row);
        for (Index b = from; b < to; b++)
          controller_forward(t, b, l, s.hidden[l] + (b - from) * d.hidden_size, s.before);
      }
      interface_forward(t, from, to, weights, s.raw);
      for (Index b = from; b < to; b++) {
        const Index i = b - from;
        F *M = s.memory + i * at.memory_row, *L = links(b, i, s), *r = s.words + i * words;
        if (d.keep_tape && t % at.segment == 0) {
          std::memcpy(checkpoint(t, b), M, sizeof(F) * at.memory_row);
          std::memcpy(checkpoint(t, b) + at.memory_row, L, sizeof(F) * at.link_row);
        }
        F* out = words_at(t, b);
        if (!active(t, b)) {
          if (words) std::memset(out, 0, sizeof(F) * words);
          continue;
        }
        auto last = record(t - 1, b), now = record(t, b);
        if constexpr (Memory::kSparse)
          memory.forward(s.raw + i * at.interface_row, last, now, s.live[i], r, s.step);
        else
          memory.forward(s.raw + i * at.interface_row, last, now, M, L, r, s.step);
        if (words) std::memcpy(out, r, sizeof(F) * words);
      }
      const Index done = t - start;
      outputs_forward(t, done, from, to, weights, s.outputs);
      if (a.choice && !a.choice->next(a.outputs + done * d.output_size, a.chosen + done * d.input_size, d.input_size))
        return done + 1;
    }
    return count;
  }

  // The state after step `steps` − 1, to the caller.
  void end(Index from, Index to, Index steps, const Scratch& s) const {
    for (Index b = from; b < to; b++) {
      const Index i = b - from, last = a.lengths ? a.lengths[b] - 1 : steps - 1;
      for (Index l = 0; d.lstm && l < d.num_layers; l++) {
        std::memcpy(a.final[kStatePieces + 2 * l] + b * d.hidden_size, s.hidden[l] + i * d.hidden_size,
                    sizeof(F) * d.hidden_size);
        std::memcpy(a.final[kStatePieces + 2 * l + 1] + b * d.hidden_size, cell(l, tape_row(last, b)),
                    sizeof(F) * d.hidden_size);
      }
      if (words) std::memcpy(a.final[kReadWords] + b * words, s.words + i * words, sizeof(F) * words);
      if constexpr (Memory::kSparse)
        end_sparsely(b, record(last, b), s.live[i]);
      else
        this->export_pieces(a.final, b, s.memory + i * at.memory_row, links(b, i, s), record(last, b));
    }
  }

  // Memory, times of access and links are changed where the caller gets them. From the constant start state, which is
  // zero, the caller has zeroed them and what is spread in the end: no row is looked at before it is written.
  void begin_sparsely(Index b, typename Memory::Record& before, typename Memory::Live& live) const {
    const Index N = d.memory_size, heads = d.num_reads * N;
    const auto arrays = this->sparse_arrays(a.final, b);
    if (d.given_state) {
      copy_or_zero(arrays.memory, part(a.initial[kMemory], b, N * d.word_size), N * d.word_size);
      copy_or_zero(arrays.usage, part(a.initial[kUsage], b, N), N);
      for (Index i = 0; d.temporal_links && i < 4; i++)
        copy_or_zero(arrays.links[i], part(a.initial[this->kLinkPieces[i]], b, N * kMaxLinks), N * kMaxLinks);
      if (F* weights = part(a.final[kReadWeights], b, heads)) copy_or_zero(weights, nullptr, heads);
      if (F* precedence = part(a.final[kPrecedence], b, N)) copy_or_zero(precedence, nullptr, N);
    }
    memory.read_weights_of(part(a.initial[kReadWeights], b, heads), before);
    memory.begin(arrays, !d.given_state, part(a.initial[kPrecedence], b, N), live);
  }

  // What is not yet where the caller gets it.
  void end_sparsely(Index b, const typename Memory::Record& last, const typename Memory::Live& live) const {
    this->spread(last, part(a.final[kReadWeights], b, d.num_reads * d.memory_size));
    if (!d.temporal_links) return;
    const auto arrays = this->sparse_arrays(a.final, b);
    live.links.before.finish(arrays.links[0], arrays.links[1]);
    live.links.after.finish(arrays.links[2], arrays.links[3]);
    live.links.spread_precedence(part(a.final[kPrecedence], b, d.memory_size));
  }

  void controller_forward(Index t, Index b, Index l, F* hidden, F* start_cell) const {
    const Index row = tape_row(t, b), H = d.hidden_size;
    F *g = gates(l, row), *h = features_at(t, b) + l * H;
    if (!active(t, b)) {
      std::memset(h, 0, sizeof(F) * H);
      return;
    }
    auto tanh = [](Vec<F> x) { return tanh_vector(x); };
    auto squash = [](Vec<F> x) { return sigmoid_vector(x); };
    if (!d.lstm) {
      map(g, g, H, tanh);
      std::memcpy(h, g, sizeof(F) * H);
      return;
    }
    map(g, g, 2 * H, squash);
    map(g + 2 * H, g + 2 * H, H, tanh);
    map(g + 3 * H, g + 3 * H, H, squash);
    if (!t) copy_or_zero(start_cell, part(initial_cell(l), b, H), H);
    const F* before = t ? cell(l, tape_row(t - 1, b)) : start_cell;
    F* c = cell(l, row);
    for (Index j = 0; j < H; j++) c[j] = g[H + j] * before[j] + g[j] * g[2 * H + j];
    map(c, h, H, tanh);
    for (Index j = 0; j < H; j++) h[j] *= g[3 * H + j];
    std::memcpy(hidden, h, sizeof(F) * H);
  }

  // ξ = W_ξ [h¹; …; h^L] (+ bias), then the layer norm.
  void interface_forward(Index t, Index from, Index to, const Weights& weights, F* raw) const {
    if (!d.interface_size) return;
    for (Index b = from; b < to; b++) {
      F* out = raw + (b - from) * at.interface_row;
      std::memset(out, 0, sizeof(F) * at.interface_row);
      if (a.interface_bias) std::memcpy(out, a.interface_bias, sizeof(F) * d.interface_size);
    }
    multiply(features_at(t, from), to - from, features, weights.interface, raw, at.interface_row);
    for (Index b = from; d.interface_norm && b < to; b++) {
      F *out = raw + (b - from) * at.interface_row, *kept = normed(tape_row(t, b));
      F mean = 0, variance = 0;
      for (Index i = 0; i < d.interface_size; i++) mean += out[i];
      mean /= d.interface_size;
      for (Index i = 0; i < d.interface_size; i++) variance += (out[i] - mean) * (out[i] - mean);
      const F deviation = 1 / std::sqrt(variance / d.interface_size + F(kNormEpsilon));
      a.tape[at.deviation + tape_row(t, b)] = deviation;
      for (Index i = 0; i < d.interface_size; i++) {
        kept[i] = (out[i] - mean) * deviation;
        out[i] = kept[i] * a.norm_weight[i] + a.norm_bias[i];
      }
    }
  }

  // y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R] (+ b); zero in the padding.
  // t: the step; row: that of a.outputs which is its own.
  void outputs_forward(Index t, Index row, Index from, Index to, const Weights& weights, F* y) const {
    if (!d.output_size) return;
    const Index first = row * d.batch_size + from, rows = to - from;
    for (Index i = 0; i < rows; i++) {
      std::memset(y + i * at.outputs_row, 0, sizeof(F) * at.outputs_row);
      if (a.output_bias) std::memcpy(y + i * at.outputs_row, a.output_bias, sizeof(F) * d.output_size);
    }
    multiply(features_at(t, from), rows, features, weights.output_features, y, at.outputs_row);
    if (words) multiply(words_at(t, from), rows, words, weights.output_words, y, at.outputs_row);
    for (Index i = 0; i < rows; i++)
      copy_or_zero(a.outputs + (first + i) * d.output_size, active(t, from + i) ? y + i * at.outputs_row : nullptr,
                   d.output_size);
  }
};

}  // namespace tapehead
