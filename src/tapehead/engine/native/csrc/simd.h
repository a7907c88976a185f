// Vectors of F and the few functions of them that the engine needs.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace tapehead {

using Index = int64_t;

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

typedef float FloatVector __attribute__((vector_size(kVectorBytes)));
typedef double DoubleVector __attribute__((vector_size(kVectorBytes)));
typedef uint32_t UnsignedVector __attribute__((vector_size(kVectorBytes)));
typedef int32_t IntVector __attribute__((vector_size(kVectorBytes)));

template <class F> struct VectorOf;
template <> struct VectorOf<float> {
  using type = FloatVector;
};
template <> struct VectorOf<double> {
  using type = DoubleVector;
};
template <class F> using Vec = typename VectorOf<F>::type;
template <class F> constexpr int kLanes = kVectorBytes / sizeof(F);

// Numbers of lanes, for __builtin_shuffle.
template <class F> struct Lanes;
template <> struct Lanes<float> {
  using type = IntVector;
};
template <> struct Lanes<double> {
  typedef int64_t type __attribute__((vector_size(kVectorBytes)));
};

// Arrays over slots are padded to whole vectors, and the padding is kept at zero.
template <class F> constexpr Index padded(Index n) { return (n + kLanes<F> - 1) / kLanes<F> * kLanes<F>; }

template <class F> inline Vec<F> load(const F* p) {
  Vec<F> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class F> inline void store(F* p, Vec<F> v) { std::memcpy(p, &v, sizeof v); }
template <class F> inline Vec<F> splat(F x) { return x - Vec<F>{}; }

// The order of the additions is fixed, so that results do not depend on who calls.
template <class F> inline F sum(Vec<F> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(F) == 4)
    return _mm512_reduce_add_ps((__m512)v);
  else
    return _mm512_reduce_add_pd((__m512d)v);
#else
  F s = 0;
  for (int i = 0; i < kLanes<F>; i++) s += v[i];
  return s;
#endif
}

inline FloatVector exp_vector(FloatVector x) {
  // Cephes expf: x = n ln 2 + r, e^r by a polynomial, 2^n through the exponent bits.
  const auto underflow = x < -87.3f;
  x = x < -87.3f ? splat(-87.3f) : x;
  x = x > 88.3f ? splat(88.3f) : x;
  const FloatVector magic = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to a whole number
  const FloatVector shifted = x * 1.44269504088896341f + magic;
  const FloatVector n = shifted - magic;
  const FloatVector r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  FloatVector y = splat(1.9875691500e-4f);
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  // The lowest bits of n + magic are n; NaN, which has no whole number, stays NaN in y.
  UnsignedVector bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;
  FloatVector scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return underflow ? FloatVector{} : y * scale;
}

inline FloatVector log_vector(FloatVector x) {
  // Cephes logf for normal x > 0: x = 2^e · m with m in [√½, √2), log m by a polynomial.
  IntVector bits;
  std::memcpy(&bits, &x, sizeof bits);
  IntVector e = ((bits >> 23) & 0xff) - 126;
  bits = (bits & 0x007fffff) | 0x3f000000;
  FloatVector m;
  std::memcpy(&m, &bits, sizeof m);
  const auto small = m < 0.707106781186547524f;
  e = small ? e - 1 : e;
  m = (small ? m + m : m) - 1.0f;
  const FloatVector k = __builtin_convertvector(e, FloatVector);
  const FloatVector z = m * m;
  FloatVector y = splat(7.0376836292e-2f);
  y = y * m - 1.1514610310e-1f;
  y = y * m + 1.1676998740e-1f;
  y = y * m - 1.2420140846e-1f;
  y = y * m + 1.4249322787e-1f;
  y = y * m - 1.6668057665e-1f;
  y = y * m + 2.0000714765e-1f;
  y = y * m - 2.4999993993e-1f;
  y = y * m + 3.3333331174e-1f;
  y = y * m * z + k * -2.12194440e-4f - 0.5f * z;
  return m + y + k * 0.693359375f;
}

inline FloatVector tanh_vector(FloatVector x) {
  const FloatVector z = x * x;
  FloatVector y = splat(-5.70498872745e-3f);  // near zero a polynomial: 1 − 2 / (e^2x + 1) would cancel
  y = y * z + 2.06390887954e-2f;
  y = y * z - 5.37397155531e-2f;
  y = y * z + 1.33314422036e-1f;
  y = y * z - 3.33332819422e-1f;
  const FloatVector near = y * z * x + x;
  const FloatVector far = 1.0f - 2.0f / (exp_vector(x + x) + 1.0f);
  return z < 0.390625f ? near : far;
}

// float64 is the engine's proof, not its product: the library's functions, one lane at a time.
#define TAPEHEAD_LANEWISE(name, expression)                           \
  inline DoubleVector name(DoubleVector x) {                          \
    DoubleVector y{};                                                 \
    for (int i = 0; i < kLanes<double>; i++) y[i] = expression(x[i]); \
    return y;                                                         \
  }
TAPEHEAD_LANEWISE(exp_vector, std::exp)
TAPEHEAD_LANEWISE(log_vector, std::log)
TAPEHEAD_LANEWISE(tanh_vector, std::tanh)
#undef TAPEHEAD_LANEWISE

template <class V> inline V sigmoid_vector(V x) { return 1 / (1 + exp_vector(-x)); }

template <class F> inline F sigmoid(F x) { return 1 / (1 + std::exp(-x)); }
template <class F> inline F softplus(F x) { return x > 20 ? x : std::log1p(std::exp(x)); }
// d softplus / dx, from y = softplus(x).
template <class F> inline F softplus_slope(F y) { return -std::expm1(-y); }

// out[i] = f(in[i]) for i < n, of any length and alignment.
template <class F, class Function> inline void map(const F* in, F* out, Index n, Function f) {
  Index i = 0;
  for (; i + kLanes<F> <= n; i += kLanes<F>) store(out + i, f(load(in + i)));
  if (i < n) {
    Vec<F> v{};
    std::memcpy(&v, in + i, (n - i) * sizeof(F));
    v = f(v);
    std::memcpy(out + i, &v, (n - i) * sizeof(F));
  }
}

// The largest of x[0] … x[n − 1].
template <class F> inline F largest(const F* x, Index n) {
  F most = x[0];
  Index i = 0;
  if (n >= kLanes<F>) {
    Vec<F> m = load(x);
    for (i = kLanes<F>; i + kLanes<F> <= n; i += kLanes<F>) {
      const Vec<F> v = load(x + i);
      m = m > v ? m : v;
    }
    for (int lane = 0; lane < kLanes<F>; lane++) most = most > m[lane] ? most : m[lane];
  }
  for (; i < n; i++) most = most > x[i] ? most : x[i];
  return most;
}

// Into [−bound, bound], elementwise; bound 0: leave as they are.
template <class F> inline void clip(F* x, Index n, F bound) {
  if (bound <= 0) return;
  for (Index i = 0; i < n; i++) x[i] = x[i] > bound ? bound : x[i] < -bound ? -bound : x[i];
}

template <class F> inline F dot(const F* a, const F* b, Index n_padded) {
  Vec<F> s{};
  for (Index n = 0; n < n_padded; n += kLanes<F>) s += load(a + n) * load(b + n);
  return sum<F>(s);
}

}  // namespace tapehead
