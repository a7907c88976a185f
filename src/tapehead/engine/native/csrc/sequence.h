// The loop over time: controller, interface, memory; forward, and backward with segments replayed.
#pragma once
#include <unistd.h>

#include <system_error>
#include <thread>
#include <vector>

#include "dnc.h"
#include "ntm.h"
#include "weights.h"

namespace tapehead {

// The process that loaded the engine.
inline const pid_t kLoadedBy = getpid();

// No memory: the baseline.
template <class F> struct NoMemory {
  struct Record {
    Record(const Dims&, Arena<F>&) {}
  };
  struct Gradient {
    F *memory = nullptr, *link = nullptr;
    Gradient(const Dims&, Arena<F>&) {}
  };
  struct Scratch {
    Scratch(const Dims&, Arena<F>&) {}
  };
  NoMemory(const Dims&, double, double) {}
  Index link_size() const { return 0; }
  void forward(const F*, const Record&, Record&, F*, F*, F*, Scratch&) const {}
  void replay(const Record&, const Record&, const F*, F*, const F*, F*) const {}
  void backward(const Record&, const Record&, const F*, const F*, const F*, const F*, const F*, Gradient&, F*, Scratch&) const {}
};

// The pieces of a machine's state, in the order in which the caller passes them; h and c of each layer follow.
enum StatePiece { kMemory, kUsage, kPrecedence, kLink, kWriteWeights, kReadWeights, kReadWords, kStatePieces };

template <class F> struct Arguments {
  Dims d;
  double mask_min, controller_bound, weighting_bound;  // of gradients, elementwise; 0: none
  double initial_memory;                                  // every number of the constant start state's memory
  const F* x;                                             // [T, B, X]
  const int64_t* lengths;                                 // [B], or null
  const F *weight[kMaxLayers], *bias[kMaxLayers];         // [gates, inputs(l)], [gates]
  const F *interface_weight, *interface_bias;             // [I, L·H], [I] or null
  const F *norm_weight, *norm_bias;                       // [I] each, with interface_norm
  const F *output_features, *output_words, *output_bias;  // [Y, L·H], [Y, R·W] or null, [Y] or null
  const F* initial[kStatePieces + 2 * kMaxLayers];        // null: of the constant start state
  F *tape, *scratch;
  F *outputs, *features, *words;                          // [T, B, Y], [T, B, L·H], [T, B, R·W]
  F* final[kStatePieces + 2 * kMaxLayers];                // forward only
  // Backward only; a null gradient is zero.
  const F *d_outputs, *d_features, *d_words, *d_final[kStatePieces + 2 * kMaxLayers];
  // Null where nobody asks.
  F *d_x, *d_weight[kMaxLayers], *d_bias[kMaxLayers], *d_interface_weight, *d_interface_bias, *d_norm_weight, *d_norm_bias,
      *d_output_features, *d_output_words, *d_output_bias;
  F* d_initial[kStatePieces + 2 * kMaxLayers];
};

constexpr double kNormEpsilon = 1e-5;  // torch.nn.LayerNorm's

// Where things lie in the tape (kept from the forward to the backward pass) and in the first part of the
// backward pass's scratch: the gradients of all steps, from which those of the weights are made at the end.
// Row (t, b) is number t · B + b.
template <class F, class Memory> struct Layout {
  const Dims& d;
  Index z[kMaxLayers], z_row[kMaxLayers];      // inputs of layer l: [x ; r ; h_{t−1} ; h^{l−1}_t]
  Index gates[kMaxLayers], gates_row;          // activated gates (LSTM) or outputs (feed-forward)
  Index cells[kMaxLayers], cells_row;          // cell states after the step
  Index record, record_row;                    // record (t + 1, b) of the memory; t = −1 is the initial state
  Index normed, interface_row, deviation;      // normalised interface vectors, 1 / standard deviation
  Index segment, checkpoints, checkpoint_row;  // steps a segment; memory and links at its start
  Index memory_size, link_size;
  Index tape_size;
  Index d_gates[kMaxLayers], d_interface, d_normed, d_outputs, outputs_row, gradients_size;

  Layout(const Dims& dims, const Memory& memory) : d(dims) {
    const Index rows = d.T * d.B;
    Arena<F> tape{nullptr};
    auto place = [&](Index n) { const Index at = tape.used; tape.take(n); return at; };
    gates_row = padded<F>(d.gates());
    cells_row = padded<F>(d.H);
    interface_row = padded<F>(d.I);
    outputs_row = padded<F>(d.Y);
    for (Index l = 0; l < d.L; l++) {
      z_row[l] = padded<F>(d.inputs(l));
      z[l] = place(rows * z_row[l]);
      gates[l] = place(rows * gates_row);
      cells[l] = place(d.lstm ? rows * cells_row : 0);
    }
    Arena<F> one{nullptr};
    typename Memory::Record sizer(d, one);
    record_row = one.used;
    record = place((rows + d.B) * record_row);
    normed = place(d.interface_norm ? rows * interface_row : 0);
    deviation = place(d.interface_norm ? rows : 0);
    segment = std::max<Index>(1, Index(std::ceil(std::sqrt(double(d.T)))));
    memory_size = d.W * padded<F>(d.N);
    link_size = memory.link_size();
    checkpoint_row = padded<F>(memory_size + link_size);
    checkpoints = place((d.T + segment - 1) / segment * d.B * checkpoint_row);
    tape_size = tape.used;
    Arena<F> gradients{nullptr};
    auto place_gradient = [&](Index n) { const Index at = gradients.used; gradients.take(n); return at; };
    for (Index l = 0; l < d.L; l++) d_gates[l] = place_gradient(rows * gates_row);
    d_interface = place_gradient(rows * interface_row);
    d_normed = place_gradient(d.interface_norm ? rows * interface_row : 0);
    d_outputs = place_gradient(rows * outputs_row);
    gradients_size = gradients.used;
  }
};

template <class F, class Memory> class Sequence {
  const Arguments<F>& a;
  const Dims& d;
  const Memory memory;
  const Layout<F, Memory> at;
  const Index NP = padded<F>(d.N), features = d.L * d.H, words = d.words();

 public:
  explicit Sequence(const Arguments<F>& arguments)
      : a(arguments), d(arguments.d), memory(arguments.d, arguments.mask_min, arguments.weighting_bound), at(arguments.d, memory) {}

  const Layout<F, Memory>& layout() const { return at; }

  Index forward_scratch() const {
    Arena<F> arena{nullptr};
    pack_forward(arena);
    for (Index c = 0; c < chunks(); c++) ForwardScratch(*this, chunk_rows(c), arena);
    return arena.used;
  }

  Index backward_scratch() const {
    Arena<F> arena{nullptr};
    arena.take(at.gradients_size);
    pack_backward(arena);
    for (Index c = 0; c < chunks(); c++) BackwardScratch(*this, chunk_rows(c), arena);
    for (Index c = 0; c < d.threads; c++) weight_scratch(arena);
    return arena.used;
  }

  void forward() const {
    Arena<F> arena{a.scratch};
    const Packed packed = pack_forward(arena);
    each_chunk<ForwardScratch>(arena, [&](Index from, Index to, ForwardScratch& s) { forward_chunk(from, to, packed, s); });
  }

  void backward() const {
    Arena<F> arena{a.scratch};
    arena.take(at.gradients_size);
    const Packed packed = pack_backward(arena);
    each_chunk<BackwardScratch>(arena, [&](Index from, Index to, BackwardScratch& s) { backward_chunk(from, to, packed, s); });
    weight_gradients(arena);
  }

 private:
  struct Packed {
    Panels<F> layer[kMaxLayers], interface, output_features, output_words;
  };

  Packed pack_forward(Arena<F>& arena) const {
    Packed packed{};
    for (Index l = 0; l < d.L; l++) packed.layer[l] = pack_if(arena, a.weight[l], 1, d.inputs(l), d.inputs(l), d.gates());
    if (d.I) packed.interface = pack_if(arena, a.interface_weight, 1, features, features, d.I);
    if (d.Y) packed.output_features = pack_if(arena, a.output_features, 1, features, features, d.Y);
    if (d.Y && words) packed.output_words = pack_if(arena, a.output_words, 1, words, words, d.Y);
    return packed;
  }

  Packed pack_backward(Arena<F>& arena) const {
    Packed packed{};
    for (Index l = 0; l < d.L; l++) packed.layer[l] = pack_if(arena, a.weight[l] + skipped(), d.inputs(l), 1, d.gates(), d.inputs(l) - skipped());
    if (d.I) packed.interface = pack_if(arena, a.interface_weight, features, 1, d.I, features);
    if (d.Y) packed.output_features = pack_if(arena, a.output_features, features, 1, d.Y, features);
    if (d.Y && words) packed.output_words = pack_if(arena, a.output_words, words, 1, d.Y, words);
    return packed;
  }

  // Inputs of a layer whose gradient nobody asks for: those of x. (Without scratch, sizes are counted: the larger.)
  Index skipped() const { return a.d_x || !a.scratch ? 0 : d.X; }

  static Panels<F> pack_if(Arena<F>& arena, const F* source, Index k_step, Index j_step, Index K, Index J) {
    F* out = arena.take(packed_size<F>(K, J));
    return arena.base ? pack(source, k_step, j_step, K, J, out) : Panels<F>{};
  }

  // The batch is cut into one chunk a thread; the samples of a chunk go through time in step.
  Index chunks() const { return std::max<Index>(1, std::min(d.threads, d.B)); }
  Index chunk_start(Index c) const { return c * d.B / chunks(); }
  Index chunk_rows(Index c) const { return chunk_start(c + 1) - chunk_start(c); }

  template <class Scratch, class Work> void each_chunk(Arena<F>& arena, Work work) const {
    std::vector<Scratch> scratch;
    for (Index c = 0; c < chunks(); c++) scratch.emplace_back(*this, chunk_rows(c), arena);
    in_parallel(chunks(), [&](Index c) { work(chunk_start(c), chunk_start(c + 1), scratch[c]); });
  }

  // work(0) … work(count − 1), each on a thread of its own.
  template <class Work> static void in_parallel(Index count, Work work) {
    if (count == 1) return work(0);
#if defined(_OPENMP)
    // PyTorch's own threads, where the compiler's OpenMP is PyTorch's: they keep spinning for a while after its
    // last operation, on the very cores that new threads would need. A forked child has none of them.
    if (getpid() == kLoadedBy) {
#pragma omp parallel for schedule(static, 1) num_threads(int(count))
      for (Index c = 0; c < count; c++) work(c);
      return;
    }
#endif
    std::vector<std::thread> others;
    for (Index c = 1; c < count; c++) {
      try {
        others.emplace_back(work, c);
      } catch (const std::system_error&) {  // the system gives no more threads: this one does the part, too
        work(c);
      }
    }
    work(0);
    for (auto& thread : others) thread.join();
  }

  bool active(Index t, Index b) const { return !a.lengths || t < a.lengths[b]; }

  typename Memory::Record record(Index t, Index b) const {
    Arena<F> arena{a.tape + at.record + ((t + 1) * d.B + b) * at.record_row};
    return typename Memory::Record(d, arena);
  }
  F* z(Index l, Index row) const { return a.tape + at.z[l] + row * at.z_row[l]; }
  F* gates(Index l, Index row) const { return a.tape + at.gates[l] + row * at.gates_row; }
  F* cell(Index l, Index row) const { return a.tape + at.cells[l] + row * at.cells_row; }
  F* checkpoint(Index t, Index b) const { return a.tape + at.checkpoints + (t / at.segment * d.B + b) * at.checkpoint_row; }
  const F* initial_hidden(Index l) const { return a.initial[kStatePieces + 2 * l]; }
  const F* initial_cell(Index l) const { return a.initial[kStatePieces + 2 * l + 1]; }
  // `in`, or zeros where it is null.
  static void copy_or_zero(F* out, const F* in, Index n) {
    if (in) std::memcpy(out, in, sizeof(F) * n);
    else if (n) std::memset(out, 0, sizeof(F) * n);
  }
  // Sequence b's part of a [B, n] that may be null.
  static const F* part(const F* whole, Index b, Index n) { return whole ? whole + b * n : nullptr; }

  struct ForwardScratch {
    F *hidden[kMaxLayers], *words, *raw, *outputs, *memory, *link;  // [chunk, …]
    F* before;                                                      // the cells before the first step
    typename Memory::Scratch step;
    ForwardScratch(const Sequence& s, Index rows, Arena<F>& arena) : step(s.d, arena) {
      for (Index l = 0; l < s.d.L; l++) hidden[l] = arena.take(rows * s.d.H);
      words = arena.take(rows * s.words);
      raw = arena.take(rows * s.at.interface_row);
      outputs = arena.take(rows * s.at.outputs_row);
      before = arena.take(s.d.H);
      memory = arena.take(rows * s.at.memory_size);
      link = arena.take(rows * s.at.link_size);
    }
  };

  void forward_chunk(Index from, Index to, const Packed& packed, ForwardScratch& s) const {
    const Index rows = to - from;
    for (Index b = from; b < to; b++) {
      const Index i = b - from;
      for (Index l = 0; d.lstm && l < d.L; l++) copy_or_zero(s.hidden[l] + i * d.H, part(initial_hidden(l), b, d.H), d.H);
      copy_or_zero(s.words + i * words, part(a.initial[kReadWords], b, words), words);
      import_state(b, s.memory + i * at.memory_size, s.link + i * at.link_size);
    }
    for (Index t = 0; t < d.T; t++) {
      const Index first = t * d.B + from;
      for (Index l = 0; l < d.L; l++) {
        for (Index b = from; b < to; b++) {
          F *in = z(l, t * d.B + b), *out = gates(l, t * d.B + b);
          std::memcpy(out, a.bias[l], sizeof(F) * d.gates());
          std::memset(out + d.gates(), 0, sizeof(F) * (at.gates_row - d.gates()));
          if (!active(t, b)) {
            std::memset(in, 0, sizeof(F) * at.z_row[l]);
            continue;
          }
          std::memcpy(in, a.x + (t * d.B + b) * d.X, sizeof(F) * d.X);
          std::memcpy(in + d.X, s.words + (b - from) * words, sizeof(F) * words);
          F* rest = in + d.X + words;
          if (d.lstm) std::memcpy(rest, s.hidden[l] + (b - from) * d.H, sizeof(F) * d.H), rest += d.H;
          if (l) std::memcpy(rest, a.features + (t * d.B + b) * features + (l - 1) * d.H, sizeof(F) * d.H);
        }
        product<F, true>(z(l, first), rows, at.z_row[l], packed.layer[l], d.inputs(l), d.gates(), gates(l, first), at.gates_row);
        for (Index b = from; b < to; b++) controller_forward(t, b, l, s.hidden[l] + (b - from) * d.H, s.before);
      }
      interface_forward(t, from, to, packed, s.raw);
      for (Index b = from; b < to; b++) {
        const Index i = b - from;
        F *M = s.memory + i * at.memory_size, *L = s.link + i * at.link_size, *r = s.words + i * words;
        if (t % at.segment == 0) {
          std::memcpy(checkpoint(t, b), M, sizeof(F) * at.memory_size);
          std::memcpy(checkpoint(t, b) + at.memory_size, L, sizeof(F) * at.link_size);
        }
        F* out = a.words + (t * d.B + b) * words;
        if (!active(t, b)) {
          if (words) std::memset(out, 0, sizeof(F) * words);
          continue;
        }
        auto last = record(t - 1, b), now = record(t, b);
        memory.forward(s.raw + i * at.interface_row, last, now, M, L, r, s.step);
        if (words) std::memcpy(out, r, sizeof(F) * words);
      }
      outputs_forward(t, from, to, packed, s.outputs);
    }
    for (Index b = from; b < to; b++) {
      const Index i = b - from, last = a.lengths ? a.lengths[b] - 1 : d.T - 1;
      for (Index l = 0; d.lstm && l < d.L; l++) {
        std::memcpy(a.final[kStatePieces + 2 * l] + b * d.H, s.hidden[l] + i * d.H, sizeof(F) * d.H);
        std::memcpy(a.final[kStatePieces + 2 * l + 1] + b * d.H, cell(l, last * d.B + b), sizeof(F) * d.H);
      }
      if (words) std::memcpy(a.final[kReadWords] + b * words, s.words + i * words, sizeof(F) * words);
      export_state(b, last, s.memory + i * at.memory_size, s.link + i * at.link_size);
    }
  }

  void controller_forward(Index t, Index b, Index l, F* hidden, F* start_cell) const {
    const Index row = t * d.B + b, H = d.H;
    F *g = gates(l, row), *h = a.features + row * features + l * H;
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
    const F* before = t ? cell(l, row - d.B) : start_cell;
    F* c = cell(l, row);
    for (Index j = 0; j < H; j++) c[j] = g[H + j] * before[j] + g[j] * g[2 * H + j];
    map(c, h, H, tanh);
    for (Index j = 0; j < H; j++) h[j] *= g[3 * H + j];
    std::memcpy(hidden, h, sizeof(F) * H);
  }

  // ξ = W_ξ [h¹; …; h^L] (+ bias), then the layer norm.
  void interface_forward(Index t, Index from, Index to, const Packed& packed, F* raw) const {
    if (!d.I) return;
    for (Index b = from; b < to; b++) {
      F* out = raw + (b - from) * at.interface_row;
      std::memset(out, 0, sizeof(F) * at.interface_row);
      if (a.interface_bias) std::memcpy(out, a.interface_bias, sizeof(F) * d.I);
    }
    product<F, true>(a.features + (t * d.B + from) * features, to - from, features, packed.interface, features, d.I, raw, at.interface_row);
    for (Index b = from; d.interface_norm && b < to; b++) {
      F *out = raw + (b - from) * at.interface_row, *normed = a.tape + at.normed + (t * d.B + b) * at.interface_row;
      F mean = 0, variance = 0;
      for (Index i = 0; i < d.I; i++) mean += out[i];
      mean /= d.I;
      for (Index i = 0; i < d.I; i++) variance += (out[i] - mean) * (out[i] - mean);
      const F deviation = 1 / std::sqrt(variance / d.I + F(kNormEpsilon));
      a.tape[at.deviation + t * d.B + b] = deviation;
      for (Index i = 0; i < d.I; i++) {
        normed[i] = (out[i] - mean) * deviation;
        out[i] = normed[i] * a.norm_weight[i] + a.norm_bias[i];
      }
    }
  }

  // y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R] (+ b); zero in the padding.
  void outputs_forward(Index t, Index from, Index to, const Packed& packed, F* y) const {
    if (!d.Y) return;
    const Index first = t * d.B + from, rows = to - from;
    for (Index i = 0; i < rows; i++) {
      std::memset(y + i * at.outputs_row, 0, sizeof(F) * at.outputs_row);
      if (a.output_bias) std::memcpy(y + i * at.outputs_row, a.output_bias, sizeof(F) * d.Y);
    }
    product<F, true>(a.features + first * features, rows, features, packed.output_features, features, d.Y, y, at.outputs_row);
    if (words) product<F, true>(a.words + first * words, rows, words, packed.output_words, words, d.Y, y, at.outputs_row);
    for (Index i = 0; i < rows; i++)
      copy_or_zero(a.outputs + (first + i) * d.Y, active(t, from + i) ? y + i * at.outputs_row : nullptr, d.Y);
  }

  struct BackwardScratch {
    F *d_hidden[kMaxLayers], *d_cell[kMaxLayers], *d_words, *d_features, *d_z, *words_now, *before;
    std::vector<typename Memory::Gradient> gradient;  // one a sample
    F *memories, *links;                              // a segment's states, [segment + 1, chunk, …]
    Index d_z_row, d_features_row, words_row;
    typename Memory::Scratch step;
    BackwardScratch(const Sequence& s, Index rows, Arena<F>& arena) : step(s.d, arena) {
      const Dims& d = s.d;
      d_z_row = 0;
      for (Index l = 0; l < d.L; l++) {
        d_hidden[l] = arena.take(rows * d.H);
        d_cell[l] = arena.take(rows * d.H);
        d_z_row = std::max(d_z_row, padded<F>(d.inputs(l)));
      }
      d_features_row = padded<F>(s.features);
      d_words = arena.take(rows * s.words);
      words_row = padded<F>(s.words);
      words_now = arena.take(rows * words_row);
      before = arena.take(d.H);
      d_features = arena.take(rows * d_features_row);
      d_z = arena.take(rows * d_z_row);
      for (Index i = 0; i < rows; i++) gradient.emplace_back(d, arena);
      memories = arena.take((s.at.segment + 1) * rows * s.at.memory_size);
      links = arena.take((s.at.segment + 1) * rows * s.at.link_size);
    }
  };

  void backward_chunk(Index from, Index to, const Packed& packed, BackwardScratch& s) const {
    const Index rows = to - from;
    for (Index l = 0; d.lstm && l < d.L; l++) {
      copy_or_zero(s.d_hidden[l], part(a.d_final[kStatePieces + 2 * l], from, d.H), rows * d.H);
      copy_or_zero(s.d_cell[l], part(a.d_final[kStatePieces + 2 * l + 1], from, d.H), rows * d.H);
    }
    copy_or_zero(s.d_words, part(a.d_final[kReadWords], from, words), rows * words);
    for (Index b = from; b < to; b++) import_gradient(b, s.gradient[b - from]);

    for (Index start = (d.T - 1) / at.segment * at.segment; start >= 0; start -= at.segment) {
      const Index end = std::min(start + at.segment, d.T);
      replay_segment(start, end, from, to, s);
      for (Index t = end - 1; t >= start; t--) {
        outputs_backward(t, from, to, packed, s);
        for (Index b = from; b < to; b++) memory_backward(t, t - start, b, from, rows, s);
        if (d.I)
          product<F, true>(d_interface(t, from), rows, at.interface_row, packed.interface, d.I, features, s.d_features, s.d_features_row);
        for (Index l = d.L - 1; l >= 0; l--) {
          for (Index b = from; b < to; b++) controller_backward(t, b, l, b - from, s);
          product<F, false>(d_gates(l, t * d.B + from), rows, at.gates_row, packed.layer[l], d.gates(), d.inputs(l) - skipped(), s.d_z, s.d_z_row);
          for (Index b = from; b < to; b++) {
            if (!active(t, b)) {
              if (a.d_x) std::memset(a.d_x + (t * d.B + b) * d.X, 0, sizeof(F) * d.X);
              continue;
            }
            const Index i = b - from;
            const F* dz = s.d_z + i * s.d_z_row;
            F *d_word = s.d_words + i * words, *d_x = a.d_x + (t * d.B + b) * d.X;
            if (a.d_x) {
              for (Index j = 0; j < d.X; j++) d_x[j] = dz[j] + (l < d.L - 1 ? d_x[j] : 0);
              dz += d.X;
            }
            for (Index w = 0; w < words; w++) d_word[w] += dz[w];
            dz += words;
            if (d.lstm) std::memcpy(s.d_hidden[l] + i * d.H, dz, sizeof(F) * d.H), dz += d.H;
            F* below = s.d_features + i * s.d_features_row + (l - 1) * d.H;
            for (Index j = 0; l && j < d.H; j++) below[j] += dz[j];
          }
        }
      }
    }
    auto give = [&](F* whole, const F* mine, Index n) {
      if (whole && n) std::memcpy(whole + from * n, mine, sizeof(F) * rows * n);
    };
    for (Index l = 0; d.lstm && l < d.L; l++) {
      give(a.d_initial[kStatePieces + 2 * l], s.d_hidden[l], d.H);
      give(a.d_initial[kStatePieces + 2 * l + 1], s.d_cell[l], d.H);
    }
    give(a.d_initial[kReadWords], s.d_words, words);
    for (Index b = from; b < to; b++) export_gradient(b, s.gradient[b - from]);
  }

  F* d_gates(Index l, Index row) const { return a.scratch + at.d_gates[l] + row * at.gates_row; }
  F* d_interface(Index t, Index b) const { return a.scratch + at.d_interface + (t * d.B + b) * at.interface_row; }
  F* d_outputs(Index row) const { return a.scratch + at.d_outputs + row * at.outputs_row; }

  // What the outputs, and the caller, bring to this step's features and words.
  void outputs_backward(Index t, Index from, Index to, const Packed& packed, BackwardScratch& s) const {
    const Index first = t * d.B + from, rows = to - from;
    for (Index i = 0; i < rows; i++) {
      F* d_y = d_outputs(first + i);
      std::memset(d_y, 0, sizeof(F) * at.outputs_row);
      if (a.d_outputs && active(t, from + i)) std::memcpy(d_y, a.d_outputs + (first + i) * d.Y, sizeof(F) * d.Y);
      copy_or_zero(s.d_features + i * s.d_features_row, part(a.d_features, first + i, features), features);
      copy_or_zero(s.words_now + i * s.words_row, part(a.d_words, first + i, words), words);
    }
    if (!d.Y || !a.d_outputs) return;
    product<F, true>(d_outputs(first), rows, at.outputs_row, packed.output_features, d.Y, features, s.d_features, s.d_features_row);
    if (words) product<F, true>(d_outputs(first), rows, at.outputs_row, packed.output_words, d.Y, words, s.words_now, s.words_row);
  }

  // Gradients of the weights: Σ over all steps and sequences of (gradient of what a layer gave) ⊗ (what it saw).
  void weight_gradients(Arena<F>& arena) const {
    const Index rows = d.T * d.B;
    OuterProducts<F> products;
    for (Index l = 0; l < d.L; l++)
      products.add(d_gates(l, 0), at.gates_row, d.gates(), z(l, 0), at.z_row[l], d.inputs(l), a.d_weight[l], a.d_bias[l]);
    if (d.I) products.add(d_interface(0, 0), at.interface_row, d.I, a.features, features, features, a.d_interface_weight, a.d_interface_bias);
    if (d.Y) products.add(d_outputs(0), at.outputs_row, d.Y, a.features, features, features, a.d_output_features, a.d_output_bias);
    if (d.Y && words) products.add(d_outputs(0), at.outputs_row, d.Y, a.words, words, words, a.d_output_words, nullptr);
    const Index count = rows * products.multiplications() < kWorthThreads ? 1 : d.threads;
    std::vector<F*> scratch;
    for (Index c = 0; c < count; c++) scratch.push_back(weight_scratch(arena));
    in_parallel(count, [&](Index c) { products.run(rows, c, count, scratch[c]); });
    if (d.interface_norm) norm_gradients();
  }

  F* weight_scratch(Arena<F>& arena) const {
    Index widest = features;
    for (Index l = 0; l < d.L; l++) widest = std::max(widest, d.inputs(l));
    return arena.take(OuterProducts<F>::scratch(std::max(widest, words)));
  }

  void norm_gradients() const {
    copy_or_zero(a.d_norm_weight, nullptr, a.d_norm_weight ? d.I : 0);
    copy_or_zero(a.d_norm_bias, nullptr, a.d_norm_bias ? d.I : 0);
    for (Index row = 0; row < d.T * d.B; row++) {
      const F *d_normed = a.scratch + at.d_normed + row * at.interface_row, *normed = a.tape + at.normed + row * at.interface_row;
      for (Index i = 0; a.d_norm_weight && i < d.I; i++) a.d_norm_weight[i] += d_normed[i] * normed[i];
      for (Index i = 0; a.d_norm_bias && i < d.I; i++) a.d_norm_bias[i] += d_normed[i];
    }
  }

  // Redo the writes of a segment from its checkpoint: the states before each of its steps.
  void replay_segment(Index start, Index end, Index from, Index to, BackwardScratch& s) const {
    const Index rows = to - from, ms = at.memory_size, ls = at.link_size;
    for (Index b = from; b < to; b++) {
      const Index i = b - from;
      if (!ms || !active(start, b)) continue;
      std::memcpy(s.memories + i * ms, checkpoint(start, b), sizeof(F) * ms);
      std::memcpy(s.links + i * ls, checkpoint(start, b) + ms, sizeof(F) * ls);
      for (Index t = start; t < end && active(t, b); t++) {
        const Index k = t - start;
        const F *M_before = s.memories + (k * rows + i) * ms, *L_before = s.links + (k * rows + i) * ls;
        F *M = s.memories + ((k + 1) * rows + i) * ms, *L = s.links + ((k + 1) * rows + i) * ls;
        memory.replay(record(t - 1, b), record(t, b), M_before, M, L_before, L);
      }
    }
  }

  void memory_backward(Index t, Index k, Index b, Index from, Index rows, BackwardScratch& s) const {
    if (!d.I) return;
    const Index i = b - from, row = t * d.B + b;
    F* d_raw = d_interface(t, b);
    F* d_normed = d.interface_norm ? a.scratch + at.d_normed + row * at.interface_row : nullptr;
    if (!active(t, b)) {
      std::memset(d_raw, 0, sizeof(F) * at.interface_row);
      if (d_normed) {
        std::memset(d_normed, 0, sizeof(F) * at.interface_row);
        std::memset(a.tape + at.normed + row * at.interface_row, 0, sizeof(F) * at.interface_row);
      }
      return;
    }
    F *d_word = s.d_words + i * words, *words_now = s.words_now + i * s.words_row;
    for (Index w = 0; w < words; w++) words_now[w] += d_word[w], d_word[w] = 0;
    const F *M_before = s.memories + (k * rows + i) * at.memory_size, *M = M_before + rows * at.memory_size;
    const F *L_before = s.links + (k * rows + i) * at.link_size, *L = L_before + rows * at.link_size;
    memory.backward(record(t - 1, b), record(t, b), M_before, M, L_before, L, words_now, s.gradient[i],
                    d_normed ? d_normed : d_raw, s.step);
    if (!d_normed) return;
    const F* normed = a.tape + at.normed + row * at.interface_row;
    F mean = 0, along = 0;
    for (Index j = 0; j < d.I; j++) {
      const F g = d_normed[j] * a.norm_weight[j];
      mean += g;
      along += g * normed[j];
    }
    mean /= d.I, along /= d.I;
    for (Index j = 0; j < d.I; j++)
      d_raw[j] = (d_normed[j] * a.norm_weight[j] - mean - normed[j] * along) * a.tape[at.deviation + row];
  }

  void controller_backward(Index t, Index b, Index l, Index i, BackwardScratch& s) const {
    const Index row = t * d.B + b, H = d.H;
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
    const F* before = t ? cell(l, row - d.B) : s.before;
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

  // Between the caller's [slots, words] and the padded, transposed arrays here.
  void import_matrix(const F* in, Index rows, Index columns, F* out) const {  // [rows, columns] → rows of NP
    for (Index i = 0; i < rows; i++) {
      std::memcpy(out + i * NP, in + i * columns, sizeof(F) * columns);
      for (Index j = columns; j < NP; j++) out[i * NP + j] = 0;
    }
  }
  void import_memory(const F* in, F* out) const {  // [N, W] → [W][NP]
    for (Index w = 0; w < d.W; w++) {
      for (Index n = 0; n < d.N; n++) out[w * NP + n] = in[n * d.W + w];
      for (Index n = d.N; n < NP; n++) out[w * NP + n] = 0;
    }
  }
  void start_memory(F* out) const {
    for (Index w = 0; w < d.W; w++)
      for (Index n = 0; n < NP; n++) out[w * NP + n] = n < d.N ? F(a.initial_memory) : 0;
  }
  void export_matrix(const F* in, Index rows, Index columns, F* out) const {
    for (Index i = 0; i < rows; i++) std::memcpy(out + i * columns, in + i * NP, sizeof(F) * columns);
  }
  void export_memory(const F* in, F* out) const {
    for (Index n = 0; n < d.N; n++)
      for (Index w = 0; w < d.W; w++) out[n * d.W + w] = in[w * NP + n];
  }

  // The initial state becomes record −1.
  void import_state(Index b, F* M, F* L) const {
    if constexpr (!std::is_same_v<Memory, NoMemory<F>>) {
      auto r = record(-1, b);
      if (a.initial[kMemory]) import_memory(a.initial[kMemory] + b * d.N * d.W, M);
      else start_memory(M);
      inverse_norms<F>(M, nullptr, d.W, NP, r.inverse);
      auto matrix = [&](StatePiece piece, Index rows, F* out) {
        if (a.initial[piece]) import_matrix(a.initial[piece] + b * rows * d.N, rows, d.N, out);
        else std::memset(out, 0, sizeof(F) * rows * NP);
      };
      if constexpr (std::is_same_v<Memory, DNCMemory<F>>) {
        matrix(kUsage, 1, r.usage);
        matrix(kWriteWeights, 1, r.write_weights);
        matrix(kReadWeights, d.R, r.read_weights);
        if (d.links) {
          matrix(kPrecedence, 1, r.precedence);
          matrix(kLink, d.N, L);
        }
      } else {
        matrix(kReadWeights, d.R, r.weights);
        matrix(kWriteWeights, d.writes, r.weights + d.R * NP);
        for (Index h = 0; !d.given_start && h < d.R + d.writes; h++) r.weights[h * NP] = 1;  // every head on slot 0
      }
    }
  }

  void export_state(Index b, Index last, const F* M, const F* L) const {
    if constexpr (!std::is_same_v<Memory, NoMemory<F>>) {
      auto r = record(last, b);
      export_memory(M, a.final[kMemory] + b * d.N * d.W);
      if constexpr (std::is_same_v<Memory, DNCMemory<F>>) {
        export_matrix(r.usage, 1, d.N, a.final[kUsage] + b * d.N);
        export_matrix(r.write_weights, 1, d.N, a.final[kWriteWeights] + b * d.N);
        export_matrix(r.read_weights, d.R, d.N, a.final[kReadWeights] + b * d.R * d.N);
        if (d.links) {
          export_matrix(r.precedence, 1, d.N, a.final[kPrecedence] + b * d.N);
          export_matrix(L, d.N, d.N, a.final[kLink] + b * d.N * d.N);
        }
      } else {
        export_matrix(r.weights, d.R, d.N, a.final[kReadWeights] + b * d.R * d.N);
        export_matrix(r.weights + d.R * NP, d.writes, d.N, a.final[kWriteWeights] + b * d.writes * d.N);
      }
    }
  }

  void import_gradient(Index b, typename Memory::Gradient& g) const {
    if constexpr (!std::is_same_v<Memory, NoMemory<F>>) {
      auto matrix = [&](StatePiece piece, Index rows, F* out) {
        if (a.d_final[piece]) import_matrix(a.d_final[piece] + b * rows * d.N, rows, d.N, out);
        else std::memset(out, 0, sizeof(F) * rows * NP);
      };
      if (a.d_final[kMemory]) import_memory(a.d_final[kMemory] + b * d.N * d.W, g.memory);
      else std::memset(g.memory, 0, sizeof(F) * at.memory_size);
      if constexpr (std::is_same_v<Memory, DNCMemory<F>>) {
        matrix(kUsage, 1, g.usage);
        matrix(kWriteWeights, 1, g.write_weights);
        matrix(kReadWeights, d.R, g.read_weights);
        if (d.links) {
          matrix(kPrecedence, 1, g.precedence);
          matrix(kLink, d.N, g.link);
        }
      } else {
        matrix(kReadWeights, d.R, g.weights);
        matrix(kWriteWeights, d.writes, g.weights + d.R * NP);
      }
    }
  }

  void export_gradient(Index b, const typename Memory::Gradient& g) const {
    if constexpr (!std::is_same_v<Memory, NoMemory<F>>) {
      auto matrix = [&](StatePiece piece, Index rows, const F* in) {
        if (a.d_initial[piece]) export_matrix(in, rows, d.N, a.d_initial[piece] + b * rows * d.N);
      };
      if (a.d_initial[kMemory]) export_memory(g.memory, a.d_initial[kMemory] + b * d.N * d.W);
      if constexpr (std::is_same_v<Memory, DNCMemory<F>>) {
        matrix(kUsage, 1, g.usage);
        matrix(kWriteWeights, 1, g.write_weights);
        matrix(kReadWeights, d.R, g.read_weights);
        if (d.links) {
          matrix(kPrecedence, 1, g.precedence);
          matrix(kLink, d.N, g.link);
        }
      } else {
        matrix(kReadWeights, d.R, g.weights);
        matrix(kWriteWeights, d.writes, g.weights + d.R * NP);
      }
    }
  }
};

}  // namespace tapehead
