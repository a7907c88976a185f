// What the loops over time share: a call's arguments, and where things lie in the tape and in the scratch.
#pragma once
#include "choice.h"
#include "dnc.h"
#include "ntm.h"
#include "parallel.h"
#include "sparse.h"
#include "weights.h"

namespace tapehead {

// No memory: the baseline.
template <class F> struct NoMemory {
  static constexpr bool kSparse = false;
  struct Live {};
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
  Index interface_size() const { return 0; }
  Index link_size() const { return 0; }
  template <class Arrays, class Use> void for_pieces(const Arrays&, F*, Use) const {}
  void begin(const F*, Record&) const {}
  void forward(const F*, const Record&, Record&, F*, F*, F*, Scratch&) const {}
  void replay(const Record&, const Record&, const F*, F*, const F*, F*) const {}
  void backward(const Record&, const Record&, const F*, const F*, const F*, const F*, const F*, Gradient&, F*,
                Scratch&) const {}
};

template <class F> struct Arguments {
  Dims d;
  double mask_min, controller_bound, weighting_bound;     // of gradients, elementwise; 0: none
  double initial_memory;                                  // every number of the constant start state's memory
  const F* x;                                             // [T, B, X]
  const int64_t* lengths;                                 // [B], or null
  const F *weight[kMaxLayers], *bias[kMaxLayers];         // [gates, inputs(l)], [gates]
  const F *interface_weight, *interface_bias;             // [I, L·H], [I] or null
  const F *norm_weight, *norm_bias;                       // [I] each, with interface_norm
  const F *output_features, *output_words, *output_bias;  // [Y, L·H], [Y, R·W] or null, [Y] or null
  const F* initial[kStatePieces + 2 * kMaxLayers];        // null: of the constant start state
  F *tape, *scratch;
  F *outputs, *features, *words;            // [T, B, Y]; [T, B, L·H] and [T, B, R·W], see result_row
  F* final[kStatePieces + 2 * kMaxLayers];  // forward only
  // Decoding only, else null: how output t becomes row t of `chosen`, which is row t + 1 of x; and how many steps ran.
  const Choice* choice;
  F* chosen;
  int64_t* ran;
  // Backward only; a null gradient is zero.
  const F *d_outputs, *d_features, *d_words, *d_final[kStatePieces + 2 * kMaxLayers];
  // Null where nobody asks.
  F *d_x, *d_weight[kMaxLayers], *d_bias[kMaxLayers], *d_interface_weight, *d_interface_bias, *d_norm_weight,
      *d_norm_bias, *d_output_features, *d_output_words, *d_output_bias;
  F* d_initial[kStatePieces + 2 * kMaxLayers];
};

constexpr double kNormEpsilon = 1e-5;  // torch.nn.LayerNorm's

// Where things lie in the tape (kept from the forward to the backward pass) and in the first part of the
// backward pass's scratch: the gradients of all steps, from which those of the weights are made at the end.
// Without a tape there is room for two steps there: the one that runs and the one before it.
template <class F, class Memory> struct Layout {
  const Dims& d;
  Index z[kMaxLayers], z_row[kMaxLayers];      // inputs of layer l: [x ; r ; h_{t−1} ; h^{l−1}_t]
  Index gates[kMaxLayers], gates_row;          // activated gates (LSTM) or outputs (feed-forward)
  Index cells[kMaxLayers], cells_row;          // cell states after the step
  Index record, record_row;                    // record (t + 1, b) of the memory; t = −1 is the initial state
  Index normed, interface_row, deviation;      // normalised interface vectors, 1 / standard deviation
  Index segment, checkpoints, checkpoint_row;  // steps a segment; memory and links at its start
  Index memory_row, link_row;                  // of one sequence
  Index tape_size;
  Index d_gates[kMaxLayers], d_interface, d_normed, d_outputs, outputs_row, gradients_size;

  // Over null buffers, as always but where AddressSanitizer guards what lies between.
  Layout(const Dims& dims, const Memory& memory, F* tape_buffer = nullptr, F* gradients_buffer = nullptr) : d(dims) {
    const Index rows = (d.keep_tape ? d.steps : std::min<Index>(2, d.steps)) * d.batch_size;
    Arena<F> tape{tape_buffer};
    auto place = [&](Index n) {
      const Index at = tape.used;
      tape.take(n);
      return at;
    };
    gates_row = padded<F>(d.gates());
    cells_row = padded<F>(d.hidden_size);
    interface_row = padded<F>(d.interface_size);
    outputs_row = padded<F>(d.output_size);
    for (Index l = 0; l < d.num_layers; l++) {
      z_row[l] = padded<F>(d.layer_inputs(l));
      z[l] = place(rows * z_row[l]);
      gates[l] = place(rows * gates_row);
      cells[l] = place(d.lstm ? rows * cells_row : 0);
    }
    Arena<F> one{nullptr};
    typename Memory::Record sizer(d, one);
    record_row = one.used;
    record = place((d.keep_tape ? d.steps + 1 : 2) * d.batch_size * record_row);
    normed = place(d.interface_norm ? rows * interface_row : 0);
    deviation = place(d.interface_norm ? rows : 0);
    segment = std::max<Index>(1, Index(std::ceil(std::sqrt(double(d.steps)))));
    memory_row = Memory::kSparse ? 0 : d.word_size * padded<F>(d.memory_size);
    link_row = memory.link_size();
    checkpoint_row = padded<F>(memory_row + link_row);
    checkpoints = place(!d.keep_tape ? 0 : (d.steps + segment - 1) / segment * d.batch_size * checkpoint_row);
    tape_size = tape.used;
    Arena<F> gradients{gradients_buffer};
    auto place_gradient = [&](Index n) {
      const Index at = gradients.used;
      gradients.take(n);
      return at;
    };
    for (Index l = 0; l < d.num_layers; l++) d_gates[l] = place_gradient(rows * gates_row);
    d_interface = place_gradient(rows * interface_row);
    d_normed = place_gradient(d.interface_norm ? rows * interface_row : 0);
    d_outputs = place_gradient(rows * outputs_row);
    gradients_size = gradients.used;
  }
};

template <class F, class Memory> class Sequence {
 protected:
  const Arguments<F>& a;
  const Dims& d;
  const Memory memory;
  const Layout<F, Memory> at;
  const Index NP = padded<F>(d.memory_size), features = d.num_layers * d.hidden_size, words = d.words();

  struct Packed {
    Panels<F> layer[kMaxLayers], interface, output_features, output_words;
  };

 public:
  explicit Sequence(const Arguments<F>& arguments)
      : a(arguments), d(arguments.d), memory(arguments.d, arguments.mask_min, arguments.weighting_bound),
        at(arguments.d, memory) {}

  Index tape_size() const { return at.tape_size; }
  Index interface_size() const { return memory.interface_size(); }

 protected:
  static Panels<F> pack_if(Arena<F>& arena, const F* source, Index k_step, Index j_step, Index K, Index J) {
    F* out = arena.take(packed_size<F>(K, J));
    return arena.base ? pack(source, k_step, j_step, K, J, out) : Panels<F>{};
  }

  // The batch is cut into one chunk a thread; the samples of a chunk go through time in step.
  Index chunks() const { return std::max<Index>(1, std::min(d.threads, d.batch_size)); }
  Index chunk_start(Index c) const { return c * d.batch_size / chunks(); }
  Index chunk_rows(Index c) const { return chunk_start(c + 1) - chunk_start(c); }

  template <class Scratch, class Loop, class Work> void each_chunk(const Loop& loop, Arena<F>& arena, Work work) const {
    std::vector<Scratch> scratch;
    for (Index c = 0; c < chunks(); c++) scratch.emplace_back(loop, chunk_rows(c), arena);
    in_parallel(chunks(), [&](Index c) { work(chunk_start(c), chunk_start(c + 1), scratch[c]); });
  }

  bool active(Index t, Index b) const { return !a.lengths || t < a.lengths[b]; }

  // Row (t, b) of what a pass backward needs, and of what the caller gets of each step: features and words where
  // it makes the outputs from them, or differentiates.
  Index tape_row(Index t, Index b) const { return (d.keep_tape ? t : t & 1) * d.batch_size + b; }
  Index result_row(Index t, Index b) const { return (d.keep_tape || !d.output_size ? t : t & 1) * d.batch_size + b; }

  typename Memory::Record record(Index t, Index b) const {
    Arena<F> arena{a.tape + at.record + tape_row(t + 1, b) * at.record_row};
    return typename Memory::Record(d, arena);
  }
  F* z(Index l, Index row) const { return a.tape + at.z[l] + row * at.z_row[l]; }
  F* gates(Index l, Index row) const { return a.tape + at.gates[l] + row * at.gates_row; }
  F* cell(Index l, Index row) const { return a.tape + at.cells[l] + row * at.cells_row; }
  F* normed(Index row) const { return a.tape + at.normed + row * at.interface_row; }
  F* checkpoint(Index t, Index b) const {
    return a.tape + at.checkpoints + (t / at.segment * d.batch_size + b) * at.checkpoint_row;
  }
  F* features_at(Index t, Index b) const { return a.features + result_row(t, b) * features; }
  F* words_at(Index t, Index b) const { return a.words + result_row(t, b) * words; }
  const F* initial_hidden(Index l) const { return a.initial[kStatePieces + 2 * l]; }
  const F* initial_cell(Index l) const { return a.initial[kStatePieces + 2 * l + 1]; }

  // `in`, or zeros where it is null.
  static void copy_or_zero(F* out, const F* in, Index n) {
    if (!n) return;
    if (in)
      std::memcpy(out, in, sizeof(F) * n);
    else
      std::memset(out, 0, sizeof(F) * n);
  }
  // Sequence b's part of a [B, n] that may be null.
  template <class P> static P* part(P* whole, Index b, Index n) { return whole ? whole + b * n : nullptr; }

  // Between the caller's [slots, words] and the padded, transposed arrays here.
  void import_matrix(const F* in, Index rows, F* out) const {  // [rows, N] → rows of NP; null: zeros
    for (Index i = 0; i < rows; i++) {
      copy_or_zero(out + i * NP, part(in, i, d.memory_size), d.memory_size);
      copy_or_zero(out + i * NP + d.memory_size, nullptr, NP - d.memory_size);
    }
  }
  void import_memory(const F* in, F otherwise, F* out) const {  // [N, W] → [W][NP]; null: all of it `otherwise`
    for (Index w = 0; w < d.word_size; w++) {
      for (Index n = 0; n < d.memory_size; n++) out[w * NP + n] = in ? in[n * d.word_size + w] : otherwise;
      for (Index n = d.memory_size; n < NP; n++) out[w * NP + n] = 0;
    }
  }
  void export_matrix(const F* in, Index rows, F* out) const {
    if (in == out) return;  // it was made there
    for (Index i = 0; i < rows; i++) std::memcpy(out + i * d.memory_size, in + i * NP, sizeof(F) * d.memory_size);
  }
  void export_memory(const F* in, F* out) const {
    for (Index n = 0; n < d.memory_size; n++)
      for (Index w = 0; w < d.word_size; w++) out[n * d.word_size + w] = in[w * NP + n];
  }

  // The weights of a sparse record's slots into read weightings [R, N] that are zero.
  template <class Record> void spread(const Record& from, F* weights) const {
    for (Index i = 0; i < d.num_reads * d.top_k; i++)
      if (from.slots[i] >= 0) weights[i / d.top_k * d.memory_size + Index(from.slots[i])] = from.weights[i];
  }

  // The arrays of a state in which sparse access works, and sequence b's part of them.
  static constexpr StatePiece kLinkPieces[4] = {kBeforeWeights, kBeforeSlots, kAfterWeights, kAfterSlots};
  SparseArrays<F> sparse_arrays(F* const* state, Index b) const {
    const Index N = d.memory_size;
    SparseArrays<F> of{part(state[kMemory], b, N * d.word_size), part(state[kUsage], b, N), {}};
    for (Index i = 0; i < 4; i++) of.links[i] = part(state[kLinkPieces[i]], b, N * kMaxLinks);
    return of;
  }

  // Sequence b's part of a state that the caller gives, or of its gradient, into `memory` [W][NP], `link` and the
  // arrays of a record or a gradient; zeros, and a memory of all `otherwise`, where the caller gives none.
  template <class Arrays>
  void import_pieces(const F* const* state, Index b, F otherwise, F* M, F* link, Arrays& arrays) const {
    import_memory(part(state[kMemory], b, d.memory_size * d.word_size), otherwise, M);
    memory.for_pieces(arrays, link, [&](StatePiece piece, Index rows, F* out) {
      import_matrix(part(state[piece], b, rows * d.memory_size), rows, out);
    });
  }

  // And back, where the caller asks.
  template <class Arrays>
  void export_pieces(F* const* state, Index b, const F* M, F* link, const Arrays& arrays) const {
    if (F* out = part(state[kMemory], b, d.memory_size * d.word_size)) export_memory(M, out);
    memory.for_pieces(arrays, link, [&](StatePiece piece, Index rows, const F* in) {
      if (F* out = part(state[piece], b, rows * d.memory_size)) export_matrix(in, rows, out);
    });
  }
};

}  // namespace tapehead
