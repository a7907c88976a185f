// The C interface: the caller (native/plans.py) passes sizes, pointers and buffers, and gets a code. No exception
// comes out.
#include "backward.h"
#include "codes.h"
#include "resident.h"
#include "training.h"

using namespace tapehead;

namespace {

Dims dims_of(const int64_t* sizes) {
  Dims d;
  std::memcpy(&d, sizes, sizeof d);
  return d;
}

int check(const Dims& d) {
  const Index not_negative[] = {d.batch_size, d.output_size, d.interface_size, d.memory_size,
                                d.word_size,  d.num_reads,   d.num_writes,     d.max_shift,   d.top_k,
                                d.hash_tables, d.hash_probes, d.hash_from};
  const Index positive[] = {d.steps, d.input_size, d.threads, d.hidden_size, d.num_layers};
  for (Index size : not_negative)
    if (size < 0) return kBadSizes;
  for (Index size : positive)
    if (size < 1) return kBadSizes;
  if (d.num_layers > kMaxLayers || d.memory_size > kMaxSlots) return kBadSizes;
  if (d.kind != kNone && (!d.memory_size || !d.word_size || !d.num_reads)) return kBadSizes;
  if (d.sparse() && (!d.top_k || !d.num_writes)) return kBadSizes;
  if (d.max_links != (d.sparse() && d.temporal_links ? kMaxLinks : 0)) return kBadSizes;
  if (d.hash_tables && (d.hash_bits < 1 || d.hash_bits > 24 || d.hash_tables > 64 || d.hash_probes > 16)) return kBadSizes;
  return kDone;
}

// Pointers arrive in one array, in the order in which they are read here; what a machine does not have is left out.
template <class F> class Unpacker {
  void* const* pointers;

 public:
  Arguments<F> a{};
  Unpacker(const Dims& d, const double* numbers, void* const* given) : pointers(given) {
    a.d = d;
    a.mask_min = numbers[0];
    a.controller_bound = numbers[1];
    a.weighting_bound = numbers[2];
    a.initial_memory = numbers[3];
    a.x = next();
    a.lengths = reinterpret_cast<const int64_t*>(next());
    weights(a.weight, a.bias, a.interface_weight, a.interface_bias, a.norm_weight, a.norm_bias, a.output_features,
            a.output_words, a.output_bias);
    if (a.d.given_state) state(a.initial);
    a.tape = next();
    a.scratch = next();
    a.features = next();
    a.words = next();
  }

  // What an advance passes anew: x, the weights, features, words, outputs.
  static void renew(Arguments<F>& of, void* const* given) {
    Unpacker next(of, given);
    of.x = next.next();
    next.weights(of.weight, of.bias, of.interface_weight, of.interface_bias, of.norm_weight, of.norm_bias,
                 of.output_features, of.output_words, of.output_bias);
    of.features = next.next(), of.words = next.next(), of.outputs = next.next();
  }
  static void name_final(Arguments<F>& of, void* const* given) { Unpacker(of, given).state(of.final); }

  const Arguments<F>& for_forward() {
    a.outputs = next();
    state(a.final);
    return a;
  }

  const Arguments<F>& for_backward() {
    a.d_outputs = next();
    a.d_features = next();
    a.d_words = next();
    state(a.d_final);
    a.d_x = next();
    weights(a.d_weight, a.d_bias, a.d_interface_weight, a.d_interface_bias, a.d_norm_weight, a.d_norm_bias,
            a.d_output_features, a.d_output_words, a.d_output_bias);
    if (a.d.given_state) state(a.d_initial);
    return a;
  }

 private:
  Unpacker(const Arguments<F>& of, void* const* given) : pointers(given) { a.d = of.d; }
  F* next() { return static_cast<F*>(*pointers++); }

  template <class P>
  void weights(P* weight, P* bias, P& interface, P& interface_bias, P& norm, P& norm_bias, P& output_features,
               P& output_words, P& output_bias) {
    const Dims& d = a.d;
    for (Index l = 0; l < d.num_layers; l++) weight[l] = next(), bias[l] = next();
    if (d.interface_size) interface = next();
    if (d.kind == kNTM || d.kind == kSparseNTM) interface_bias = next();
    if (d.interface_norm) norm = next(), norm_bias = next();
    if (d.output_size) output_features = next();
    if (d.output_size && d.words()) output_words = next();
    if (d.output_bias) output_bias = next();
  }

  template <class P> void state(P* piece) {
    const Dims& d = a.d;
    const bool linked = d.temporal_links != 0, sparse = d.sparse(), few = linked && sparse;
    const bool present[kStatePieces] = {true, d.kind == kDNC || sparse, linked, linked && !sparse, few, few, few, few,
                                        !sparse, true, true};
    for (Index i = 0; i < kStatePieces; i++) piece[i] = d.kind != kNone && present[i] ? next() : nullptr;
    for (Index i = 0; d.lstm && i < 2 * d.num_layers; i++) piece[kStatePieces + i] = next();
  }
};

template <class F, class Memory> struct Loops {
  using forward = Forward<F, Memory>;
  using backward = Backward<F, Memory>;
  using resident = ResidentOf<F, Memory>;
};

// work(Loops<F, Memory>) of the kind of memory that d names.
template <class F, class Work> int with_loops(const Dims& d, Work work) {
  switch (d.kind) {
    case kNone: return work(Loops<F, NoMemory<F>>());
    case kNTM: return work(Loops<F, NTMMemory<F>>());
    case kDNC: return work(Loops<F, DNCMemory<F>>());
    case kSparseNTM:
    case kSparseDNC: return work(Loops<F, SparseMemory<F>>());
    default: return kUnknownKind;
  }
}

// out: the numbers that tape, forward scratch and backward scratch take, and the size of the interface vector.
template <class F> int layout(const int64_t* sizes, int64_t* out) {
  Arguments<F> a{};
  a.d = dims_of(sizes);
  if (const int code = check(a.d)) return code;
  return with_loops<F>(a.d, [&](auto loops) {
    const typename decltype(loops)::forward forward(a);
    out[0] = forward.tape_size();
    out[1] = forward.scratch_size();
    out[2] = a.d.keep_tape ? typename decltype(loops)::backward(a).scratch_size() : 0;
    out[3] = forward.interface_size();
    return int(kDone);
  });
}

template <class F, class Loop> int run(const Arguments<F>& a, const Loop& loop) {
  for (Index b = 0; a.lengths && b < a.d.batch_size; b++)
    if (a.lengths[b] < 1 || a.lengths[b] > a.d.steps) return kBadLengths;
  // Whatever happens, the buffers are the caller's again.
  struct Opened {
    const Arguments<F>& a;
    Index tape, scratch;
    ~Opened() {
      open_redzones(a.tape, tape);
      open_redzones(a.scratch, scratch);
    }
  } opened{a, kRedzone<F> ? loop.tape_size() : 0, kRedzone<F> ? loop.scratch_size() : 0};
  loop.run();
  return kDone;
}

template <class F> int run_forward(const Arguments<F>& a) {
  return with_loops<F>(a.d, [&](auto loops) {
    const typename decltype(loops)::forward loop(a);
    return loop.interface_size() == a.d.interface_size ? run(a, loop) : int(kBadInterface);
  });
}

template <class F> int forward(const int64_t* sizes, const double* numbers, void* const* pointers) {
  const Dims d = dims_of(sizes);
  if (const int code = check(d)) return code;
  Unpacker<F> unpacker(d, numbers, pointers);
  return run_forward(unpacker.for_forward());
}

// A forward pass of one sequence that makes its inputs itself: x is [T + 1, X], and its first row is given. words: a
// Choice's, so many; ran: the steps until it ended the loop.
template <class F>
int decode(const int64_t* sizes, const double* numbers, void* const* pointers, const int64_t* words, int64_t count,
           int64_t* ran) {
  const Dims d = dims_of(sizes);
  if (const int code = check(d)) return code;
  if (d.batch_size != 1 || !d.output_size) return kBadSizes;
  Choice choice;
  if (!choice.read(words, count, std::min(d.input_size, d.output_size))) return kBadChoice;
  Unpacker<F> unpacker(d, numbers, pointers);
  unpacker.a.choice = &choice;
  unpacker.a.chosen = static_cast<F*>(pointers[0]) + d.input_size;
  unpacker.a.ran = ran;
  return run_forward(unpacker.for_forward());
}

// A run that `advance` goes on with, `snapshot` looks at and `close` ends. pointers as for a forward pass, but that x,
// lengths, features, words and outputs are null and that of the final state only what sparse access works in is not;
// sizes are of two steps.
template <class F> int open(const int64_t* sizes, const double* numbers, void* const* pointers, void** out) {
  const Dims d = dims_of(sizes);
  if (const int code = check(d)) return code;
  if (d.steps != 2 || d.keep_tape || !d.output_size) return kBadSizes;
  Unpacker<F> unpacker(d, numbers, pointers);
  const Arguments<F>& a = unpacker.for_forward();
  return with_loops<F>(d, [&](auto loops) {
    if (typename decltype(loops)::forward(a).interface_size() != d.interface_size) return int(kBadInterface);
    Resident<F>* opened = new typename decltype(loops)::resident(a);
    *out = opened;
    return int(kDone);
  });
}

// words, count, ran: as for `decode`, or null, 0, null, where x is given whole.
template <class F>
int advance(void* opened, int64_t steps, void* const* pointers, const int64_t* words, int64_t count, int64_t* ran) {
  auto* resident = static_cast<Resident<F>*>(opened);
  Arguments<F>& a = resident->a;
  if (steps < 1 || (words && a.d.batch_size != 1)) return kBadSizes;
  Choice choice;
  if (words && !choice.read(words, count, std::min(a.d.input_size, a.d.output_size))) return kBadChoice;
  Unpacker<F>::renew(a, pointers);
  a.choice = words ? &choice : nullptr;
  if (words) a.chosen = static_cast<F*>(pointers[0]) + a.d.input_size;
  const Index done = resident->advance(steps);
  a.choice = nullptr;
  if (ran) *ran = done;
  return kDone;
}

template <class F> int snapshot(void* opened, void* const* pointers) {
  auto* resident = static_cast<Resident<F>*>(opened);
  Unpacker<F>::name_final(resident->a, pointers);
  resident->snapshot();
  return kDone;
}

template <class F> int close(void* opened) {
  delete static_cast<Resident<F>*>(opened);
  return kDone;
}

template <class F> int backward(const int64_t* sizes, const double* numbers, void* const* pointers) {
  const Dims d = dims_of(sizes);
  if (const int code = check(d)) return code;
  if (!d.keep_tape) return kBadSizes;
  Unpacker<F> unpacker(d, numbers, pointers);
  const Arguments<F>& a = unpacker.for_backward();
  return with_loops<F>(d, [&](auto loops) {
    const typename decltype(loops)::backward loop(a);
    return loop.interface_size() == d.interface_size ? run(a, loop) : int(kBadInterface);
  });
}

// sizes: rows [T · B], channels. pointers: logits, targets, mask, gradient. out: the loss.
template <class F> int loss_of_bits(const int64_t* sizes, const double* scale, void* const* pointers, double* out) {
  *out =
      bits_loss(static_cast<const F*>(pointers[0]), static_cast<const F*>(pointers[1]),
                static_cast<const uint8_t*>(pointers[2]), sizes[0], sizes[1], F(*scale), static_cast<F*>(pointers[3]));
  return kDone;
}

// sizes: how to clip, the number of parameters, the numbers in each. pointers: their values, gradients, averages,
// squares and step counts, one after another. out: the joint norm before clipping.
template <class F> int adam_step(const int64_t* sizes, const double* numbers, void* const* pointers, double* out) {
  if (sizes[0] < kClipNothing || sizes[0] > kClipElements) return kBadSizes;
  const Index count = sizes[1];
  F* const* of = reinterpret_cast<F* const*>(pointers);
  float* const* steps = reinterpret_cast<float* const*>(pointers + 4 * count);
  const Parameters<F> parameters{count, sizes + 2, of, of + count, of + 2 * count, of + 3 * count, steps};
  const AdamNumbers adam_numbers{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
  *out = adam(parameters, Clip(sizes[0]), adam_numbers);
  return kDone;
}

}  // namespace

#define TAPEHEAD_EXPORT(F, suffix)                                                                                \
  extern "C" int tapehead_layout_##suffix(const int64_t* sizes, int64_t* out) {                                   \
    return guarded([&] { return layout<F>(sizes, out); });                                                        \
  }                                                                                                               \
  extern "C" int tapehead_forward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) {  \
    return guarded([&] { return forward<F>(sizes, numbers, pointers); });                                         \
  }                                                                                                               \
  extern "C" int tapehead_decode_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers,     \
                                          const int64_t* words, int64_t count, int64_t* ran) {                    \
    return guarded([&] { return decode<F>(sizes, numbers, pointers, words, count, ran); });                       \
  }                                                                                                               \
  extern "C" int tapehead_open_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers,       \
                                        void** out) {                                                             \
    return guarded([&] { return open<F>(sizes, numbers, pointers, out); });                                       \
  }                                                                                                               \
  extern "C" int tapehead_advance_##suffix(void* opened, int64_t steps, void* const* pointers,                    \
                                           const int64_t* words, int64_t count, int64_t* ran) {                   \
    return guarded([&] { return advance<F>(opened, steps, pointers, words, count, ran); });                       \
  }                                                                                                               \
  extern "C" int tapehead_snapshot_##suffix(void* opened, void* const* pointers) {                                \
    return guarded([&] { return snapshot<F>(opened, pointers); });                                                \
  }                                                                                                               \
  extern "C" int tapehead_close_##suffix(void* opened) {                                                          \
    return guarded([&] { return close<F>(opened); });                                                             \
  }                                                                                                               \
  extern "C" int tapehead_backward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    return guarded([&] { return backward<F>(sizes, numbers, pointers); });                                        \
  }                                                                                                               \
  extern "C" int tapehead_bits_loss_##suffix(const int64_t* sizes, const double* scale, void* const* pointers,    \
                                             double* out) {                                                       \
    return guarded([&] { return loss_of_bits<F>(sizes, scale, pointers, out); });                                 \
  }                                                                                                               \
  extern "C" int tapehead_adam_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers,       \
                                        double* out) {                                                            \
    return guarded([&] { return adam_step<F>(sizes, numbers, pointers, out); });                                  \
  }

