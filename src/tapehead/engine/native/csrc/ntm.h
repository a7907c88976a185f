// The NTM's memory: one step of one sample, forward and backward. README.md derives the backward pass.
#pragma once
#include "content.h"
#include "search.h"

namespace tapehead {

// The fields of one head (HeadInterface in nn/interface.py) within its part of the interface vector.
// Each with its size, for the sizes d. A read head's end before `erase`.
#define TAPEHEAD_NTM_FIELDS(FIELD)   \
  FIELD(keys, d.word_size)           \
  FIELD(strengths, 1)                \
  FIELD(gates, 1)                    \
  FIELD(shifts, 2 * d.max_shift + 1) \
  FIELD(sharpness, 1)                \
  FIELD(erase, d.word_size)          \
  FIELD(add, d.word_size)            \
  FIELD(write_gates, d.write_gate)

TAPEHEAD_FIELD_OFFSETS(NTMFields, TAPEHEAD_NTM_FIELDS)

// What a step leaves for the next one and for the backward pass; read heads first, then write heads.
template <class F> struct NTMRecord {
  F *fields, *ungated, *inverse, *weights, *content, *similarity, *shifted;
  NTMRecord(const Dims& d, Arena<F>& arena) {
    const Index NP = padded<F>(d.memory_size), heads = d.num_reads + d.num_writes;
    fields = arena.take(d.interface_size);
    ungated = arena.take(d.write_gate ? d.interface_size : 0);  // the fields of the write heads before their gates
    inverse = arena.take(NP);  // inverse norms of the new memory
    weights = arena.take(heads * NP);
    content = arena.take(heads * NP);
    similarity = arena.take(heads * NP);
    shifted = arena.take(heads * NP);
  }
};

// Without a tape, and from so many slots on, a step changes and reads only the rows that its weightings touch: those
// in whose vector of slots a weight is at least kTouched. In float64 that is below what rounding does.
constexpr Index kManySlots = 1024;
template <class F> constexpr F kTouched = sizeof(F) == 4 ? F(1e-7) : F(1e-16);

// Gradients that flow from step t + 1 back into step t.
template <class F> struct NTMGradient {
  F *memory, *weights;
  F* link = nullptr;
  NTMGradient(const Dims& d, Arena<F>& arena) {
    const Index NP = padded<F>(d.memory_size);
    memory = arena.take(d.word_size * NP);
    weights = arena.take((d.num_reads + d.num_writes) * NP);
  }
};

template <class F> struct NTMMemory {
  using Record = NTMRecord<F>;
  using Gradient = NTMGradient<F>;
  static constexpr bool kSparse = false;
  struct Live {};
  const Dims& d;
  const NTMFields at;
  const Index N, NP, W, R, read_size, write_size;

  const F bound;

  NTMMemory(const Dims& dims, double, double weighting_bound)
      : d(dims), at(dims), N(dims.memory_size), NP(padded<F>(dims.memory_size)), W(dims.word_size), R(dims.num_reads),
        read_size(at.erase), write_size(at.end), bound(F(weighting_bound)) {}

  struct Scratch {
    F *queries, *d_fields, *d_content, *d_shifted, *blend, *d_blend, *c1, *c2;
    std::vector<Index> touched;  // the first slot of each vector
    Scratch(const Dims& d, Arena<F>& arena) {
      const Index NP = padded<F>(d.memory_size), around = NP + 2 * d.max_shift;
      queries = arena.take((d.num_reads + d.num_writes) * d.word_size);
      d_fields = arena.take(d.interface_size);
      d_content = arena.take(NP);
      d_shifted = arena.take(around);
      blend = arena.take(around);
      d_blend = arena.take(NP);
      c1 = arena.take(NP);
      c2 = arena.take(NP);
    }
  };

  Index interface_size() const { return R * read_size + d.num_writes * write_size; }
  Index link_size() const { return 0; }

  // use(piece, rows, array [rows, NP]) for each array of a sequence's state but the memory: those of a record, or of a
  // gradient.
  template <class Arrays, class Use> void for_pieces(Arrays& arrays, F*, Use use) const {
    use(kReadWeights, R, arrays.weights);
    use(kWriteWeights, d.num_writes, arrays.weights + R * NP);
  }

  // What record −1 holds beside the pieces of the initial state, in a constant one: every head on slot 0.
  void begin(const F* M, Record& initial) const {
    inverse_norms<F>(M, nullptr, W, NP, initial.inverse);
    for (Index h = 0; !d.given_state && h < R + d.num_writes; h++) initial.weights[h * NP] = 1;
  }
  // Where head h's fields begin.
  Index field(Index h) const { return h < R ? h * read_size : R * read_size + (h - R) * write_size; }

  void forward(const F* raw, const Record& last, Record& now, F* M, F*, F* words, Scratch& s) const {
    for (Index h = 0; h < R + d.num_writes; h++) activate(raw + field(h), now.fields + field(h), h >= R);
    for (Index h = R; d.write_gate && h < R + d.num_writes; h++)
      gate(raw + field(h), now.fields + field(h), now.ungated + field(h));
    if (sharp()) return forward_sharply(last, now, M, words, s);
    if (d.read_first) {
      scan(0, R, now, M, s);
      for (Index h = 0; h < R; h++) address(h, last, now, last.inverse, s);
      read_forward(M, NP, W, R, now.weights, words);
    }
    scan(R, d.num_writes, now, M, s);
    for (Index h = R; h < R + d.num_writes; h++) address(h, last, now, last.inverse, s);
    write(now, M, M);
    inverse_norms<F>(M, nullptr, W, NP, now.inverse);
    if (!d.read_first) {
      scan(0, R, now, M, s);
      for (Index h = 0; h < R; h++) address(h, last, now, now.inverse, s);
      read_forward(M, NP, W, R, now.weights, words);
    }
  }

  void replay(const Record&, const Record& now, const F* M_before, F* M, const F*, F*) const {
    write(now, M_before, M);
  }

  void backward(const Record& last, const Record& now, const F* M_before, const F* M_after, const F*, const F*,
                const F* d_words, Gradient& g, F* d_raw, Scratch& s) const {
    F* da = s.d_fields;
    std::memset(da, 0, sizeof(F) * d.interface_size);
    auto reads_backward = [&](const F* M, const F* inverse) {
      read_backward(M, NP, W, R, now.weights, d_words, g.weights, g.memory);
      for (Index h = 0; h < R; h++) address_backward(h, last, now, M, inverse, g, da, s);
    };
    if (!d.read_first) reads_backward(M_after, now.inverse);
    write_backward(now, M_before, g, da);
    for (Index h = R; h < R + d.num_writes; h++) address_backward(h, last, now, M_before, last.inverse, g, da, s);
    if (d.read_first) reads_backward(M_before, last.inverse);
    for (Index h = R; d.write_gate && h < R + d.num_writes; h++)
      gate_backward(now.ungated + field(h), da + field(h), d_raw + field(h));
    for (Index h = 0; h < R + d.num_writes; h++) {
      const F* a = h >= R && d.write_gate ? now.ungated : now.fields;
      activate_backward(a + field(h), da + field(h), d_raw + field(h), h >= R);
    }
  }

 private:
  void activate(const F* raw, F* a, bool writes) const {
    auto tanh = [](Vec<F> x) { return tanh_vector(x); };
    map(raw + at.keys, a + at.keys, W, tanh);
    a[at.strengths] = softplus(raw[at.strengths]);
    a[at.gates] = sigmoid(raw[at.gates]);
    const Index count = 2 * d.max_shift + 1;
    const F* z = raw + at.shifts;
    F *shifts = a + at.shifts, top = z[0], total = 0;
    for (Index i = 1; i < count; i++) top = std::max(top, z[i]);
    for (Index i = 0; i < count; i++) total += shifts[i] = std::exp(z[i] - top);
    for (Index i = 0; i < count; i++) shifts[i] /= total;
    a[at.sharpness] = 1 + softplus(raw[at.sharpness]);
    if (!writes) return;
    map(raw + at.erase, a + at.erase, W, [](Vec<F> x) { return sigmoid_vector(x); });
    map(raw + at.add, a + at.add, W, tanh);
  }

  // As far as its gate is closed, a write head neither moves nor writes: its interpolation gate, erase vector and add
  // vector are multiplied by the gate, and its shifts are mixed with the shift by 0.
  void gate(const F* raw, F* a, F* ungated) const {
    const F open = sigmoid(raw[at.write_gates]);
    std::memcpy(ungated, a, sizeof(F) * at.write_gates);
    a[at.write_gates] = ungated[at.write_gates] = open;
    a[at.gates] *= open;
    for (Index i = 0; i < 2 * d.max_shift + 1; i++) a[at.shifts + i] *= open;
    a[at.shifts + d.max_shift] += 1 - open;
    for (Index w = 0; w < W; w++) a[at.erase + w] *= open, a[at.add + w] *= open;
  }

  // Turns da, of the gated fields, into that of the ungated ones.
  void gate_backward(const F* ungated, F* da, F* d_raw) const {
    const F open = ungated[at.write_gates];
    F d_open = -da[at.shifts + d.max_shift];
    auto scale = [&](Index i) {
      d_open += da[i] * ungated[i];
      da[i] *= open;
    };
    scale(at.gates);
    for (Index i = 0; i < 2 * d.max_shift + 1; i++) scale(at.shifts + i);
    for (Index w = 0; w < W; w++) scale(at.erase + w), scale(at.add + w);
    d_raw[at.write_gates] = d_open * open * (1 - open);
  }

  void activate_backward(const F* a, const F* da, F* d_raw, bool writes) const {
    for (Index w = 0; w < W; w++) d_raw[at.keys + w] = da[at.keys + w] * (1 - a[at.keys + w] * a[at.keys + w]);
    d_raw[at.strengths] = da[at.strengths] * softplus_slope(a[at.strengths]);
    d_raw[at.gates] = da[at.gates] * a[at.gates] * (1 - a[at.gates]);
    F mean = 0;
    for (Index i = 0; i < 2 * d.max_shift + 1; i++) mean += a[at.shifts + i] * da[at.shifts + i];
    for (Index i = 0; i < 2 * d.max_shift + 1; i++)
      d_raw[at.shifts + i] = a[at.shifts + i] * (da[at.shifts + i] - mean);
    d_raw[at.sharpness] = da[at.sharpness] * softplus_slope(a[at.sharpness] - 1);
    if (!writes) return;
    for (Index w = 0; w < W; w++) {
      const F e = a[at.erase + w], v = a[at.add + w];
      d_raw[at.erase + w] = da[at.erase + w] * e * (1 - e);
      d_raw[at.add + w] = da[at.add + w] * (1 - v * v);
    }
  }

  // ext[q] = x[(q − reach) mod N]: with both ends repeated, a circular shift is a plain one. Zero behind that.
  void wrap(const F* x, F* ext) const {
    std::memcpy(ext + d.max_shift, x, sizeof(F) * N);
    for (Index q = 0; q < d.max_shift; q++) {
      ext[q] = x[((q - d.max_shift) % N + N) % N];
      ext[d.max_shift + N + q] = x[q % N];
    }
    for (Index q = N + 2 * d.max_shift; q < NP + 2 * d.max_shift; q++) ext[q] = 0;
  }

  // out[n] = Σ_o shifts[o] · ext[n + 2 · reach − o], or with `back` ext[n + o]; the padding becomes zero.
  void shift(const F* shifts, const F* ext, bool back, F* out) const {
    for (Index n = 0; n < NP; n += kLanes<F>) {
      Vec<F> x{};
      for (Index o = 0; o <= 2 * d.max_shift; o++) x += shifts[o] * load(ext + n + (back ? o : 2 * d.max_shift - o));
      store(out + n, x);
    }
    for (Index n = N; n < NP; n++) out[n] = 0;
  }

  // The gated blend of content and last weighting (eq. 7), wrapped around.
  void blend(const F* a, const F* content, const F* previous, F* ext, F* plain_blend) const {
    const F gate = a[at.gates];
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> p = load(previous + n);
      store(plain_blend + n, p + gate * (load(content + n) - p));
    }
    wrap(plain_blend, ext);
  }

