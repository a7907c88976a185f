// What a training update needs beside the sequence: the loss of independent bits, clipping and Adam.
#pragma once
#include "simd.h"

namespace tapehead {

// Σ of the logistic cross-entropy over the steps that count, in nats, times `scale`; with its gradient.
template <class F>
double bits_loss(const F* logits, const F* targets, const uint8_t* mask, Index rows, Index channels, F scale,
                 F* gradient) {
  const Vec<F> zero{}, one = splat<F>(1);
  double nats = 0;
  for (Index row = 0; row < rows; row++) {
    const F *x = logits + row * channels, *t = targets + row * channels;
    F* g = gradient + row * channels;
    if (!mask[row]) {
      std::memset(g, 0, channels * sizeof(F));
      continue;
    }
    for (Index start = 0; start < channels; start += kLanes<F>) {
      const Index n = channels - start < kLanes<F> ? channels - start : kLanes<F>;
      Vec<F> logit{}, target{};
      std::memcpy(&logit, x + start, n * sizeof(F));
      std::memcpy(&target, t + start, n * sizeof(F));
      // max(x, 0) − x t + ln(1 + e^−|x|), whose slope is σ(x) − t.
      const Vec<F> positive = logit > zero ? logit : zero, size = positive + positive - logit;
      const Vec<F> tail = exp_vector(-size), more = one + tail;
      // ln(1 + z) = ln(m) z / (m − 1) for the rounded m = 1 + z; where that is 1, it is z itself.
      const Vec<F> gap = more == one ? one : more - one;
      const Vec<F> log = more == one ? tail : log_vector(more) * tail / gap;
      const Vec<F> cost = positive - logit * target + log;
      const Vec<F> slope = ((logit > zero ? one : tail) / more - target) * scale;
      for (Index i = 0; i < n; i++) nats += cost[i];
      std::memcpy(g + start, &slope, n * sizeof(F));
    }
  }
  return nats * scale;
}

// The tensors of an update, one pointer each.
template <class F> struct Parameters {
  Index count;
  const int64_t* sizes;
  F* const* values;
  F* const* gradients;
  F* const* averages;
  F* const* squares;
  float* const* steps;
};

enum Clip { kClipNothing, kClipNorm, kClipElements };

struct AdamNumbers {
  double rate, beta1, beta2, eps, decay, bound;
};

template <class F> double joint_norm(const Parameters<F>& p) {
  double squares = 0;
  for (Index k = 0; k < p.count; k++) {
    const F* g = p.gradients[k];
    Index i = 0;
    // A few thousand float32 squares at a time: the sum of all of them would round too coarsely.
    while (i + kLanes<F> <= p.sizes[k]) {
      Vec<F> part{};
      for (Index end = i + 128 * kLanes<F>; i < end && i + kLanes<F> <= p.sizes[k]; i += kLanes<F>)
        part += load(g + i) * load(g + i);
      squares += sum<F>(part);
    }
    for (; i < p.sizes[k]; i++) squares += double(g[i]) * g[i];
  }
  return std::sqrt(squares);
}

// Clip and take one step of Adam (Kingma and Ba 2015, algorithm 1) after a decay of the weights that the gradient does
// not see (Loshchilov and Hutter 2019, algorithm 2); nothing happens unless all is finite.
// Returns the joint norm before clipping.
template <class F> double adam(const Parameters<F>& p, Clip clip, const AdamNumbers& n) {
  const double norm = joint_norm(p);
  if (!std::isfinite(norm)) return norm;
  const F scale = clip == kClipNorm && norm > n.bound ? F(n.bound / norm) : F(1);
  const F bound = F(n.bound), keep1 = F(n.beta1), keep2 = F(n.beta2), new1 = F(1 - n.beta1), new2 = F(1 - n.beta2),
          keep = F(1 - n.rate * n.decay);
  for (Index k = 0; k < p.count; k++) {
    const double step = *p.steps[k] += 1;
    const F rate = F(n.rate / (1 - std::pow(n.beta1, step))), root = F(1 / std::sqrt(1 - std::pow(n.beta2, step))),
            eps = F(n.eps);
    F *value = p.values[k], *average = p.averages[k], *square = p.squares[k];
    const F* gradient = p.gradients[k];
    for (Index i = 0; i < p.sizes[k]; i++) {
      F g = gradient[i] * scale;
      if (clip == kClipElements) g = g > bound ? bound : g < -bound ? -bound : g;
      average[i] = keep1 * average[i] + new1 * g;
      square[i] = keep2 * square[i] + new2 * g * g;
      value[i] = keep * value[i] - rate * average[i] / (std::sqrt(square[i]) * root + eps);
    }
  }
  return norm;
}

}  // namespace tapehead