TAPEHEAD_EXPORT(float, float32)
TAPEHEAD_EXPORT(double, float64)

// The sentence that belongs to a code that is not 0.
extern "C" const char* tapehead_sentence(int code) { return sentence(code); }

// Names, each with a space behind it: of the sizes, and of the fields of a DNC's and of one NTM head's interface.
#define TAPEHEAD_NAME(name) #name " "
#define TAPEHEAD_FIELD_NAME(name, size) #name " "
extern "C" const char* tapehead_size_names() { return TAPEHEAD_DIMS(TAPEHEAD_NAME); }
extern "C" const char* tapehead_dnc_field_names() { return TAPEHEAD_DNC_FIELDS(TAPEHEAD_FIELD_NAME); }
extern "C" const char* tapehead_ntm_field_names() { return TAPEHEAD_NTM_FIELDS(TAPEHEAD_FIELD_NAME); }
extern "C" const char* tapehead_sparse_field_names() { return TAPEHEAD_SPARSE_FIELDS(TAPEHEAD_FIELD_NAME); }

// Sizes of the fields, in the order of their names.
#define TAPEHEAD_FIELD_SIZE(name, size) *out++ = size;
extern "C" void tapehead_dnc_field_sizes(const int64_t* sizes, int64_t* out) {
  const Dims d = dims_of(sizes);
  TAPEHEAD_DNC_FIELDS(TAPEHEAD_FIELD_SIZE)
}
extern "C" void tapehead_sparse_field_sizes(const int64_t* sizes, int64_t* out) {
  const Dims d = dims_of(sizes);
  TAPEHEAD_SPARSE_FIELDS(TAPEHEAD_FIELD_SIZE)
}
extern "C" void tapehead_ntm_field_sizes(const int64_t* sizes, int64_t* out) {
  const Dims d = dims_of(sizes);
  TAPEHEAD_NTM_FIELDS(TAPEHEAD_FIELD_SIZE)
}