  // One pass over the memory: the products of its rows with the queries of some heads, into now.similarity.
  void scan(Index first, Index heads, Record& now, const F* M, Scratch& s) const {
    F* queries = s.queries + first * W;
    for (Index h = 0; h < heads; h++)
      queries_of<F>(now.fields + field(first + h) + at.keys, nullptr, 1, W, queries + h * W);
    product<F, false>(queries, heads, W, plain(M, NP), W, NP, now.similarity + first * NP, NP);
  }

  // Content → interpolate → shift → sharpen (eq. 5 to 9), after a scan.
  void address(Index h, const Record& last, Record& now, const F* inverse, Scratch& s) const {
    const F* a = now.fields + field(h);
    F *content = now.content + h * NP, *shifted = now.shifted + h * NP, *weights = now.weights + h * NP;
    weigh_content(inverse, N, a[at.strengths], now.similarity + h * NP, content);
    blend(a, content, last.weights + h * NP, s.blend, s.d_blend);
    // Offset o − reach moves slot n − (o − reach) to n: that is ext[n + 2 · reach − o].
    shift(a + at.shifts, s.blend, false, shifted);
    const F most = largest(shifted, N);
    if (most < std::numeric_limits<F>::min()) {
      std::memset(weights, 0, sizeof(F) * NP);
      return;
    }
    const F gamma = a[at.sharpness], top = std::log(most);
    const F tiny = std::numeric_limits<F>::min();
    const F vanishes = std::exp(top - (sizeof(F) == 4 ? 88 : 746) / gamma);  // what is less has a power of zero
    Vec<F> total{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> x = load(shifted + n);
      if (all_below<F>(x, vanishes)) {
        store(weights + n, Vec<F>{});
        continue;
      }
      const Vec<F> power = exp_vector(gamma * (log_vector(x > tiny ? x : splat(tiny)) - top));
      const Vec<F> y = x > 0 ? power : Vec<F>{};
      total += y;
      store(weights + n, y);
    }
    const F norm = 1 / sum<F>(total);
    for (Index n = 0; n < NP; n += kLanes<F>) store(weights + n, load(weights + n) * norm);
  }

