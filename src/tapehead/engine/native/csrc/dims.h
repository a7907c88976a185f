// The sizes and switches of one run, as the caller passes them: an array of int64 in this order.
#pragma once
#include <algorithm>

#include "product.h"

namespace tapehead {

enum Kind { kNone = 0, kNTM = 1, kDNC = 2 };
constexpr int kMaxLayers = 16;

struct Dims {
  Index kind, T, B;
  Index X;     // numbers in an input
  Index Y;     // numbers in an output; 0: the caller has its own output layer
  Index H, L;  // units a controller layer, layers
  Index lstm;  // 1: deep LSTM, 0: feed-forward
  Index I;     // numbers in the interface vector
  Index N, W, R;
  Index writes, reach, read_first;                                        // NTM
  Index links, masked, deallocation, link_sharpening, usage_gradient;    // DNC
  Index interface_norm, output_bias;
  Index given_start;  // 0: the machine's constant start state, which the caller then does not pass
  Index threads;

  Index words() const { return R * W; }
  Index gates() const { return lstm ? 4 * H : H; }                       // rows of a layer's weight
  Index below(Index l) const { return l > 0 ? H : 0; }
  Index recurrent(Index l) const { return words() + (lstm ? H : 0) + below(l); }  // [r ; h_{t−1} ; h^{l−1}]
  Index inputs(Index l) const { return X + recurrent(l); }               // columns of a layer's weight
};

// Hands out consecutive aligned arrays of a buffer; over a null buffer it only adds up the size.
template <class F> struct Arena {
  F* base;
  Index used = 0;
  F* take(Index n) {
    F* p = base ? base + used : nullptr;
    used += padded<F>(n);
    return p;
  }
};

}  // namespace tapehead
