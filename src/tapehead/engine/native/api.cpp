// The C interface: the caller (engine/native.py) passes sizes, pointers and buffers, and gets no exception.
#include "sequence.h"

using namespace tapehead;

namespace {

// Pointers arrive in one array, in the order in which they are read here.
template <class F> Arguments<F> unpack(const int64_t* sizes, const double* numbers, void* const* pointers) {
  Arguments<F> a{};
  std::memcpy(&a.d, sizes, sizeof a.d);
  a.mask_min = numbers[0];
  a.controller_bound = numbers[1];
  a.weighting_bound = numbers[2];
  auto next = [&] { return static_cast<F*>(*pointers++); };
  a.x = next();
  a.lengths = reinterpret_cast<const int64_t*>(next());
  for (Index l = 0; l < a.d.L; l++) a.weight[l] = next(), a.bias[l] = next();
  a.interface_weight = next();
  a.interface_bias = next();
  a.norm_weight = next();
  a.norm_bias = next();
  const Index pieces = kStatePieces + (a.d.lstm ? 2 * a.d.L : 0);
  for (Index i = 0; i < pieces; i++) a.initial[i] = next();
  a.tape = next();
  a.scratch = next();
  a.features = next();
  a.words = next();
  for (Index i = 0; i < pieces; i++) a.final[i] = next();
  a.d_features = next();
  a.d_words = next();
  for (Index i = 0; i < pieces; i++) a.d_final[i] = next();
  a.gradients = next();
  for (Index i = 0; i < pieces; i++) a.d_initial[i] = next();
  return a;
}

template <class F, class Work> int with_sequence(const Arguments<F>& a, Work work) {
  switch (a.d.kind) {
    case kNone: work(Sequence<F, NoMemory<F>>(a)); return 0;
    case kNTM: work(Sequence<F, NTMMemory<F>>(a)); return 0;
    case kDNC: work(Sequence<F, DNCMemory<F>>(a)); return 0;
    default: return 1;
  }
}

// out: tape, forward scratch, backward scratch, gradients (elements); then offset and row length of d_interface,
// d_normed, normed (in the tape); then for each layer offset and row length of z (tape) and of d_gates.
template <class F> int layout(const int64_t* sizes, int64_t* out) {
  Arguments<F> a{};
  std::memcpy(&a.d, sizes, sizeof a.d);
  return with_sequence(a, [&](const auto& sequence) {
    const auto& at = sequence.layout();
    *out++ = at.tape_size;
    *out++ = sequence.forward_scratch();
    *out++ = sequence.backward_scratch();
    *out++ = at.gradients_size;
    *out++ = at.d_interface, *out++ = at.interface_row;
    *out++ = at.d_normed, *out++ = at.interface_row;
    *out++ = at.normed, *out++ = at.interface_row;
    for (Index l = 0; l < a.d.L; l++) *out++ = at.z[l], *out++ = at.z_row[l], *out++ = at.d_gates[l], *out++ = at.gates_row;
  });
}

}  // namespace

#define TAPEHEAD_EXPORT(F, suffix)                                                                             \
  extern "C" int tapehead_layout_##suffix(const int64_t* sizes, int64_t* out) { return layout<F>(sizes, out); } \
  extern "C" int tapehead_forward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    const Arguments<F> a = unpack<F>(sizes, numbers, pointers);                                                \
    return with_sequence(a, [](const auto& sequence) { sequence.forward(); });                                 \
  }                                                                                                            \
  extern "C" int tapehead_backward_##suffix(const int64_t* sizes, const double* numbers, void* const* pointers) { \
    const Arguments<F> a = unpack<F>(sizes, numbers, pointers);                                                \
    return with_sequence(a, [](const auto& sequence) { sequence.backward(); });                                \
  }

TAPEHEAD_EXPORT(float, float32)
TAPEHEAD_EXPORT(double, float64)

extern "C" int tapehead_size_count() { return sizeof(Dims) / sizeof(Index); }