  // From g.weights[h] (of this step's weighting) to the fields, the memory, and g.weights[h] of the last one.
  void address_backward(Index h, const Record& last, const Record& now, const F* M, const F* inverse, Gradient& g,
                        F* da_all, Scratch& s) const {
    const F* a = now.fields + field(h);
    F* da = da_all + field(h);
    const F *content = now.content + h * NP, *shifted = now.shifted + h * NP, *weights = now.weights + h * NP;
    F* d_weights = g.weights + h * NP;
    clip(d_weights, NP, bound);
    // y = x^γ / Σ x^γ: dx = γ y/x (dy − Σ dy y), dγ = Σ y (dy − Σ dy y) log x.
    const F tiny = std::numeric_limits<F>::min(), gamma = a[at.sharpness];
    const F mean = dot(d_weights, weights, NP);
    Vec<F> d_gamma{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> x = load(shifted + n), safe = x > tiny ? x : splat(tiny);
      const Vec<F> dz = load(weights + n) * (load(d_weights + n) - mean);
      d_gamma += dz * log_vector(safe);
      store(s.c1 + n, x > tiny ? gamma * dz / safe : Vec<F>{});
    }
    da[at.sharpness] = sum<F>(d_gamma);
    blend(a, content, last.weights + h * NP, s.blend, s.d_blend);
    wrap(s.c1, s.d_shifted);
    for (Index o = 0; o <= 2 * d.max_shift; o++) da[at.shifts + o] = dot(s.c1, s.blend + 2 * d.max_shift - o, NP);
    shift(a + at.shifts, s.d_shifted, true, s.d_blend);
    const F gate = a[at.gates];
    Vec<F> d_gate{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> db = load(s.d_blend + n);
      d_gate += db * (load(content + n) - load(last.weights + h * NP + n));
      store(s.d_content + n, gate * db);
      store(d_weights + n, (1 - gate) * db);
    }
    da[at.gates] = sum<F>(d_gate);
    content_backward<F>(M, N, W, a + at.keys, a[at.strengths], nullptr, inverse, now.similarity + h * NP, content,
                        s.d_content, da + at.keys, da + at.strengths, nullptr, g.memory, s.c1, s.c2);
  }

