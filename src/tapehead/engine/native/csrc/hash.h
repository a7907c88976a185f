// An index of the rows of a memory by the signs of random projections (functional/_hashing.py), of which a few rows
// change in every step.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "simd.h"

namespace tapehead {

// Each table has a list of slots for every code, linked both ways: next and prev [slot][table], −1 at the end; before
// the first stands −2 − code.
template <class F> class HashIndex {
  Index W = 0, tables = 0, bits = 0, probes = 0, columns = 0;
  std::vector<F> vectors;  // [W][columns], columns = tables · bits rounded up to whole vectors
  std::vector<F> margins;
  std::vector<int32_t> head;
  std::unique_ptr<int32_t[]> next, prev;  // takes memory where slots were added
  struct Place {
    int32_t slot, table;
  };
  std::vector<Place> lists;

  // The lowest bit of SplitMix64.
  static bool odd(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (x ^ (x >> 31)) & 1;
  }

  void project(const F* word) {
    for (Index c = 0; c < columns; c += kLanes<F>) {
      Vec<F> total{};
      for (Index w = 0; w < W; w++) total += word[w] * load(vectors.data() + w * columns + c);
      store(margins.data() + c, total);
    }
  }
  Index code(Index table) const {
    Index found = 0;
    for (Index b = 0; b < bits; b++) found |= Index(margins[table * bits + b] >= 0) << b;
    return found;
  }

 public:
  bool active() const { return tables > 0; }
  void clear() { tables = 0; }

  void begin(Index slots, Index word_size, Index table_count, Index bit_count, Index probe_count) {
    W = word_size, tables = table_count, bits = bit_count, probes = std::min(probe_count, bit_count);
    columns = padded<F>(tables * bits);
    vectors.assign(W * columns, F(0));
    for (Index c = 0; c < tables * bits; c++)
      for (Index w = 0; w < W; w++) vectors[w * columns + c] = odd((uint64_t(c) << 32) + uint64_t(w)) ? F(1) : F(-1);
    margins.resize(columns);
    head.assign(tables << bits, -1);
    next.reset(new int32_t[slots * tables]), prev.reset(new int32_t[slots * tables]);
  }

  // A slot that is in the index, before or after its word changes.
  void remove(Index slot) {
    for (Index t = 0; t < tables; t++) {
      const int32_t after = next[slot * tables + t], before = prev[slot * tables + t];
      if (before >= 0)
        next[Index(before) * tables + t] = after;
      else
        head[(t << bits) + (-2 - before)] = after;
      if (after >= 0) prev[Index(after) * tables + t] = before;
    }
  }

  void add(Index slot, const F* word) {
    project(word);
    for (Index t = 0; t < tables; t++) {
      const Index c = code(t);
      int32_t& first = head[(t << bits) + c];
      next[slot * tables + t] = first, prev[slot * tables + t] = int32_t(-2 - c);
      if (first >= 0) prev[Index(first) * tables + t] = int32_t(slot);
      first = int32_t(slot);
    }
  }

  // The slots whose code in a table is that of the key but for some of its least sure bits; some more than once.
  void candidates(const F* key, std::vector<int32_t>& found) {
    found.clear();
    lists.clear();
    project(key);
    Index least[64];
    for (Index t = 0; t < tables; t++) {
      const F* of_table = margins.data() + t * bits;
      for (Index b = 0; b < bits; b++) least[b] = b;
      std::partial_sort(least, least + probes, least + bits, [&](Index i, Index j) {
        const F a = std::abs(of_table[i]), b = std::abs(of_table[j]);
        return a < b || (a == b && i < j);
      });
      const Index wanted = code(t);
      for (Index flips = 0; flips < Index(1) << probes; flips++) {
        Index c = wanted;
        for (Index b = 0; b < probes; b++) c ^= (flips >> b & 1) << least[b];
        const int32_t first = head[(t << bits) + c];
        if (first >= 0) lists.push_back({first, int32_t(t)});
      }
    }
    // A slot of every list in turn: each comes from memory, and so they come at once.
    while (!lists.empty()) {
      size_t left = 0;
      for (const auto& at : lists) {
        found.push_back(at.slot);
        const int32_t after = next[Index(at.slot) * tables + at.table];
        if (after >= 0) lists[left++] = {after, at.table};
      }
      lists.resize(left);
    }
  }
};

}  // namespace tapehead
