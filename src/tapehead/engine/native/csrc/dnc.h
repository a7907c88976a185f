// The DNC's memory: one step of one sample, forward and backward. README.md derives the backward pass.
#pragma once
#include <cmath>
#include <type_traits>

#include "content.h"

namespace tapehead {

// The fields of the interface vector (DNCInterface in nn/interface.py), after their non-linearities: the paper's order,
// then the switches'. Each with its size, for the sizes d.
#define TAPEHEAD_DNC_FIELDS(FIELD)                                   \
  FIELD(read_keys, d.num_reads* d.word_size)                         \
  FIELD(read_strengths, d.num_reads)                                 \
  FIELD(write_key, d.word_size)                                      \
  FIELD(write_strength, 1)                                           \
  FIELD(erase, d.word_size)                                          \
  FIELD(write_vector, d.word_size)                                   \
  FIELD(free_gates, d.num_reads)                                     \
  FIELD(allocation_gate, 1)                                          \
  FIELD(write_gate, 1)                                               \
  FIELD(read_modes, d.temporal_links ? 3 * d.num_reads : 0)          \
  FIELD(read_masks, d.masked_lookup ? d.num_reads * d.word_size : 0) \
  FIELD(write_mask, d.masked_lookup ? d.word_size : 0)               \
  FIELD(forward_strengths, d.link_sharpening ? d.num_reads : 0)      \
  FIELD(backward_strengths, d.link_sharpening ? d.num_reads : 0)

TAPEHEAD_FIELD_OFFSETS(DNCFields, TAPEHEAD_DNC_FIELDS)

// A number and a slot in one integer, so that a plain sort of these is a stable sort of the numbers.
template <class F> using SortKey = std::conditional_t<sizeof(F) == 4, uint64_t, unsigned __int128>;

// Ascending in x, then in the slot; as in torch.sort −0 equals 0, and NaN comes last.
template <class F> SortKey<F> sort_key(F x, Index slot) {
  using Bits = std::conditional_t<sizeof(F) == 4, uint32_t, uint64_t>;
  constexpr Bits sign = Bits(1) << (8 * sizeof(F) - 1);
  const F one_zero = x + 0;
  Bits bits;
  std::memcpy(&bits, &one_zero, sizeof bits);
  // Floating-point numbers of one sign are ordered as their bits are, negative ones the other way round.
  bits = x != x ? ~Bits(0) : bits & sign ? ~bits : bits | sign;
  return SortKey<F>(bits) * kMaxSlots + SortKey<F>(slot);
}

// What a step leaves for the next one and for the backward pass. Arrays over slots have NP entries.
template <class F> struct DNCRecord {
  F *fields, *retention, *usage, *allocation, *content_write, *similarity_write, *write_weights, *precedence,
      *inverse;                                      // of the new memory, without masks
  F *read_weights, *content_read, *similarity_read;  // R × NP
  F *forward, *backward, *sharp_forward, *sharp_backward;
  F *inverse_write, *inverse_read;  // with masks
  int32_t* order;

  DNCRecord(const Dims& d, Arena<F>& arena) {
    const Index NP = padded<F>(d.memory_size), linked = d.temporal_links ? NP : 0, sharp = d.link_sharpening ? NP : 0,
                masked = d.masked_lookup ? NP : 0;
    fields = arena.take(d.interface_size);
    retention = arena.take(NP);
    usage = arena.take(NP);
    allocation = arena.take(NP);
    content_write = arena.take(NP);
    similarity_write = arena.take(NP);
    write_weights = arena.take(NP);
    precedence = arena.take(linked);
    inverse = arena.take(NP);
    read_weights = arena.take(d.num_reads * NP);
    content_read = arena.take(d.num_reads * NP);
    similarity_read = arena.take(d.num_reads * NP);
    forward = arena.take(d.num_reads * linked);
    backward = arena.take(d.num_reads * linked);
    sharp_forward = arena.take(d.num_reads * sharp);
    sharp_backward = arena.take(d.num_reads * sharp);
    inverse_write = arena.take(masked);
    inverse_read = arena.take(d.num_reads * masked);
    order = reinterpret_cast<int32_t*>(arena.take(NP));
  }
};

// Gradients that flow from step t + 1 back into step t.
template <class F> struct DNCGradient {
  F *memory, *link, *usage, *precedence, *write_weights, *read_weights;
  DNCGradient(const Dims& d, Arena<F>& arena) {
    const Index NP = padded<F>(d.memory_size), linked = d.temporal_links ? NP : 0;
    memory = arena.take(d.word_size * NP);
    link = arena.take(d.memory_size * linked);
    usage = arena.take(NP);
    precedence = arena.take(linked);
    write_weights = arena.take(NP);
    read_weights = arena.take(d.num_reads * NP);
  }
};

// Rows of the link matrix that one pass holds in registers.
constexpr int kLinkRows = 4;
constexpr int kMaxHeadsAtOnce = 5;

template <class F> struct DNCMemory {
  using Record = DNCRecord<F>;
  using Gradient = DNCGradient<F>;
  static constexpr bool kSparse = false;
  struct Live {};
  const Dims& d;
  const DNCFields at;
  const Index N, NP, W, R;

  const F mask_min, bound;

  DNCMemory(const Dims& dims, double mask_minimum, double weighting_bound)
      : d(dims), at(dims), N(dims.memory_size), NP(padded<F>(dims.memory_size)), W(dims.word_size), R(dims.num_reads),
        mask_min(F(mask_minimum)), bound(F(weighting_bound)) {}

  // Scratch of one thread.
  struct Scratch {
    SortKey<F>* keys;
    F *queries, *d_fields, *d_allocation, *d_content, *d_retention, *d_forward, *d_backward, *d_memory, *c1, *c2,
        *column;
    Scratch(const Dims& d, Arena<F>& arena) {
      const Index NP = padded<F>(d.memory_size);
      keys = reinterpret_cast<SortKey<F>*>(arena.take(NP * sizeof(SortKey<F>) / sizeof(F)));
      queries = arena.take(d.num_reads * d.word_size);
      d_fields = arena.take(d.interface_size);
      d_allocation = arena.take(NP);
      d_content = arena.take(NP);
      d_retention = arena.take(NP);
      d_forward = arena.take(d.num_reads * NP);
      d_backward = arena.take(d.num_reads * NP);
      d_memory = arena.take(d.word_size * NP);
      c1 = arena.take(NP);
      c2 = arena.take(NP);
      column = arena.take(NP);
    }
  };

  Index interface_size() const { return at.end; }
  Index link_size() const { return d.temporal_links ? N * NP : 0; }

  // use(piece, rows, array [rows, NP]) for each array of a sequence's state but the memory: those of a record, or of a
  // gradient.
  template <class Arrays, class Use> void for_pieces(Arrays& arrays, F* link, Use use) const {
    use(kUsage, Index(1), arrays.usage);
    use(kWriteWeights, Index(1), arrays.write_weights);
    use(kReadWeights, R, arrays.read_weights);
    if (!d.temporal_links) return;
    use(kPrecedence, Index(1), arrays.precedence);
    use(kLink, N, link);
  }

  // What record −1 holds beside the pieces of the initial state.
  void begin(const F* M, Record& initial) const { inverse_norms<F>(M, nullptr, W, NP, initial.inverse); }

  void activate(const F* raw, F* a) const {
    std::memcpy(a, raw, sizeof(F) * d.interface_size);
    auto oneplus = [&](Index from, Index count) {
      for (Index i = from; i < from + count; i++) a[i] = 1 + softplus(raw[i]);
    };
    auto squash = [&](Index from, Index count) {
      map(raw + from, a + from, count, [](Vec<F> x) { return sigmoid_vector(x); });
    };
    oneplus(at.read_strengths, R);
    oneplus(at.write_strength, 1);
    squash(at.erase, W);
    squash(at.free_gates, at.read_modes - at.free_gates);
    for (Index i = at.read_modes; i < at.read_masks; i += 3) softmax_of_modes(a + i);
    if (d.masked_lookup) {
      squash(at.read_masks, at.forward_strengths - at.read_masks);
      for (Index i = at.read_masks; i < at.forward_strengths; i++) a[i] = mask_min + (1 - mask_min) * a[i];
    }
    if (d.link_sharpening) oneplus(at.forward_strengths, 2 * R);
  }

  void forward(const F* raw, const Record& last, Record& now, F* M, F* L, F* words, Scratch& s) const {
    F* a = now.fields;
    activate(raw, a);
    retain(a, last.read_weights, now.retention);
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> u = load(last.usage + n), w = load(last.write_weights + n);
      store(now.usage + n, (u + w - u * w) * load(now.retention + n));
    }
    allocate(now.usage, now.order, now.allocation, s.keys);
    const F* inverse = last.inverse;
    if (d.masked_lookup) inverse_norms(M, a + at.write_mask, W, NP, now.inverse_write), inverse = now.inverse_write;
    content_forward(M, N, W, 1, a + at.write_key, a + at.write_strength, d.masked_lookup ? a + at.write_mask : nullptr,
                    inverse, now.similarity_write, now.content_write, s.queries);
    const F write_gate = a[at.write_gate], allocation_gate = a[at.allocation_gate];
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> c = load(now.content_write + n);
      store(now.write_weights + n, write_gate * (c + allocation_gate * (load(now.allocation + n) - c)));
    }
    write(now, M, M);
    if (d.masked_lookup) {
      for (Index r = 0; r < R; r++) inverse_norms(M, a + at.read_masks + r * W, W, NP, now.inverse_read + r * NP);
    } else {
      inverse_norms<F>(M, nullptr, W, NP, now.inverse);
    }
    content_forward(M, N, W, R, a + at.read_keys, a + at.read_strengths, d.masked_lookup ? a + at.read_masks : nullptr,
                    d.masked_lookup ? now.inverse_read : now.inverse, now.similarity_read, now.content_read, s.queries);
    if (!d.temporal_links) {
      std::memcpy(now.read_weights, now.content_read, sizeof(F) * R * NP);
    } else {
      update_links(last, now, L, L);
      along_rows(L, last.read_weights, now.forward);
      product<F, false>(last.read_weights, R, NP, plain(L, NP), N, NP, now.backward, NP);
      F written = 0;
      for (Index n = 0; n < N; n++) written += now.write_weights[n];
      for (Index n = 0; n < NP; n += kLanes<F>)
        store(now.precedence + n, (1 - written) * load(last.precedence + n) + load(now.write_weights + n));
      for (Index r = 0; r < R; r++) {
        const F *f = now.forward + r * NP, *b = now.backward + r * NP;
        if (d.link_sharpening) {
          sharpen_links(f, a[at.forward_strengths + r], now.sharp_forward + r * NP);
          sharpen_links(b, a[at.backward_strengths + r], now.sharp_backward + r * NP);
          f = now.sharp_forward + r * NP, b = now.sharp_backward + r * NP;
        }
        const F* pi = a + at.read_modes + 3 * r;
        for (Index n = 0; n < NP; n += kLanes<F>)
          store(now.read_weights + r * NP + n,
                pi[0] * load(b + n) + pi[1] * load(now.content_read + r * NP + n) + pi[2] * load(f + n));
      }
    }
    read_forward(M, NP, W, R, now.read_weights, words);
  }

  // The memory and the links of step `now` from those before it: all that the backward pass has to redo.
  void replay(const Record& last, const Record& now, const F* M_before, F* M, const F* L_before, F* L) const {
    write(now, M_before, M);
    if (d.temporal_links) update_links(last, now, L_before, L);
  }

  // `g` holds the gradient of the state after the step and leaves holding that of the state before it.
  // M_before, L_before are of the state before the step, M, L of the one after it; d_words: of the words read.
  void backward(const Record& last, const Record& now, const F* M_before, const F* M, const F* L_before, const F* L,
                const F* d_words, Gradient& g, F* d_raw, Scratch& s) const {
    const F* a = now.fields;
    F* da = s.d_fields;
    std::memset(da, 0, sizeof(F) * d.interface_size);
    std::memset(s.d_retention, 0, sizeof(F) * NP);
    read_backward(M, NP, W, R, now.read_weights, d_words, g.read_weights, g.memory);
    clip(g.read_weights, R * NP, bound);
    for (Index r = 0; r < R; r++) {
      const F* d_read = g.read_weights + r * NP;
      const F* d_content_read = d_read;
      if (d.temporal_links) {
        const F* pi = a + at.read_modes + 3 * r;
        F* d_pi = da + at.read_modes + 3 * r;
        const F* f = (d.link_sharpening ? now.sharp_forward : now.forward) + r * NP;
        const F* b = (d.link_sharpening ? now.sharp_backward : now.backward) + r * NP;
        d_pi[0] = dot(d_read, b, NP);
        d_pi[1] = dot(d_read, now.content_read + r * NP, NP);
        d_pi[2] = dot(d_read, f, NP);
        for (Index n = 0; n < NP; n += kLanes<F>) {
          const Vec<F> dw = load(d_read + n);
          store(s.d_backward + r * NP + n, pi[0] * dw);
          store(s.d_content + n, pi[1] * dw);
          store(s.d_forward + r * NP + n, pi[2] * dw);
        }
        if (d.link_sharpening) {
          sharpen_links_backward(now.forward + r * NP, a[at.forward_strengths + r], f, s.d_forward + r * NP,
                                 da + at.forward_strengths + r);
          sharpen_links_backward(now.backward + r * NP, a[at.backward_strengths + r], b, s.d_backward + r * NP,
                                 da + at.backward_strengths + r);
        }
        d_content_read = s.d_content;
      }
      content_backward(M, N, W, a + at.read_keys + r * W, a[at.read_strengths + r],
                       d.masked_lookup ? a + at.read_masks + r * W : nullptr,
                       d.masked_lookup ? now.inverse_read + r * NP : now.inverse, now.similarity_read + r * NP,
                       now.content_read + r * NP, d_content_read, da + at.read_keys + r * W, da + at.read_strengths + r,
                       d.masked_lookup ? da + at.read_masks + r * W : nullptr, g.memory, s.c1, s.c2);
    }
    std::memset(g.read_weights, 0, sizeof(F) * R * NP);
    if (d.temporal_links) {
      F written = 0;
      for (Index n = 0; n < N; n++) written += now.write_weights[n];
      const F d_written = -dot(g.precedence, last.precedence, NP);
      for (Index n = 0; n < N; n++) g.write_weights[n] += g.precedence[n] + d_written;
      for (Index n = 0; n < NP; n += kLanes<F>) store(g.precedence + n, (1 - written) * load(g.precedence + n));
      follow_links_backward(last, now, L_before, L, g, s);
    }
    write_backward(now, M_before, g, da, s);
    clip(g.write_weights, NP, bound);

    const F write_gate = a[at.write_gate], allocation_gate = a[at.allocation_gate];
    Vec<F> d_write_gate{}, d_allocation_gate{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> dw = load(g.write_weights + n), c = load(now.content_write + n), al = load(now.allocation + n);
      d_write_gate += dw * (c + allocation_gate * (al - c));
      d_allocation_gate += dw * write_gate * (al - c);
      store(s.d_allocation + n, dw * (write_gate * allocation_gate));
      store(s.d_content + n, dw * (write_gate * (1 - allocation_gate)));
    }
    da[at.write_gate] = sum<F>(d_write_gate);
    da[at.allocation_gate] = sum<F>(d_allocation_gate);
    content_backward(M_before, N, W, a + at.write_key, a[at.write_strength],
                     d.masked_lookup ? a + at.write_mask : nullptr, d.masked_lookup ? now.inverse_write : last.inverse,
                     now.similarity_write, now.content_write, s.d_content, da + at.write_key, da + at.write_strength,
                     d.masked_lookup ? da + at.write_mask : nullptr, g.memory, s.c1, s.c2);
    allocate_backward(now, s.d_allocation, g.usage, s.c1);
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> u = load(last.usage + n), w = load(last.write_weights + n), du = load(g.usage + n);
      const Vec<F> kept = du * load(now.retention + n);
      store(s.d_retention + n, load(s.d_retention + n) + du * (u + w - u * w));
      store(g.usage + n, kept * (1 - w));
      store(g.write_weights + n, d.usage_gradient ? kept * (1 - u) : Vec<F>{});
    }
    retain_backward(a, last.read_weights, s.d_retention, da, g.read_weights);
    activate_backward(a, da, d_raw);
  }

 private:
  // ψ = Π_r (1 − f_r w_r).
  void retain(const F* a, const F* read_weights, F* retention) const {
    for (Index n = 0; n < NP; n += kLanes<F>) {
      Vec<F> keep = splat(F(1));
      for (Index r = 0; r < R; r++) keep *= 1 - a[at.free_gates + r] * load(read_weights + r * NP + n);
      store(retention + n, keep);
    }
  }

  void retain_backward(const F* a, const F* read_weights, const F* d_retention, F* da, F* d_read_weights) const {
    for (Index r = 0; r < R; r++) {
      Vec<F> d_gate{};
      for (Index n = 0; n < NP; n += kLanes<F>) {
        Vec<F> others = load(d_retention + n);
        for (Index q = 0; q < R; q++)
          if (q != r) others *= 1 - a[at.free_gates + q] * load(read_weights + q * NP + n);
        d_gate -= others * load(read_weights + r * NP + n);
        store(d_read_weights + r * NP + n, load(d_read_weights + r * NP + n) - others * a[at.free_gates + r]);
      }
      da[at.free_gates + r] = sum<F>(d_gate);
    }
  }

  // a[φ_j] = (1 − u[φ_j]) Π_{i<j} u[φ_i], φ the stable order of usages rounded to multiples of 1e-6.
  void allocate(const F* usage, int32_t* order, F* allocation, SortKey<F>* keys) const {
    for (Index n = 0; n < N; n++) keys[n] = sort_key(std::nearbyint(usage[n] * F(1e6)), n);
    std::sort(keys, keys + N);
    F free = 1;
    for (Index j = 0; j < N; j++) {
      const Index n = Index(keys[j] & (kMaxSlots - 1));
      order[j] = int32_t(n);
      allocation[n] = (1 - usage[n]) * free;
      free *= usage[n];
    }
    for (Index n = N; n < NP; n++) allocation[n] = 0;
  }

  // With P_j = Π_{i<j} u_i: d u_j += P_j (S_j − d a_j), S_j = Σ_{k>j} d a_k (1 − u_k) Π_{j<i<k} u_i. No division.
  // P is scratch of N.
  void allocate_backward(const Record& now, const F* d_allocation, F* d_usage, F* P) const {
    F product = 1;
    for (Index j = 0; j < N; j++) P[j] = product, product *= now.usage[now.order[j]];
    F S = 0;
    for (Index j = N - 1; j >= 0; j--) {
      const Index n = now.order[j];
      d_usage[n] += P[j] * (S - d_allocation[n]);
      S = d_allocation[n] * (1 - now.usage[n]) + now.usage[n] * S;
    }
  }

  void write(const Record& now, const F* M_before, F* M) const {
    const F *erase = now.fields + at.erase, *vector = now.fields + at.write_vector;
    for (Index w = 0; w < W; w++)
      for (Index n = w * NP, i = 0; i < NP; n += kLanes<F>, i += kLanes<F>) {
        const Vec<F> ww = load(now.write_weights + i);
        Vec<F> m = load(M_before + n);
        if (d.deallocation) m *= load(now.retention + i);
        store(M + n, m * (1 - ww * erase[w]) + ww * vector[w]);
      }
  }

  void write_backward(const Record& now, const F* M_before, Gradient& g, F* da, Scratch& s) const {
    const F *erase = now.fields + at.erase, *vector = now.fields + at.write_vector;
    for (Index w = 0; w < W; w++) {
      const F* row = M_before + w * NP;
      F* d_row = g.memory + w * NP;
      Vec<F> d_erase{}, d_vector{};
      for (Index n = 0; n < NP; n += kLanes<F>) {
        const Vec<F> ww = load(now.write_weights + n), dm = load(d_row + n), m = load(row + n);
        const Vec<F> keep = d.deallocation ? load(now.retention + n) : splat(F(1));
        const Vec<F> kept = m * keep;
        d_erase -= dm * kept * ww;
        d_vector += dm * ww;
        store(g.write_weights + n, load(g.write_weights + n) + dm * (vector[w] - kept * erase[w]));
        const Vec<F> d_kept = dm * (1 - ww * erase[w]);
        if (d.deallocation) store(s.d_retention + n, load(s.d_retention + n) + d_kept * m);
        store(d_row + n, d_kept * keep);
      }
      da[at.erase + w] = sum<F>(d_erase);
      da[at.write_vector + w] = sum<F>(d_vector);
    }
  }

  // S(d, s) = softmax(s log(d + ε)).
  void sharpen_links(const F* directional, F strength, F* sharp) const {
    for (Index n = 0; n < NP; n += kLanes<F>) store(sharp + n, log_vector(load(directional + n) + F(kEpsilon)));
    softmax(sharp, strength, N, sharp);
  }

  void sharpen_links_backward(const F* directional, F strength, const F* sharp, F* gradient, F* d_strength) const {
    const F mean = dot(gradient, sharp, NP);
    Vec<F> ds{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> shifted = load(directional + n) + F(kEpsilon);
      const Vec<F> dz = load(sharp + n) * (load(gradient + n) - mean);
      ds += dz * log_vector(shifted);
      store(gradient + n, dz * strength / shifted);
    }
    *d_strength = sum<F>(ds);
  }

  // L[i, j] = (1 − w_i − w_j) L_before[i, j] + w_i p[j], diagonal 0; L may be L_before.
  void update_links(const Record& last, const Record& now, const F* L_before, F* L) const {
    for (Index i = 0; i < N; i++) {
      const F w = now.write_weights[i];
      const F* before = L_before + i * NP;
      F* row = L + i * NP;
      for (Index j = 0; j < NP; j += kLanes<F>)
        store(row + j, ((1 - w) - load(now.write_weights + j)) * load(before + j) + w * load(last.precedence + j));
      row[i] = 0;
    }
  }

  // out[r][i] = Σ_j L[i, j] x[r][j] for all read heads, in groups whose accumulators fit the registers.
  void along_rows(const F* L, const F* x, F* out) const {
    for (Index r = 0; r < R; r += kMaxHeadsAtOnce) {
      const F* xr = x + r * NP;
      F* outr = out + r * NP;
      switch (std::min<Index>(kMaxHeadsAtOnce, R - r)) {
        case 1: along_rows_of<1>(L, xr, outr); break;
        case 2: along_rows_of<2>(L, xr, outr); break;
        case 3: along_rows_of<3>(L, xr, outr); break;
        case 4: along_rows_of<4>(L, xr, outr); break;
        default: along_rows_of<5>(L, xr, outr); break;
      }
      for (Index h = r; h < std::min(R, r + kMaxHeadsAtOnce); h++)
        for (Index n = N; n < NP; n++) out[h * NP + n] = 0;
    }
  }

  template <int HEADS> void along_rows_of(const F* L, const F* x, F* out) const {
    Index i = 0;
    for (; i + kLinkRows <= N; i += kLinkRows) along_some_rows<HEADS, kLinkRows>(L + i * NP, x, out + i);
    for (; i < N; i++) along_some_rows<HEADS, 1>(L + i * NP, x, out + i);
  }

  template <int HEADS, int ROWS> void along_some_rows(const F* __restrict rows, const F* __restrict x, F* out) const {
    const Index np = NP;
    Vec<F> total[ROWS][HEADS] = {};
    for (Index j = 0; j < np; j += kLanes<F>) {
      Vec<F> l[ROWS];
      for (int q = 0; q < ROWS; q++) l[q] = load(rows + q * np + j);
      for (int r = 0; r < HEADS; r++) {
        const Vec<F> v = load(x + r * np + j);
        for (int q = 0; q < ROWS; q++) total[q][r] += l[q] * v;
      }
    }
    for (int r = 0; r < HEADS; r++)
      for (int q = 0; q < ROWS; q++) out[r * np + q] = sum<F>(total[q][r]);
  }

  // From d_forward and d_backward of all heads to the gradients of the links, the last read weightings, the
  // write weighting and the last precedence.
  void follow_links_backward(const Record& last, const Record& now, const F* L_before, const F* L, Gradient& g,
                             Scratch& s) const {
    along_rows(L, s.d_backward, g.read_weights);
    product<F, true>(s.d_forward, R, NP, plain(L, NP), N, NP, g.read_weights, NP);
    std::memset(s.column, 0, sizeof(F) * NP);
    Index i = 0;
    for (; i + kLinkRows <= N; i += kLinkRows) links_rows_backward<kLinkRows>(last, now, L_before, g, s, i);
    for (; i < N; i++) links_rows_backward<1>(last, now, L_before, g, s, i);
    for (Index n = 0; n < N; n++) g.write_weights[n] += s.column[n];
  }

  template <int ROWS>
  void links_rows_backward(const Record& last, const Record& now, const F* L_before, Gradient& g, Scratch& s,
                           Index i) const {
    const Index np = NP, heads = R;
    const F* __restrict read = last.read_weights;
    const F* __restrict d_forward = s.d_forward;
    const F* __restrict d_backward = s.d_backward;
    const F* __restrict written = now.write_weights;
    const F* __restrict precedence = last.precedence;
    const F* __restrict rows_before = L_before + i * np;
    F* __restrict d_rows = g.link + i * np;
    F* __restrict d_column = s.column;
    F* __restrict d_precedence = g.precedence;
    Vec<F> d_write[ROWS] = {};
    F write[ROWS];
    for (int q = 0; q < ROWS; q++) write[q] = written[i + q];
    for (Index j = 0; j < np; j += kLanes<F>) {
      Vec<F> dl[ROWS];
      for (int q = 0; q < ROWS; q++) dl[q] = load(d_rows + q * np + j);
      for (Index r = 0; r < heads; r++) {
        const Vec<F> wr = load(read + r * np + j), db = load(d_backward + r * np + j);
        for (int q = 0; q < ROWS; q++) dl[q] += d_forward[r * np + i + q] * wr + read[r * np + i + q] * db;
      }
      // The diagonal is no function of anything. (One block of columns holds it for all the rows at hand.)
      if (i >= j && i < j + kLanes<F>)
        for (int q = 0; q < ROWS; q++) {
          store(d_rows + q * np + j, dl[q]);
          d_rows[q * np + i + q] = 0;
          dl[q] = load(d_rows + q * np + j);
        }
      const Vec<F> w = load(written + j), p = load(precedence + j);
      Vec<F> dc = load(d_column + j), dp = load(d_precedence + j);
      for (int q = 0; q < ROWS; q++) {
        const Vec<F> before = load(rows_before + q * np + j);
        d_write[q] += dl[q] * (p - before);
        dc -= dl[q] * before;
        dp += dl[q] * write[q];
        store(d_rows + q * np + j, dl[q] * ((1 - write[q]) - w));
      }
      store(d_column + j, dc);
      store(d_precedence + j, dp);
    }
    for (int q = 0; q < ROWS; q++) g.write_weights[i + q] += sum<F>(d_write[q]);
  }

  // Through the non-linearities: a are the activated fields, da their gradients.
  void activate_backward(const F* a, const F* da, F* d_raw) const {
    std::memcpy(d_raw, da, sizeof(F) * d.interface_size);
    auto oneplus = [&](Index from, Index count) {
      for (Index i = from; i < from + count; i++) d_raw[i] = da[i] * softplus_slope(a[i] - 1);
    };
    auto squash = [&](Index from, Index count) {
      for (Index i = from; i < from + count; i++) d_raw[i] = da[i] * a[i] * (1 - a[i]);
    };
    oneplus(at.read_strengths, R);
    oneplus(at.write_strength, 1);
    squash(at.erase, W);
    squash(at.free_gates, at.read_modes - at.free_gates);
    for (Index i = at.read_modes; i < at.read_masks; i += 3)
      softmax_of_modes_backward(a + i, da + i, d_raw + i);
    if (d.masked_lookup) {
      const F scale = 1 - mask_min;
      for (Index i = at.read_masks; i < at.forward_strengths; i++) {
        const F m = (a[i] - mask_min) / scale;
        d_raw[i] = da[i] * scale * m * (1 - m);
      }
    }
    if (d.link_sharpening) oneplus(at.forward_strengths, 2 * R);
  }
};

}  // namespace tapehead
