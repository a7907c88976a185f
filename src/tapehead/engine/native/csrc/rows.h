// Gradients with respect to the rows of a memory of which few have any.
#pragma once
#include <vector>

#include "simd.h"

namespace tapehead {

template <class F> class RowGradients {
  Index width = 0;
  F* whole = nullptr;        // [N, W]: then every row has its place there
  const F* first = nullptr;  // [N, W], or null: what a row begins with, zeros
  std::vector<int32_t> slot_of, place;  // an open-addressed table from slots to rows
  std::vector<F> rows;

 public:
  void begin(Index W, F* all, const F* start) { width = W, whole = all, first = start, place.assign(64, -1); }

  // Row `slot`, until the next call.
  F* at(Index slot) {
    if (whole) return whole + slot * width;
    Index i = find(slot);
    if (place[i] < 0) {
      if (4 * slot_of.size() >= 3 * place.size()) grow(), i = find(slot);
      place[i] = int32_t(slot_of.size());
      slot_of.push_back(int32_t(slot));
      rows.resize(slot_of.size() * width, F(0));
      if (first) std::memcpy(rows.data() + Index(place[i]) * width, first + slot * width, sizeof(F) * width);
    }
    return rows.data() + Index(place[i]) * width;
  }

 private:
  Index find(Index slot) const {
    const Index mask = Index(place.size()) - 1;
    Index i = Index((uint64_t(slot) * 0x9E3779B97F4A7C15u) >> 32) & mask;
    while (place[i] >= 0 && slot_of[place[i]] != slot) i = (i + 1) & mask;
    return i;
  }
  void grow() {
    place.assign(2 * place.size(), -1);
    for (size_t row = 0; row < slot_of.size(); row++) place[find(slot_of[row])] = int32_t(row);
  }
};

}  // namespace tapehead
