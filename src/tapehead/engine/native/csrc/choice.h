// How the next input is made from an output; Choice in ../../decoding.py says what that means.
#pragma once
#include <algorithm>
#include <vector>

#include "simd.h"

namespace tapehead {

class Choice {
  struct Part {
    Index rows, width;
    const int64_t* channels;  // [rows, width]
  };
  struct Kind {
    bool stops;
    Index count;
    const int64_t* parts;
  };
  std::vector<Part> parts;  // the first has a row of one channel for each kind
  std::vector<Kind> kinds;

 public:
  // words: the number of parts, and of each its rows, its width and its channels; then of each kind whether it ends the
  // loop, the number of its parts, and which. They are used as long as this is. False where they are no choice between
  // so many channels.
  bool read(const int64_t* words, Index count, Index channels) {
    const int64_t* const end = words + count;
    auto take = [&](Index n) {
      const int64_t* taken = n >= 0 && n <= end - words ? words : nullptr;
      if (taken) words += n;
      return taken;
    };
    auto all_below = [](const int64_t* numbers, Index n, Index bound) {
      return numbers && std::all_of(numbers, numbers + n, [&](int64_t x) { return x >= 0 && x < bound; });
    };
    const int64_t* const num_parts = take(1);
    if (!num_parts || *num_parts < 1 || *num_parts > count) return false;
    for (Index i = 0; i < *num_parts; i++) {
      const int64_t* shape = take(2);
      if (!shape || shape[0] < 1 || shape[1] < 1 || shape[0] > count / shape[1]) return false;
      parts.push_back({shape[0], shape[1], take(shape[0] * shape[1])});
      if (!all_below(parts[i].channels, shape[0] * shape[1], channels)) return false;
    }
    for (Index k = 0; k < parts[0].rows; k++) {
      const int64_t* head = take(2);
      if (!head) return false;
      kinds.push_back({head[0] != 0, head[1], take(head[1])});
      if (!all_below(kinds[k].parts, head[1], *num_parts)) return false;
    }
    return parts[0].width == 1 && words == end;
  }

  // Make the next input x [size] from output y; whether the loop goes on.
  template <class F> bool next(const F* y, F* x, Index size) const {
    std::memset(x, 0, sizeof(F) * size);
    const Kind& kind = kinds[feed(parts[0], y, x)];
    for (Index i = 0; i < kind.count; i++) feed(parts[kind.parts[i]], y, x);
    return !kind.stops;
  }

 private:
  // Set the channels of the best row to one; which row that is.
  template <class F> static Index feed(const Part& part, const F* y, F* x) {
    Index best = 0;
    double most = 0;
    for (Index row = 0; row < part.rows; row++) {
      double total = 0;
      for (Index i = 0; i < part.width; i++) total += double(y[part.channels[row * part.width + i]]);
      // NaN is greater than any number, and of equal ones the first counts.
      if (!row || total > most || (total != total && most == most)) best = row, most = total;
    }
    for (Index i = 0; i < part.width; i++) x[part.channels[best * part.width + i]] = 1;
    return best;
  }
};

}  // namespace tapehead
