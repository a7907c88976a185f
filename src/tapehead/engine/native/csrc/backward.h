// The loop over time, backward, with the writes of a segment redone from its checkpoint. README.md derives it.
#pragma once
#include "sequence.h"

namespace tapehead {

template <class F, class Memory> class Backward : public Sequence<F, Memory> {
  using Base = Sequence<F, Memory>;
  using Base::a, Base::d, Base::memory, Base::at, Base::NP, Base::features, Base::words;
  using Base::normed, Base::checkpoint, Base::initial_cell, Base::copy_or_zero, Base::part;
  using Base::pack_if, Base::chunks, Base::chunk_rows, Base::active, Base::record, Base::z, Base::gates, Base::cell;
  using typename Base::Packed;

 public:
  using Base::Base;

  Index scratch_size() const {
    Arena<F> arena{nullptr};
    arena.take(at.gradients_size);
    pack_weights(arena);
    for (Index c = 0; c < chunks(); c++) Scratch(*this, chunk_rows(c), arena);
    for (Index c = 0; c < d.threads; c++) weight_scratch(arena);
    return arena.used;
  }

  void run() const {
    if (kRedzone<F>) Layout<F, Memory>(d, memory, a.tape, a.scratch);
    Arena<F> arena{a.scratch};
    arena.take(at.gradients_size);
    const Packed packed = pack_weights(arena);
    this->template each_chunk<Scratch>(*this, arena,
                                       [&](Index from, Index to, Scratch& s) { run_chunk(from, to, packed, s); });
    weight_gradients(arena);
  }

 private:
  Packed pack_weights(Arena<F>& arena) const {
    Packed packed{};
    for (Index l = 0; l < d.num_layers; l++)
      packed.layer[l] =
          pack_if(arena, a.weight[l] + skipped(), d.layer_inputs(l), 1, d.gates(), d.layer_inputs(l) - skipped());
    if (d.interface_size)
      packed.interface = pack_if(arena, a.interface_weight, features, 1, d.interface_size, features);
    if (d.output_size) packed.output_features = pack_if(arena, a.output_features, features, 1, d.output_size, features);
    if (d.output_size && words) packed.output_words = pack_if(arena, a.output_words, words, 1, d.output_size, words);
    return packed;
  }

  // Inputs of a layer whose gradient nobody asks for: those of x. (Without scratch, sizes are counted: the larger.)
  Index skipped() const { return a.d_x || !a.scratch ? 0 : d.input_size; }

  struct Scratch {
    F *d_hidden[kMaxLayers], *d_cell[kMaxLayers], *d_words, *d_features, *d_z, *words_now, *before;
    std::vector<typename Memory::Gradient> gradient;  // one a sample
    F *memories, *links;                              // a segment's states, [segment + 1, chunk, …]
    Index d_z_row, d_features_row, words_row;
    typename Memory::Scratch step;
    Scratch(const Backward& s, Index rows, Arena<F>& arena) : step(s.d, arena) {
      const Dims& d = s.d;
      d_z_row = 0;
      for (Index l = 0; l < d.num_layers; l++) {
        d_hidden[l] = arena.take(rows * d.hidden_size);
        d_cell[l] = arena.take(rows * d.hidden_size);
        d_z_row = std::max(d_z_row, padded<F>(d.layer_inputs(l)));
      }
      d_features_row = padded<F>(s.features);
      d_words = arena.take(rows * s.words);
      words_row = padded<F>(s.words);
      words_now = arena.take(rows * words_row);
      before = arena.take(d.hidden_size);
      d_features = arena.take(rows * d_features_row);
      d_z = arena.take(rows * d_z_row);
      for (Index i = 0; i < rows; i++) gradient.emplace_back(d, arena);
      memories = arena.take((s.at.segment + 1) * rows * s.at.memory_row);
      links = arena.take((s.at.segment + 1) * rows * s.at.link_row);
    }
  };

  void run_chunk(Index from, Index to, const Packed& packed, Scratch& s) const {
    const Index rows = to - from;
    for (Index l = 0; d.lstm && l < d.num_layers; l++) {
      copy_or_zero(s.d_hidden[l], part(a.d_final[kStatePieces + 2 * l], from, d.hidden_size), rows * d.hidden_size);
      copy_or_zero(s.d_cell[l], part(a.d_final[kStatePieces + 2 * l + 1], from, d.hidden_size), rows * d.hidden_size);
    }
    copy_or_zero(s.d_words, part(a.d_final[kReadWords], from, words), rows * words);
    for (Index b = from; b < to; b++) {
      auto& g = s.gradient[b - from];
      if constexpr (Memory::kSparse)
        begin_sparsely(b, g);
      else
        this->import_pieces(a.d_final, b, F(0), g.memory, g.link, g);
    }

    for (Index start = (d.steps - 1) / at.segment * at.segment; start >= 0; start -= at.segment) {
      const Index end = std::min(start + at.segment, d.steps);
      replay_segment(start, end, from, to, s);
      for (Index t = end - 1; t >= start; t--) {
        outputs_backward(t, from, to, packed, s);
        for (Index b = from; b < to; b++) memory_backward(t, t - start, b, from, rows, s);
        if (d.interface_size)
          product<F, true>(d_interface(t, from), rows, at.interface_row, packed.interface, d.interface_size, features,
                           s.d_features, s.d_features_row);
        for (Index l = d.num_layers - 1; l >= 0; l--) {
          for (Index b = from; b < to; b++) controller_backward(t, b, l, b - from, s);
          product<F, false>(d_gates(l, t * d.batch_size + from), rows, at.gates_row, packed.layer[l], d.gates(),
                            d.layer_inputs(l) - skipped(), s.d_z, s.d_z_row);
          for (Index b = from; b < to; b++) {
            if (!active(t, b)) {
              if (a.d_x) std::memset(a.d_x + (t * d.batch_size + b) * d.input_size, 0, sizeof(F) * d.input_size);
              continue;
            }
            const Index i = b - from;
            const F* dz = s.d_z + i * s.d_z_row;
            F *d_word = s.d_words + i * words, *d_x = part(a.d_x, t * d.batch_size + b, d.input_size);
            if (a.d_x) {
              for (Index j = 0; j < d.input_size; j++) d_x[j] = dz[j] + (l < d.num_layers - 1 ? d_x[j] : 0);
              dz += d.input_size;
            }
            for (Index w = 0; w < d.fed_words(); w++) d_word[w] += dz[w];
            dz += d.fed_words();
            if (d.lstm)
              std::memcpy(s.d_hidden[l] + i * d.hidden_size, dz, sizeof(F) * d.hidden_size), dz += d.hidden_size;
            F* below = s.d_features + i * s.d_features_row + (l - 1) * d.hidden_size;
            for (Index j = 0; l && j < d.hidden_size; j++) below[j] += dz[j];
          }
        }
      }
    }
    auto give = [&](F* whole, const F* mine, Index n) {
      if (whole && n) std::memcpy(whole + from * n, mine, sizeof(F) * rows * n);
    };
    for (Index l = 0; d.lstm && l < d.num_layers; l++) {
      give(a.d_initial[kStatePieces + 2 * l], s.d_hidden[l], d.hidden_size);
      give(a.d_initial[kStatePieces + 2 * l + 1], s.d_cell[l], d.hidden_size);
    }
    give(a.d_initial[kReadWords], s.d_words, words);
    for (Index b = from; b < to; b++) {
      const auto& g = s.gradient[b - from];
      if constexpr (Memory::kSparse)
        end_sparsely(b, g);
      else
        this->export_pieces(a.d_initial, b, g.memory, g.link, g);
    }
  }

  // The memory's gradient lies where the caller wants it, or else in rows of which the steps touch few.
  void begin_sparsely(Index b, typename Memory::Gradient& g) const {
    const Index N = d.memory_size, numbers = N * d.word_size;
    const F *d_memory = part(a.d_final[kMemory], b, numbers), *d_read = part(a.d_final[kReadWeights], b, d.num_reads * N);
    F* wanted = part(a.d_initial[kMemory], b, numbers);
    if (wanted) copy_or_zero(wanted, d_memory, numbers);
    g.memory.begin(d.word_size, wanted, d_memory);
    const auto last = record(a.lengths ? a.lengths[b] - 1 : d.steps - 1, b);
    for (Index i = 0; i < d.num_reads * d.top_k; i++)
      g.weights[i] = d_read && last.slots[i] >= 0 ? d_read[i / d.top_k * N + Index(last.slots[i])] : F(0);
  }

  void end_sparsely(Index b, const typename Memory::Gradient& g) const {
    const Index N = d.memory_size, heads = d.num_reads * N;
    // Times of access and links have no gradient.
    if (F* d_usage = part(a.d_initial[kUsage], b, N)) copy_or_zero(d_usage, nullptr, N);
    if (F* d_precedence = part(a.d_initial[kPrecedence], b, N)) copy_or_zero(d_precedence, nullptr, N);
    for (const StatePiece piece : this->kLinkPieces)
      if (F* d_links = part(a.d_initial[piece], b, N * kMaxLinks)) copy_or_zero(d_links, nullptr, N * kMaxLinks);
    F* d_read = part(a.d_initial[kReadWeights], b, heads);
    if (!d_read) return;
    copy_or_zero(d_read, nullptr, heads);
    const auto start = record(-1, b);
    for (Index i = 0; i < d.num_reads * d.top_k; i++)
      if (start.slots[i] >= 0) d_read[i / d.top_k * N + Index(start.slots[i])] = g.weights[i];
  }

  F* d_gates(Index l, Index row) const { return a.scratch + at.d_gates[l] + row * at.gates_row; }
  F* d_interface(Index t, Index b) const {
    return a.scratch + at.d_interface + (t * d.batch_size + b) * at.interface_row;
  }
  F* d_outputs(Index row) const { return a.scratch + at.d_outputs + row * at.outputs_row; }

  // What the outputs, and the caller, bring to this step's features and words.
  void outputs_backward(Index t, Index from, Index to, const Packed& packed, Scratch& s) const {
    const Index first = t * d.batch_size + from, rows = to - from;
    for (Index i = 0; i < rows; i++) {
      F* d_y = d_outputs(first + i);
      std::memset(d_y, 0, sizeof(F) * at.outputs_row);
      if (a.d_outputs && active(t, from + i))
        std::memcpy(d_y, a.d_outputs + (first + i) * d.output_size, sizeof(F) * d.output_size);
      copy_or_zero(s.d_features + i * s.d_features_row, part(a.d_features, first + i, features), features);
      copy_or_zero(s.words_now + i * s.words_row, part(a.d_words, first + i, words), words);
    }
    if (!d.output_size || !a.d_outputs) return;
    product<F, true>(d_outputs(first), rows, at.outputs_row, packed.output_features, d.output_size, features,
                     s.d_features, s.d_features_row);
    if (words)
      product<F, true>(d_outputs(first), rows, at.outputs_row, packed.output_words, d.output_size, words, s.words_now,
                       s.words_row);
  }

  // Gradients of the weights: Σ over all steps and sequences of (gradient of what a layer gave) ⊗ (what it saw).
  void weight_gradients(Arena<F>& arena) const {
    const Index rows = d.steps * d.batch_size;
    OuterProducts<F> products;
    for (Index l = 0; l < d.num_layers; l++)
      products.add(d_gates(l, 0), at.gates_row, d.gates(), z(l, 0), at.z_row[l], d.layer_inputs(l), a.d_weight[l],
                   a.d_bias[l]);
    if (d.interface_size)
      products.add(d_interface(0, 0), at.interface_row, d.interface_size, a.features, features, features,
                   a.d_interface_weight, a.d_interface_bias);
    if (d.output_size)
      products.add(d_outputs(0), at.outputs_row, d.output_size, a.features, features, features, a.d_output_features,
                   a.d_output_bias);
    if (d.output_size && words)
      products.add(d_outputs(0), at.outputs_row, d.output_size, a.words, words, words, a.d_output_words, nullptr);
    const Index count = rows * products.multiplications() < kWorthThreads ? 1 : d.threads;
    std::vector<F*> scratch;
    for (Index c = 0; c < count; c++) scratch.push_back(weight_scratch(arena));
    in_parallel(count, [&](Index c) { products.run(rows, c, count, scratch[c]); });
    if (d.interface_norm) norm_gradients();
  }

  F* weight_scratch(Arena<F>& arena) const {
    Index widest = features;
    for (Index l = 0; l < d.num_layers; l++) widest = std::max(widest, d.layer_inputs(l));
    return arena.take(OuterProducts<F>::scratch(std::max(widest, words)));
  }

  void norm_gradients() const {
    copy_or_zero(a.d_norm_weight, nullptr, a.d_norm_weight ? d.interface_size : 0);
    copy_or_zero(a.d_norm_bias, nullptr, a.d_norm_bias ? d.interface_size : 0);
    for (Index row = 0; row < d.steps * d.batch_size; row++) {
      const F *d_normed = a.scratch + at.d_normed + row * at.interface_row, *kept = normed(row);
      for (Index i = 0; a.d_norm_weight && i < d.interface_size; i++) a.d_norm_weight[i] += d_normed[i] * kept[i];
      for (Index i = 0; a.d_norm_bias && i < d.interface_size; i++) a.d_norm_bias[i] += d_normed[i];
    }
  }

  // Redo the writes of a segment from its checkpoint: the states before each of its steps.
  void replay_segment(Index start, Index end, Index from, Index to, Scratch& s) const {
    const Index rows = to - from, ms = at.memory_row, ls = at.link_row;
    for (Index b = from; b < to; b++) {
      const Index i = b - from;
      if (!ms || !active(start, b)) continue;
      std::memcpy(s.memories + i * ms, checkpoint(start, b), sizeof(F) * ms);
      std::memcpy(s.links + i * ls, checkpoint(start, b) + ms, sizeof(F) * ls);
      for (Index t = start; t < end && active(t, b); t++) {
        const Index k = t - start;
        const F *M_before = s.memories + (k * rows + i) * ms, *L_before = s.links + (k * rows + i) * ls;
        F *M = s.memories + ((k + 1) * rows + i) * ms, *L = s.links + ((k + 1) * rows + i) * ls;
        if constexpr (!Memory::kSparse) memory.replay(record(t - 1, b), record(t, b), M_before, M, L_before, L);
      }
    }
  }

  void memory_backward(Index t, Index k, Index b, Index from, Index rows, Scratch& s) const {
    if (!d.interface_size) return;
    const Index i = b - from, row = t * d.batch_size + b;
    F* d_raw = d_interface(t, b);
    F* d_normed = d.interface_norm ? a.scratch + at.d_normed + row * at.interface_row : nullptr;
    if (!active(t, b)) {
      std::memset(d_raw, 0, sizeof(F) * at.interface_row);
      if (d_normed) {
        std::memset(d_normed, 0, sizeof(F) * at.interface_row);
        std::memset(normed(row), 0, sizeof(F) * at.interface_row);
      }
      return;
    }
    F *d_word = s.d_words + i * words, *words_now = s.words_now + i * s.words_row;
    for (Index w = 0; w < words; w++) words_now[w] += d_word[w], d_word[w] = 0;
    const F *M_before = s.memories + (k * rows + i) * at.memory_row, *M = M_before + rows * at.memory_row;
    const F *L_before = s.links + (k * rows + i) * at.link_row, *L = L_before + rows * at.link_row;
    F* d_interface = d_normed ? d_normed : d_raw;
    if constexpr (Memory::kSparse)
      memory.backward(record(t - 1, b), record(t, b), words_now, s.gradient[i], d_interface, s.step);
    else
      memory.backward(record(t - 1, b), record(t, b), M_before, M, L_before, L, words_now, s.gradient[i], d_interface,
                      s.step);
    if (!d_normed) return;
    const F* kept = normed(row);
    F mean = 0, along = 0;
    for (Index j = 0; j < d.interface_size; j++) {
      const F g = d_normed[j] * a.norm_weight[j];
      mean += g;
      along += g * kept[j];
    }
    mean /= d.interface_size, along /= d.interface_size;
    for (Index j = 0; j < d.interface_size; j++)
      d_raw[j] = (d_normed[j] * a.norm_weight[j] - mean - kept[j] * along) * a.tape[at.deviation + row];
  }

  void controller_backward(Index t, Index b, Index l, Index i, Scratch& s) const {
    const Index row = t * d.batch_size + b, H = d.hidden_size;
    F* dg = d_gates(l, row);
    if (!active(t, b)) {
      std::memset(dg, 0, sizeof(F) * at.gates_row);
      return;
    }
    const F* g = gates(l, row);
    F* dh = s.d_features + i * s.d_features_row + l * H;
    if (d.lstm)
      for (Index j = 0; j < H; j++) dh[j] += s.d_hidden[l][i * H + j];
    clip(dh, H, F(a.controller_bound));
    if (!d.lstm) {
      for (Index j = 0; j < H; j++) dg[j] = dh[j] * (1 - g[j] * g[j]);
      return;
    }
    if (!t) copy_or_zero(s.before, part(initial_cell(l), b, H), H);
    const F* before = t ? cell(l, row - d.batch_size) : s.before;
    const F* c = cell(l, row);
    F* dc = s.d_cell[l] + i * H;
    map(c, dg, H, [](Vec<F> x) { return tanh_vector(x); });  // dg is free until the loop below fills it
    for (Index j = 0; j < H; j++) {
      const F in = g[j], forget = g[H + j], candidate = g[2 * H + j], out = g[3 * H + j], tc = dg[j];
      const F d_cell = dc[j] + dh[j] * out * (1 - tc * tc);
      dg[j] = d_cell * candidate * in * (1 - in);
      dg[H + j] = d_cell * before[j] * forget * (1 - forget);
      dg[2 * H + j] = d_cell * in * (1 - candidate * candidate);
      dg[3 * H + j] = dh[j] * tc * out * (1 - out);
      dc[j] = d_cell * forget;
    }
  }
};

}  // namespace tapehead
