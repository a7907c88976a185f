// The C interface: the caller (engine/native.py) passes sizes, pointers and buffers, and gets no exception.
#include "sequence.h"
#include "training.h"

using namespace tapehead;

namespace {

// Pointers arrive in one array, in the order in which they are read here; what a machine does not have is left out.
template <class F> class Unpacker {
  void* const* pointers;

 public:
  Arguments<F> a{};
  Unpacker(const int64_t* sizes, const double* numbers, void* const* given) : pointers(given) {
    std::memcpy(&a.d, sizes, sizeof a.d);
    a.mask_min = numbers[0];
    a.controller_bound = numbers[1];
    a.weighting_bound = numbers[2];
    a.initial_memory = numbers[3];
    a.x = next();
    a.lengths = reinterpret_cast<const int64_t*>(next());
    weights(a.weight, a.bias, a.interface_weight, a.interface_bias, a.norm_weight, a.norm_bias, a.output_features, a.output_words, a.output_bias);
    if (a.d.given_start) state(a.initial);
    a.tape = next();
    a.scratch = next();
    a.features = next();
    a.words = next();
  }

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
    weights(a.d_weight, a.d_bias, a.d_interface_weight, a.d_interface_bias, a.d_norm_weight, a.d_norm_bias, a.d_output_features,
            a.d_output_words, a.d_output_bias);
    if (a.d.given_start) state(a.d_initial);
    return a;
  }

 private:
  F* next() { return static_cast<F*>(*pointers++); }

  template <class P>
  void weights(P* weight, P* bias, P& interface, P& interface_bias, P& norm, P& norm_bias, P& output_features, P& output_words, P& output_bias) {
    const Dims& d = a.d;
    for (Index l = 0; l < d.L; l++) weight[l] = next(), bias[l] = next();
    if (d.I) interface = next();
    if (d.kind == kNTM) interface_bias = next();
    if (d.interface_norm) norm = next(), norm_bias = next();
    if (d.Y) output_features = next();
    if (d.Y && d.words()) output_words = next();
    if (d.output_bias) output_bias = next();
  }

  template <class P> void state(P* piece) {
    const Dims& d = a.d;
    const bool present[kStatePieces] = {true, d.kind == kDNC, d.links != 0, d.links != 0, true, true, true};
    for (Index i = 0; i < kStatePieces; i++) piece[i] = d.kind != kNone && present[i] ? next() : nullptr;
    for (Index i = 0; d.lstm && i < 2 * d.L; i++) piece[kStatePieces + i] = next();
  }
};

template <class F, class Work> int with_sequence(const Arguments<F>& a, Work work) {
  switch (a.d.kind) {
    case kNone: work(Sequence<F, NoMemory<F>>(a)); return 0;
    case kNTM: work(Sequence<F, NTMMemory<F>>(a)); return 0;
    case kDNC: work(Sequence<F, DNCMemory<F>>(a)); return 0;
    default: return 1;
  }
}

// out: the numbers that tape, forward scratch and backward scratch take.
template <class F> int layout(const int64_t* sizes, int64_t* out) {
  Arguments<F> a{};
  std::memcpy(&a.d, sizes, sizeof a.d);
  return with_sequence(a, [&](const auto& sequence) {
    out[0] = sequence.layout().tape_size;
    out[1] = sequence.forward_scratch();
    out[2] = sequence.backward_scratch();
  });
}

// sizes: rows [T · B], channels. pointers: logits, targets, mask, gradient.
template <class F> double loss_of_bits(const int64_t* sizes, double scale, void* const* pointers) {
  return bits_loss(static_cast<const F*>(pointers[0]), static_cast<const F*>(pointers[1]), static_cast<const uint8_t*>(pointers[2]),
                   sizes[0], sizes[1], F(scale), static_cast<F*>(pointers[3]));
}

// sizes: how to clip, the number of parameters, the numbers in each. pointers: their values, gradients, averages,
// squares and step counts, one after another.
template <class F> double adam_step(const int64_t* sizes, const double* numbers, void* const* pointers) {
  const Index count = sizes[1];
  F* const* of = reinterpret_cast<F* const*>(pointers);
  const Parameters<F> parameters{count, sizes + 2, of, of + count, of + 2 * count, of + 3 * count, reinterpret_cast<float* const*>(pointers + 4 * count)};
  return adam(parameters, Clip(sizes[0]), AdamNumbers{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]});
}

}  // namespace

#define TAPEHEAD_EXPORT(F, suffix)                                                                             \
  extern "C" int tapehead_layout_##suffix(const int64_t* sizes, int64_t* out) { return layout<F>(sizes, out); } \
  extern "C" int tapehead_forward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    Unpacker<F> unpacker(sizes, numbers, pointers);                                                            \
    return with_sequence(unpacker.for_forward(), [](const auto& sequence) { sequence.forward(); });            \
  }                                                                                                            \
  extern "C" int tapehead_backward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    Unpacker<F> unpacker(sizes, numbers, pointers);                                                            \
    return with_sequence(unpacker.for_backward(), [](const auto& sequence) { sequence.backward(); });          \
  }                                                                                                            \
  extern "C" double tapehead_bits_loss_##suffix(const int64_t* sizes, double scale, void* const* pointers) {    \
    return loss_of_bits<F>(sizes, scale, pointers);                                                            \
  }                                                                                                            \
  extern "C" double tapehead_adam_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    return adam_step<F>(sizes, numbers, pointers);                                                             \
  }

TAPEHEAD_EXPORT(float, float32)
TAPEHEAD_EXPORT(double, float64)

extern "C" int tapehead_size_count() { return sizeof(Dims) / sizeof(Index); }