  // Whether a step goes over the slots alone that its weightings touch.
  bool sharp() const { return !d.keep_tape && N >= kManySlots; }

  // As `forward`, but that untouched slots are passed over; the heads all scan at once, and where the write heads then
  // change a row the read heads look again.
  void forward_sharply(const Record& last, Record& now, F* M, F* words, Scratch& s) const {
    scan(0, R + d.num_writes, now, M, s);
    if (d.read_first) {
      for (Index h = 0; h < R; h++) address(h, last, now, last.inverse, s);
      read_sharply(now, M, words, s);
    }
    for (Index h = R; h < R + d.num_writes; h++) address(h, last, now, last.inverse, s);
    const bool few = few_touched(now.weights + R * NP, d.num_writes, s);
    if (few) {
      std::memcpy(now.inverse, last.inverse, sizeof(F) * NP);
      for (const Index n : s.touched) {
        for (Index w = 0; w < W; w++) write_at(now, M, M, w, n);
        store(now.inverse + n, inverse_norms_at<F>(M, nullptr, W, NP, n));
      }
    } else {
      write(now, M, M);
      inverse_norms<F>(M, nullptr, W, NP, now.inverse);
    }
    if (d.read_first) return;
    if (!few) scan(0, R, now, M, s);
    for (Index h = 0; h < R; h++) {
      for (size_t i = 0; few && i < s.touched.size(); i++) {
        Vec<F> found{};
        for (Index w = 0; w < W; w++) found += s.queries[h * W + w] * load(M + w * NP + s.touched[i]);
        store(now.similarity + h * NP + s.touched[i], found);
      }
      address(h, last, now, now.inverse, s);
    }
    read_sharply(now, M, words, s);
  }

