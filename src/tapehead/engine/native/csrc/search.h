// The rows of a memory that are most like a key: an exact scan that keeps the best so far.
#pragma once
#include <limits>
#include <vector>

#include "simd.h"

namespace tapehead {

// The K best of what is offered, best first; among equals the lower slot.
template <class F> class Best {
  Index most, count = 0;
  F* score;
  Index* slot;

 public:
  Best(Index K, F* scores, Index* slots) : most(K), score(scores), slot(slots) {}
  Index size() const { return count; }
  // What a score has to exceed, or to equal with a lower slot. NaN exceeds nothing.
  F threshold() const { return count < most ? -std::numeric_limits<F>::infinity() : score[count - 1]; }
  void offer(F s, Index n) {
    auto before = [&](Index k) { return s > score[k] || (s == score[k] && n < slot[k]); };
    if (!(s >= threshold()) || (count == most && !before(count - 1))) return;
    Index place = count;
    while (place > 0 && before(place - 1)) place--;
    if (place > 0 && slot[place - 1] == n) return;  // was offered before
    if (count < most) count++;
    for (Index k = count - 1; k > place; k--) score[k] = score[k - 1], slot[k] = slot[k - 1];
    score[place] = s, slot[place] = n;
  }
};

// The first n < kLanes numbers at p, and zeros.
template <class F> inline Vec<F> load_part(const F* p, Index n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(F) == 4)
    return (Vec<F>)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
  else
    return (Vec<F>)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
#else
  Vec<F> v{};
  std::memcpy(&v, p, n * sizeof(F));
  return v;
#endif
}

// a · b over n numbers of any alignment.
template <class F> inline F dot_of(const F* a, const F* b, Index n) {
  Vec<F> s{};
  Index i = 0;
  for (; i + kLanes<F> <= n; i += kLanes<F>) s += load(a + i) * load(b + i);
  if (i < n) s += load_part(a + i, n - i) * load_part(b + i, n - i);
  return sum<F>(s);
}

// y += factor · x over n numbers.
template <class F> inline void add_to(F* y, F factor, const F* x, Index n) {
  for (Index i = 0; i < n; i++) y[i] += factor * x[i];
}

// Lane i of the result is the sum of all lanes of v[i]; v is overwritten.
template <class F> inline Vec<F> sums_of(Vec<F>* v) {
  typename Lanes<F>::type even, odd;
  for (int i = 0; i < kLanes<F>; i++) even[i] = 2 * i, odd[i] = 2 * i + 1;
  for (int count = kLanes<F> / 2; count > 0; count /= 2)
    for (int i = 0; i < count; i++)
      v[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], even) + __builtin_shuffle(v[2 * i], v[2 * i + 1], odd);
  return v[0];
}

// Whether any lane of x exceeds y, or equals it.
template <class F> inline bool any_reaches(Vec<F> x, F y) {
#if defined(__AVX512F__)
  if constexpr (sizeof(F) == 4)
    return _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(y), _CMP_GE_OQ) != 0;
  else
    return _mm512_cmp_pd_mask((__m512d)x, _mm512_set1_pd(y), _CMP_GE_OQ) != 0;
#else
  for (int i = 0; i < kLanes<F>; i++)
    if (x[i] >= y) return true;
  return false;
#endif
}

// Whether every lane of x is less than y; NaN is not.
template <class F> inline bool all_below(Vec<F> x, F y) {
#if defined(__AVX512F__)
  if constexpr (sizeof(F) == 4)
    return _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(y), _CMP_LT_OQ) == 0xffff;
  else
    return _mm512_cmp_pd_mask((__m512d)x, _mm512_set1_pd(y), _CMP_LT_OQ) == 0xff;
#else
  for (int i = 0; i < kLanes<F>; i++)
    if (!(x[i] < y)) return false;
  return true;
#endif
}

// Offers query · row · inverse of each of the first `rows` rows of M [.., W] to `best`, for each of the heads.
// A row whose inverse is NaN is never among the best. queries: [heads, W].
template <class F>
void scan(const F* M, const F* inverse, Index rows, Index W, const F* queries, Index heads, Best<F>* best) {
  constexpr Index L = kLanes<F>;
  for (Index n = 0; n < rows; n += L) {
    const Index count = std::min<Index>(L, rows - n);
    const F* row[L];
    for (Index i = 0; i < L; i++) row[i] = M + (n + std::min<Index>(i, count - 1)) * W;
    const Vec<F> norms = count == L ? load(inverse + n) : load_part(inverse + n, count);
    for (Index h = 0; h < heads; h++) {
      const F* q = queries + h * W;
      Vec<F> v[L]{};
      Index w = 0;
      for (; w + L <= W; w += L) {
        const Vec<F> part = load(q + w);
        for (Index i = 0; i < L; i++) v[i] += part * load(row[i] + w);
      }
      if (w < W) {
        const Vec<F> part = load_part(q + w, W - w);
        for (Index i = 0; i < L; i++) v[i] += part * load_part(row[i] + w, W - w);
      }
      const Vec<F> found = sums_of<F>(v) * norms;
      if (!any_reaches<F>(found, best[h].threshold())) continue;
      for (Index i = 0; i < count; i++) best[h].offer(found[i], n + i);
    }
  }
}

}  // namespace tapehead
