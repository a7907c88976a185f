// Sparse access (Rae et al. 2016): one step of one sample, forward and backward. README.md derives the backward pass.
// The memory lies as the caller's, [N][W], and is changed where it lies: a step touches a few of its rows.
#pragma once
#include "mixing.h"

namespace tapehead {

template <class F> struct SparseMemory {
  using Record = SparseRecord<F>;
  using Gradient = SparseGradient<F>;
  using Live = SparseLive<F>;
  using Scratch = SparseScratch<F>;
  static constexpr bool kSparse = true;
  const Dims& d;
  const SparseFields at;
  const ReadMixing<F> mixing;
  const Index N, W, R, H, K;
  const F bound;

  SparseMemory(const Dims& dims, double, double weighting_bound)
      : d(dims), at(dims), mixing(dims), N(dims.memory_size), W(dims.word_size), R(dims.num_reads),
        H(dims.num_writes), K(dims.top_k), bound(F(weighting_bound)) {}

  Index interface_size() const { return at.end; }
  Index link_size() const { return 0; }

  // The K largest positive ones of given read weightings [R, N] (null: none); the rest of record −1 is not looked at.
  void read_weights_of(const F* given, Record& initial) const {
    std::vector<Index> slots(K);
    for (Index r = 0; r < R; r++) {
      F *weights = initial.weights + r * K, *where = initial.slots + r * K;
      Best<F> best(K, weights, slots.data());
      for (Index n = 0; given && n < N; n++)
        if (given[r * N + n] > 0) best.offer(given[r * N + n], n);
      for (Index k = 0; k < K; k++) {
        where[k] = k < best.size() ? F(slots[k]) : F(-1);
        if (k >= best.size()) weights[k] = 0;
      }
    }
  }

  // From the caller's arrays, which are this sequence's to change; with all_fresh they are zero.
  void begin(const SparseArrays<F>& arrays, bool all_fresh, const F* precedence, Live& live) const {
    F *const M = arrays.memory, *const usage = arrays.usage;
    live.M = M, live.usage = usage, live.clock = 0;
    live.inverse.clear();
    live.inverse.reserve(N);  // takes memory where slots were written
    live.written = 0;
    live.index.clear();
    for (Index n = 0; !all_fresh && n < N; n++) {
      usage[n] = usage[n] > 0 ? std::nearbyint(usage[n]) : F(0);
      live.clock = std::max(live.clock, usage[n]);
      if (usage[n] > 0) changed(live, n);
    }
    live.ages.begin(usage, N, all_fresh);
    index_if_many(live);
    if (!d.temporal_links) return;
    live.links.begin(N, arrays.links, precedence);
    live.mark.begin(N);
  }

  void forward(const F* raw, const Record& last, Record& now, Live& live, F* words, Scratch& s) const {
    activate(raw, now.fields);
    if (d.read_first) read(last, now, live, words, s);
    write(last, now, live, s);
    if (d.temporal_links) live.links.update(N, s.accessed);
    if (!d.read_first) read(last, now, live, words, s);
    mark_accesses(now, live, s);
  }

  void backward(const Record& last, const Record& now, const F* d_words, Gradient& g, F* d_raw, Scratch& s) const {
    std::memset(s.d_fields, 0, sizeof(F) * d.interface_size);
    std::memcpy(s.d_weights, g.weights, sizeof(F) * R * K);
    std::memset(s.d_last, 0, sizeof(F) * R * K);
    if (!d.read_first) read_backward(now, d_words, g, s);
    write_backward(last, now, g, s);
    if (d.read_first) read_backward(now, d_words, g, s);
    activate_backward(now.fields, s.d_fields, d_raw);
  }

 private:
  // Keys, strengths and what is added: raw and oneplus with the DNC's, tanh and softplus with the NTM's.
  bool as_dnc() const { return d.kind == kSparseDNC; }

  void activate(const F* raw, F* a) const {
    auto tanh = [](Vec<F> x) { return tanh_vector(x); };
    std::memcpy(a, raw, sizeof(F) * d.interface_size);
    if (!as_dnc()) map(raw + at.read_keys, a + at.read_keys, R * W, tanh), map(raw + at.add, a + at.add, H * W, tanh);
    for (Index i = at.read_strengths; i < at.add; i++) a[i] = (as_dnc() ? F(1) : F(0)) + softplus(raw[i]);
    map(raw + at.gates, a + at.gates, 2 * H, [](Vec<F> x) { return sigmoid_vector(x); });
    for (Index i = at.read_modes; i < at.end; i += 3) softmax_of_modes(a + i);
  }

  void activate_backward(const F* a, const F* da, F* d_raw) const {
    auto through_tanh = [&](Index i) { d_raw[i] = as_dnc() ? da[i] : da[i] * (1 - a[i] * a[i]); };
    for (Index i = 0; i < R * W; i++) through_tanh(at.read_keys + i);
    for (Index i = at.read_strengths; i < at.add; i++) d_raw[i] = da[i] * softplus_slope(a[i] - (as_dnc() ? 1 : 0));
    for (Index i = 0; i < H * W; i++) through_tanh(at.add + i);
    for (Index i = at.gates; i < at.read_modes; i++) d_raw[i] = da[i] * a[i] * (1 - a[i]);
    for (Index i = at.read_modes; i < at.end; i += 3) softmax_of_modes_backward(a + i, da + i, d_raw + i);
  }

  // Row n holds something else than before.
  void changed(Live& live, Index n) const {
    if (n >= Index(live.inverse.size())) live.inverse.resize(n + 1, std::numeric_limits<F>::quiet_NaN());
    const F* row = live.M + n * W;
    const bool known = live.inverse[n] == live.inverse[n];  // not NaN
    if (!known) live.written++;
    live.inverse[n] = 1 / std::sqrt(dot_of(row, row, W) + F(kEpsilon));
    if (!live.index.active()) return;
    if (known) live.index.remove(n);
    live.index.add(n, row);
  }

  void index_if_many(Live& live) const {
    if (!d.hash_tables || live.index.active() || live.written <= d.hash_from) return;
    live.index.begin(N, W, d.hash_tables, d.hash_bits, d.hash_probes);
    for (Index n = 0; n < Index(live.inverse.size()); n++)
      if (live.inverse[n] == live.inverse[n]) live.index.add(n, live.M + n * W);
  }

  // The slots that a step writes to: those emptied, and those last read with the mean of their weights.
  void written_slots(const Record& last, const Record& now, WeightedList<F>& list) const {
    list.clear();
    for (Index i = 0; i < R * K; i++)
      if (last.weights[i] > 0) list.push_back({Index(last.slots[i]), last.weights[i] / R});
    for (Index h = 0; h < H; h++) list.push_back({Index(now.least[h]), F(0)});
    merge(list);
  }
  bool emptied(const Record& now, Index slot) const {
    return std::find(now.least, now.least + H, F(slot)) != now.least + H;
  }

  // M = (1 − I^U) ∘ M' + Σ_h w_h a_hᵀ, w_h = α_h (γ_h w̄ + (1 − γ_h) I^U_h). Leaves Σ_h w_h in s.accessed.
  void write(const Record& last, Record& now, Live& live, Scratch& s) const {
    const F *a = now.fields + at.add, *gate = now.fields + at.gates, *open = now.fields + at.write_gates;
    const Index heads = std::min(H, N);
    for (Index h = 0; h < H; h++) now.least[h] = h < heads ? F(live.ages.take()) : now.least[h % heads];
    written_slots(last, now, s.written);
    s.accessed.clear();
    for (const auto& one : s.written) {
      F* row = live.M + one.slot * W;
      if (emptied(now, one.slot)) std::memset(row, 0, sizeof(F) * W);
      F total = 0;
      for (Index h = 0; h < H; h++) {
        const F least = now.least[h] == F(one.slot) ? F(1) : F(0);
        const F weight = open[h] * (gate[h] * one.weight + (1 - gate[h]) * least);
        add_to(row, weight, a + h * W, W);
        total += weight;
      }
      s.accessed.push_back({one.slot, total});
      if (!(live.usage[one.slot] > 0)) {
        live.usage[one.slot] = 1;
        if (!emptied(now, one.slot)) live.ages.put(one.slot);
      }
      changed(live, one.slot);
    }
    live.clock = std::max(live.clock, F(1));
    index_if_many(live);
  }

  // The best rows of each head, into s.best.
  void search(const F* keys, Live& live, Scratch& s) const {
    if (!live.index.active())
      return scan(live.M, live.inverse.data(), Index(live.inverse.size()), W, s.queries, R, s.best.data());
    for (Index r = 0; r < R; r++) {
      live.index.candidates(keys + r * W, s.candidates);
      for (const int32_t slot : s.candidates) {
        const char* row = reinterpret_cast<const char*>(live.M + Index(slot) * W);
        for (Index byte = 0; byte < W * Index(sizeof(F)); byte += 64) __builtin_prefetch(row + byte);
        __builtin_prefetch(live.inverse.data() + slot);
      }
      for (const int32_t slot : s.candidates)
        s.best[r].offer(dot_of(s.queries + r * W, live.M + Index(slot) * W, W) * live.inverse[slot], slot);
    }
  }

  // The words read: from the K written rows most like each key, or from those and others by way of links.
  void read(const Record& last, Record& now, Live& live, F* words, Scratch& s) const {
    look_up(now, live, s);
    std::memset(words, 0, sizeof(F) * R * W);
    for (Index r = 0; r < R; r++) {
      if (d.temporal_links) mixing.forward(r, last, now, live, s);
      for (Index i = r * K; i < (r + 1) * K && now.slots[i] >= 0; i++) {
        if (d.temporal_links) std::memcpy(now.rows + i * W, live.M + Index(now.slots[i]) * W, sizeof(F) * W);
        add_to(words + r * W, now.weights[i], now.rows + i * W, W);
      }
    }
  }

  // The K written rows most like each key, weighted by a softmax.
  void look_up(Record& now, Live& live, Scratch& s) const {
    const F* keys = now.fields + at.read_keys;
    s.best.clear();
    for (Index r = 0; r < R; r++) {
      const F scale = 1 / std::sqrt(dot_of(keys + r * W, keys + r * W, W) + F(kEpsilon));
      for (Index w = 0; w < W; w++) s.queries[r * W + w] = keys[r * W + w] * scale;
      s.best.emplace_back(K, s.scores + r * K, s.slots.data() + r * K);
    }
    search(keys, live, s);
    for (Index r = 0; r < R; r++) {
      const F strength = now.fields[at.read_strengths + r];
      F total = 0;
      for (Index k = 0; k < K; k++) {
        const Index i = r * K + k;
        const bool found = k < s.best[r].size();
        now.similar[i] = found ? F(s.slots[i]) : F(-1);
        now.similarity[i] = found ? s.scores[i] : F(0);
        now.inverse[i] = found ? live.inverse[s.slots[i]] : F(0);
        now.content[i] = found ? std::exp(strength * (s.scores[i] - s.scores[r * K])) : F(0);
        total += now.content[i];
        if (found)
          std::memcpy(now.similar_rows + i * W, live.M + s.slots[i] * W, sizeof(F) * W);
        else
          std::memset(now.similar_rows + i * W, 0, sizeof(F) * W);
      }
      for (Index i = r * K; i < r * K + s.best[r].size(); i++) now.content[i] /= total;
    }
  }

  // Slots whose weights sum to more than δ were accessed now; the emptied ones are in line again. (Links may lead to a
  // slot that was never written, where a state was given that no run leaves.)
  void mark_accesses(const Record& now, Live& live, Scratch& s) const {
    for (Index i = 0; i < R * K; i++)
      if (now.slots[i] >= 0) s.accessed.push_back({Index(now.slots[i]), now.weights[i]});
    merge(s.accessed);
    const F time = live.clock + 1;
    for (const auto& one : s.accessed) {
      if (!(one.weight > F(kAccessThreshold))) continue;
      const bool fresh = !(live.usage[one.slot] > 0);
      live.usage[one.slot] = live.clock = time;
      if (fresh) changed(live, one.slot), live.ages.put(one.slot);
    }
    for (Index h = 0; h < std::min(H, N); h++) live.ages.put(Index(now.least[h]));
  }

  // From s.d_weights and the words to the keys, the strengths, the memory's rows, the modes, and to s.d_last.
  void read_backward(const Record& now, const F* d_words, Gradient& g, Scratch& s) const {
    std::memset(s.d_content, 0, sizeof(F) * R * K);
    for (Index r = 0; r < R; r++) {
      const F* d_word = d_words + r * W;
      F *d_weights = s.d_weights + r * K, *d_content = d_weights;
      for (Index k = 0; k < K; k++)
        if (now.slots[r * K + k] >= 0) d_weights[k] += dot_of(d_word, now.rows + (r * K + k) * W, W);
      clip(d_weights, K, bound);
      if (d.temporal_links) {
        d_content = s.d_content + r * K;
        mixing.backward(r, now, d_weights, s.d_fields, d_content, s.d_last + r * K);
        for (Index i = r * K; i < (r + 1) * K && now.slots[i] >= 0; i++)
          add_to(g.memory.at(Index(now.slots[i])), now.weights[i], d_word, W);
      }
      look_up_backward(r, now, d_content, d.temporal_links ? nullptr : d_word, g, s);
    }
  }

  // From the gradients of one head's content weights; d_word, if it is not null, goes to the rows with these weights.
  void look_up_backward(Index r, const Record& now, const F* d_content, const F* d_word, Gradient& g,
                        Scratch& s) const {
    const F* key = now.fields + at.read_keys + r * W;
    const F strength = now.fields[at.read_strengths + r];
    F* d_key = s.d_fields + at.read_keys + r * W;
    const F key_inverse = 1 / std::sqrt(dot_of(key, key, W) + F(kEpsilon));
    F mean = 0, along = 0, d_strength = 0;
    for (Index k = 0; k < K; k++) mean += now.content[r * K + k] * d_content[k];
    for (Index k = 0; k < K; k++) {
      const Index i = r * K + k;
      if (now.similar[i] < 0) continue;
      const F *row = now.similar_rows + i * W, similarity = now.similarity[i], inverse = now.inverse[i];
      const F dz = now.content[i] * (d_content[k] - mean), ds = dz * strength;
      d_strength += dz * similarity;
      along += ds * similarity;
      add_to(d_key, ds * inverse * key_inverse, row, W);
      F* d_row = g.memory.at(Index(now.similar[i]));
      if (d_word) add_to(d_row, now.content[i], d_word, W);
      add_to(d_row, ds * inverse * key_inverse, key, W);
      add_to(d_row, -ds * similarity * inverse * inverse, row, W);
    }
    add_to(d_key, -along * key_inverse * key_inverse, key, W);
    s.d_fields[at.read_strengths + r] = d_strength;
  }

  // To the add vectors, the gates, and g.weights of the step before.
  void write_backward(const Record& last, const Record& now, Gradient& g, Scratch& s) const {
    const F *a = now.fields + at.add, *gate = now.fields + at.gates, *open = now.fields + at.write_gates;
    F *da = s.d_fields + at.add, *d_gate = s.d_fields + at.gates, *d_open = s.d_fields + at.write_gates;
    written_slots(last, now, s.written);
    for (auto& one : s.written) {
      F *d_row = g.memory.at(one.slot), d_mean = 0;
      for (Index h = 0; h < H; h++) {
        const F least = now.least[h] == F(one.slot) ? F(1) : F(0);
        const F blend = gate[h] * one.weight + (1 - gate[h]) * least;
        F d_weight = dot_of(d_row, a + h * W, W);
        clip(&d_weight, 1, bound);
        add_to(da + h * W, open[h] * blend, d_row, W);
        d_open[h] += d_weight * blend;
        d_gate[h] += open[h] * d_weight * (one.weight - least);
        d_mean += open[h] * gate[h] * d_weight;
      }
      if (emptied(now, one.slot)) std::memset(d_row, 0, sizeof(F) * W);
      one.weight = d_mean / R;
    }
    for (Index i = 0; i < R * K; i++) {
      g.weights[i] = 0;
      if (!(last.weights[i] > 0)) continue;
      const auto at_slot = std::lower_bound(s.written.begin(), s.written.end(), Index(last.slots[i]),
                                            [](const auto& one, Index slot) { return one.slot < slot; });
      g.weights[i] = at_slot->weight + s.d_last[i];
    }
  }
};

}  // namespace tapehead