  // The slots of weights [heads, NP] that are touched, into s.touched; whether they are few.
  bool few_touched(const F* weights, Index heads, Scratch& s) const {
    s.touched.clear();
    const size_t most = NP / kLanes<F> / 8;
    for (Index n = 0; n < NP && s.touched.size() <= most; n += kLanes<F>) {
      bool touched = false;
      for (Index h = 0; h < heads; h++) touched |= !all_below<F>(load(weights + h * NP + n), kTouched<F>);
      if (touched) s.touched.push_back(n);
    }
    return s.touched.size() <= most;
  }

  // The words read. Weights that are left out sum to less than 10 · kTouched a head.
  void read_sharply(const Record& now, const F* M, F* words, Scratch& s) const {
    for (Index h = 0; h < R; h++) {
      const F* weights = now.weights + h * NP;
      if (!few_touched(weights, 1, s) || left_out(weights, s) >= 10 * kTouched<F>) {
        read_forward(M, NP, W, 1, weights, words + h * W);
        continue;
      }
      for (Index w = 0; w < W; w++) {
        Vec<F> total{};
        for (const Index n : s.touched) total += load(weights + n) * load(M + w * NP + n);
        words[h * W + w] = sum<F>(total);
      }
    }
  }
  F left_out(const F* weights, const Scratch& s) const {
    Vec<F> total{};
    size_t next = 0;
    for (Index n = 0; n < NP; n += kLanes<F>)
      if (next < s.touched.size() && s.touched[next] == n)
        next++;
      else
        total += load(weights + n);
    return sum<F>(total);
  }

  // M = M ∘ Π_h (1 − w_h e_hᵀ) + Σ_h w_h a_hᵀ, of one vector of slots.
  void write_at(const Record& now, const F* M_before, F* M, Index w, Index n) const {
    Vec<F> m = load(M_before + w * NP + n), added{};
    const F *a = now.fields + field(R) + w, *weights = now.weights + R * NP + n;
    for (Index h = 0; h < d.num_writes; h++, a += write_size, weights += NP) {
      m *= 1 - load(weights) * a[at.erase];
      added += load(weights) * a[at.add];
    }
    store(M + w * NP + n, m + added);
  }

  void write(const Record& now, const F* M_before, F* M) const {
    for (Index w = 0; w < W; w++)
      for (Index n = 0; n < NP; n += kLanes<F>) write_at(now, M_before, M, w, n);
  }

  void write_backward(const Record& now, const F* M_before, Gradient& g, F* da_all) const {
    for (Index h = R; h < R + d.num_writes; h++) {
      const F *a = now.fields + field(h), *weights = now.weights + h * NP;
      F *da = da_all + field(h), *d_weights = g.weights + h * NP;
      for (Index w = 0; w < W; w++) {
        const F erase = a[at.erase + w], add = a[at.add + w];
        Vec<F> d_erase{}, d_add{};
        for (Index n = 0; n < NP; n += kLanes<F>) {
          const Vec<F> dm = load(g.memory + w * NP + n), ww = load(weights + n);
          Vec<F> d_keep = dm * load(M_before + w * NP + n);
          for (Index q = R; q < R + d.num_writes; q++)
            if (q != h) d_keep *= 1 - load(now.weights + q * NP + n) * now.fields[field(q) + at.erase + w];
          d_erase -= d_keep * ww;
          d_add += dm * ww;
          store(d_weights + n, load(d_weights + n) + (dm * add - d_keep * erase));
        }
        da[at.erase + w] = sum<F>(d_erase);
        da[at.add + w] = sum<F>(d_add);
      }
    }
    for (Index w = 0; w < W; w++)
      for (Index n = 0; n < NP; n += kLanes<F>) {
        Vec<F> dm = load(g.memory + w * NP + n);
        const F *a = now.fields + field(R) + w, *weights = now.weights + R * NP + n;
        for (Index h = 0; h < d.num_writes; h++, a += write_size, weights += NP) dm *= 1 - load(weights) * a[at.erase];
        store(g.memory + w * NP + n, dm);
      }
  }
};

}  // namespace tapehead
