// Content-based addressing of one sample, forward and backward. The memory lies transposed, [W][NP]: sums
// over a word then run along vectors of slots.
#pragma once
#include <limits>

#include "dims.h"

namespace tapehead {

constexpr double kEpsilon = 1e-6;

// out = softmax over the first N entries of `scale` · z, scale ≥ 0; the padding becomes zero.
template <class F> void softmax(const F* z, F scale, Index N, F* out) {
  const Index NP = padded<F>(N);
  const F top = scale * largest(z, N);
  Vec<F> total{};
  for (Index n = 0; n < NP; n += kLanes<F>) {
    Vec<F> e = exp_vector(scale * load(z + n) - top);
    if (n + kLanes<F> > N)
      for (Index i = N - n; i < kLanes<F>; i++) e[i] = 0;
    total += e;
    store(out + n, e);
  }
  const F norm = 1 / sum<F>(total);
  for (Index n = 0; n < NP; n += kLanes<F>) store(out + n, load(out + n) * norm);
}

// A DNC's modes π of one read head, from raw numbers and back to them.
template <class F> inline void softmax_of_modes(F* pi) {
  const F top = std::max(pi[0], std::max(pi[1], pi[2]));
  for (int i = 0; i < 3; i++) pi[i] = std::exp(pi[i] - top);
  const F total = pi[0] + pi[1] + pi[2];
  for (int i = 0; i < 3; i++) pi[i] /= total;
}
template <class F> inline void softmax_of_modes_backward(const F* pi, const F* d_pi, F* d_raw) {
  const F mean = pi[0] * d_pi[0] + pi[1] * d_pi[1] + pi[2] * d_pi[2];
  for (int i = 0; i < 3; i++) d_raw[i] = pi[i] * (d_pi[i] - mean);
}

// inverse[n] = 1 / sqrt(Σ_w (m_w M_wn)² + ε); mask null: all ones.
template <class F> inline Vec<F> inverse_norms_at(const F* M, const F* mask, Index W, Index NP, Index n) {
  Vec<F> s = splat(F(kEpsilon));
  for (Index w = 0; w < W; w++) {
    Vec<F> x = load(M + w * NP + n);
    if (mask) x *= mask[w];
    s += x * x;
  }
  for (int i = 0; i < kLanes<F>; i++) s[i] = 1 / std::sqrt(s[i]);
  return s;
}
template <class F> void inverse_norms(const F* M, const F* mask, Index W, Index NP, F* inverse) {
  for (Index n = 0; n < NP; n += kLanes<F>) store(inverse + n, inverse_norms_at<F>(M, mask, W, NP, n));
}

// queries[h] = key h, under its mask, over the key's norm; under the mask once more, which the row then need not be.
template <class F>
void queries_of(const F* keys, const F* masks, Index heads, Index W, F* queries) {
  for (Index h = 0; h < heads; h++) {
    F square = F(kEpsilon);
    for (Index w = 0; w < W; w++) {
      const F k = masks ? keys[h * W + w] * masks[h * W + w] : keys[h * W + w];
      square += k * k;
      queries[h * W + w] = masks ? k * masks[h * W + w] : k;
    }
    const F scale = 1 / std::sqrt(square);
    for (Index w = 0; w < W; w++) queries[h * W + w] *= scale;
  }
}

// From products with a query to similarities, and weights = softmax(β · similarity).
template <class F> void weigh_content(const F* inverse, Index N, F strength, F* similarity, F* weights) {
  for (Index n = 0; n < padded<F>(N); n += kLanes<F>) store(similarity + n, load(similarity + n) * load(inverse + n));
  softmax(similarity, strength, N, weights);
}

// For each head: similarity[n] = K[k∘m, M(n)∘m], weights = softmax(β · similarity).
// `inverse` holds the inverse norms of the memory: one row for all heads without masks, one row a head with.
// `queries` is scratch, heads × W.
template <class F>
void content_forward(const F* M, Index N, Index W, Index heads, const F* keys, const F* strengths, const F* masks,
                     const F* inverse, F* similarity, F* weights, F* queries) {
  const Index NP = padded<F>(N);
  queries_of(keys, masks, heads, W, queries);
  product<F, false>(queries, heads, W, plain(M, NP), W, NP, similarity, NP);
  for (Index h = 0; h < heads; h++)
    weigh_content(masks ? inverse + h * NP : inverse, N, strengths[h], similarity + h * NP, weights + h * NP);
}

// The backward pass of one head of content_forward: adds to d_key [W], d_strength, d_mask [W] (with a mask)
// and d_M [W][NP] what d_weights [NP] brings. `c1`, `c2` are scratch of NP.
template <class F>
void content_backward(const F* M, Index N, Index W, const F* key, F strength, const F* mask, const F* inverse,
                      const F* similarity, const F* weights, const F* d_weights, F* d_key, F* d_strength, F* d_mask,
                      F* d_M, F* c1, F* c2) {
  const Index NP = padded<F>(N);
  F square = F(kEpsilon);
  for (Index w = 0; w < W; w++) {
    const F k = mask ? key[w] * mask[w] : key[w];
    square += k * k;
  }
  const F key_inverse = 1 / std::sqrt(square);
  const F mean = dot(d_weights, weights, NP);
  Vec<F> strength_sum{}, along_key{};
  for (Index n = 0; n < NP; n += kLanes<F>) {
    const Vec<F> s = load(similarity + n), inv = load(inverse + n);
    const Vec<F> dz = load(weights + n) * (load(d_weights + n) - mean);  // zero in the padding
    strength_sum += dz * s;
    const Vec<F> ds = dz * strength;
    along_key += ds * s;
    store(c1 + n, ds * inv * key_inverse);
    store(c2 + n, ds * s * inv * inv);
  }
  *d_strength += sum<F>(strength_sum);
  const F key_shrink = sum<F>(along_key) * key_inverse * key_inverse;
  for (Index w = 0; w < W; w++) {
    const F m = mask ? mask[w] : F(1), m2 = m * m, q = key[w] * m2;
    Vec<F> d_query{}, d_norm{};
    for (Index n = 0; n < NP; n += kLanes<F>) {
      const Vec<F> x = load(M + w * NP + n), a = load(c1 + n), b = load(c2 + n) * x;
      d_query += a * x;
      if (mask) d_norm += b * x;
      store(d_M + w * NP + n, load(d_M + w * NP + n) + (a * q - b * m2));
    }
    const F dq = sum<F>(d_query);
    const F masked_shrink = key_shrink * key[w] * m;  // minus the gradient of k∘m through its own norm
    d_key[w] += dq * m2 - masked_shrink * m;
    if (mask) d_mask[w] += dq * 2 * key[w] * m - masked_shrink * key[w] - sum<F>(d_norm) * m;
  }
}

// words[h] = Σ_n weights[h][n] M[.][n], heads × W.
template <class F> void read_forward(const F* M, Index NP, Index W, Index heads, const F* weights, F* words) {
  for (Index w = 0; w < W; w++)
    for (Index h = 0; h < heads; h++) words[h * W + w] = dot(weights + h * NP, M + w * NP, NP);
}

// d_weights[h] += d_words[h]ᵀ M and d_M += Σ_h d_words[h] weights[h]ᵀ.
template <class F>
void read_backward(const F* M, Index NP, Index W, Index heads, const F* weights, const F* d_words, F* d_weights,
                   F* d_M) {
  product<F, true>(d_words, heads, W, plain(M, NP), W, NP, d_weights, NP);
  for (Index w = 0; w < W; w++)
    for (Index n = 0; n < NP; n += kLanes<F>) {
      Vec<F> d = load(d_M + w * NP + n);
      for (Index h = 0; h < heads; h++) d += d_words[h * W + w] * load(weights + h * NP + n);
      store(d_M + w * NP + n, d);
    }
}

}  // namespace tapehead
