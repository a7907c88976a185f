// In which order slots were written, with few links a slot (functional/_sparse_links.py). A step changes a few rows.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "simd.h"

namespace tapehead {

constexpr int kMaxLinks = 8;  // MAX_LINKS of functional/_sparse_links.py

// A slot with a number that belongs to it.
template <class F> struct Weighted {
  Index slot;
  F weight;
};

template <class F> using WeightedList = std::vector<Weighted<F>>;

// A slot once, with the sum of its numbers, in ascending order.
template <class F> void merge(WeightedList<F>& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.slot < b.slot; });
  size_t count = 0;
  for (const auto& next : list)
    if (count && list[count - 1].slot == next.slot)
      list[count - 1].weight += next.weight;
    else
      list[count++] = next;
  list.resize(count);
}

// The `most` largest positive numbers of a list of slots that differ, the largest first; among equals the lower slot.
template <class F> void keep_largest(const WeightedList<F>& list, size_t most, WeightedList<F>& kept) {
  kept.clear();
  for (const auto& one : list)
    if (one.weight > 0) kept.push_back(one);
  std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) {
    return a.weight > b.weight || (a.weight == b.weight && a.slot < b.slot);
  });
  kept.resize(std::min(kept.size(), most));
}

// Zeros that take memory where something is written.
template <class T> class Zeros {
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T[], Free> data;

 public:
  void begin(Index n) {
    data.reset(static_cast<T*>(std::calloc(n, sizeof(T))));
    if (n && !data) throw std::bad_alloc();
  }
  T& operator[](Index i) const { return data[i]; }
};

// A matrix of which a row has at most kMaxLinks numbers, all positive, none on the diagonal: the caller's arrays
// [N][kMaxLinks] of numbers and columns. A link keeps its place in the row as long as it is there; places without one
// hold zeros. The links of a column are a list. Places are counted from 1 on in all that begins as zeros, 0 being none.
template <class F> class LinkMatrix {
  F *weights = nullptr, *columns = nullptr;
  Zeros<uint8_t> order;              // [N][kMaxLinks]: the places of a row's links, the largest first
  Zeros<int32_t> first, next, prev;  // of a column; of a place, those in its column's list behind and before it
  Index rows = 0;                    // no link is in a row behind so many
  bool repeated = false;             // a row may have several links of a column, as no run makes them

  struct Link {
    F weight;
    Index column;
    Index place;  // in the row; −1: none yet
  };

  // Puts the links of a row in descending order; equal ones stay as they are.
  static void sort(Link* list, Index count) {
    for (Index i = 1; i < count; i++) {
      const Link one = list[i];
      Index k = i;
      for (; k > 0 && list[k - 1].weight < one.weight; k--) list[k] = list[k - 1];
      list[k] = one;
    }
  }

  Index links_of(Index row, Link* list) const {
    Index count = 0;
    for (; count < kMaxLinks && order[row * kMaxLinks + count]; count++) {
      const Index place = order[row * kMaxLinks + count] - 1, at = row * kMaxLinks + place;
      list[count] = {weights[at], Index(columns[at]), place};
    }
    return count;
  }

  // Whether no link of the same column stands before this one in its row, and the sum of them all.
  bool first_in_row(Index at) const {
    Link list[kMaxLinks];
    const Index row = at / kMaxLinks, count = links_of(row, list);
    for (Index i = 0; i < count; i++)
      if (list[i].column == Index(columns[at])) return list[i].place == at % kMaxLinks;
    return false;
  }
  F sum_in_row(Index row, Index column) const {
    Link list[kMaxLinks];
    F total = 0;
    for (Index i = 0, count = links_of(row, list); i < count; i++)
      if (list[i].column == column) total += list[i].weight;
    return total;
  }

  void enter(Index at) {
    int32_t& head = first[Index(columns[at])];
    next[at] = head, prev[at] = 0;
    if (head) prev[head - 1] = int32_t(at + 1);
    head = int32_t(at + 1);
  }
  void leave(Index at) {
    if (prev[at])
      next[prev[at] - 1] = next[at];
    else
      first[Index(columns[at])] = next[at];
    if (next[at]) prev[next[at] - 1] = prev[at];
    weights[at] = columns[at] = 0;
  }

  // The first kMaxLinks of a sorted list, as far as they are positive, are the row; the others leave it.
  void put(Index row, const Link* list, Index count) {
    Index kept = 0;
    bool used[kMaxLinks]{};
    while (kept < std::min<Index>(count, kMaxLinks) && list[kept].weight > 0) kept++;
    for (Index i = 0; i < count; i++) {
      if (list[i].place < 0) continue;
      if (i < kept)
        used[list[i].place] = true;
      else
        leave(row * kMaxLinks + list[i].place);
    }
    Index free = 0;
    for (Index i = 0; i < kMaxLinks; i++) {
      uint8_t& place = order[row * kMaxLinks + i];
      if (i >= kept) {
        place = 0;
        continue;
      }
      while (list[i].place < 0 && used[free]) free++;
      const Index at = list[i].place < 0 ? free : list[i].place;
      place = uint8_t(at + 1);
      weights[row * kMaxLinks + at] = list[i].weight;
      if (list[i].place >= 0) continue;
      used[at] = true;
      columns[row * kMaxLinks + at] = F(list[i].column);
      enter(row * kMaxLinks + at);
    }
    if (kept) rows = std::max(rows, row + 1);
  }

 public:
  // The caller's arrays, which are from now on changed here: zeros with all_fresh, else any numbers.
  void begin(Index N, F* of_weights, F* of_columns, bool all_fresh) {
    weights = of_weights, columns = of_columns, rows = all_fresh ? 0 : N, repeated = false;
    order.begin(N * kMaxLinks), next.begin(N * kMaxLinks), prev.begin(N * kMaxLinks), first.begin(N);
    for (Index at = 0; !all_fresh && at < N * kMaxLinks; at++) {
      const Index row = at / kMaxLinks;
      const F column = columns[at] > 0 ? std::min(std::nearbyint(columns[at]), F(N - 1)) : F(0);
      if (!(weights[at] > 0) || Index(column) == row) {
        weights[at] = columns[at] = 0;
        continue;
      }
      Index count = 0;
      for (; const Index place = order[row * kMaxLinks + count]; count++)
        repeated |= columns[row * kMaxLinks + place - 1] == column;
      order[row * kMaxLinks + count] = uint8_t(at % kMaxLinks + 1);
      columns[at] = column;
      enter(at);
    }
  }

  // Row ← kept · row + factor · added, of which the largest stay; the slots of `added` differ, the largest is first.
  void change(Index row, F kept, F factor, const WeightedList<F>& added) {
    Link list[2 * kMaxLinks];
    const Index old = links_of(row, list);
    Index count = old;
    for (Index i = 0; i < old; i++) list[i].weight *= kept;
    for (const auto& one : added) {
      if (one.slot == row) continue;
      const F weight = factor * one.weight;
      Index i = 0;
      while (i < old && !(list[i].column == one.slot && list[i].weight > 0)) i++;
      if (i < old)
        list[i].weight += weight;
      else if (weight > 0 && count < 2 * kMaxLinks)  // those behind are not among the largest
        list[count++] = {weight, one.slot, -1};
    }
    // Of the new ones there may be more than there is room for beside the old ones, but no more than a row takes.
    sort(list, count);
    put(row, list, count);
  }

  // Puts a row in order of which numbers have changed.
  void settle(Index row) {
    Link list[kMaxLinks];
    const Index count = links_of(row, list);
    for (Index i = 0; i < count; i++)
      if (!(list[i].weight > 0) || (i && list[i - 1].weight < list[i].weight)) {
        sort(list, count);
        return put(row, list, count);
      }
  }

  // Column ← kept · column; its rows go to `changed`, and are to be settled.
  void fade_column(Index column, F kept, std::vector<Index>& changed) {
    for (int32_t at = first[column]; at; at = next[at - 1]) {
      weights[at - 1] *= kept;
      changed.push_back((at - 1) / kMaxLinks);
    }
  }

  // use(row, number) of each row with a link of this column, once.
  template <class Use> void for_column(Index column, Use use) const {
    for (int32_t at = first[column]; at; at = next[at - 1]) {
      const Index row = (at - 1) / kMaxLinks;
      if (!repeated)
        use(row, weights[at - 1]);
      else if (first_in_row(at - 1))
        use(row, sum_in_row(row, column));
    }
  }
  template <class Use> void for_row(Index row, Use use) const {
    Link list[kMaxLinks];
    const Index count = links_of(row, list);
    for (Index i = 0; i < count; i++) use(list[i].column, list[i].weight);
  }

  // In order, to arrays of zeros of the same size or into the caller's own, which end with this.
  void finish(F* to_weights, F* to_columns) const {
    for (Index row = 0; row < rows; row++) {
      Link list[kMaxLinks];
      const Index count = links_of(row, list);
      for (Index i = 0; i < kMaxLinks; i++) {
        to_weights[row * kMaxLinks + i] = i < count ? list[i].weight : F(0);
        to_columns[row * kMaxLinks + i] = i < count ? F(list[i].column) : F(0);
      }
    }
  }
};

// Of each slot those written before and after it, and to what degree each was the last one written.
template <class F> class TemporalLinks {
  WeightedList<F> precedence, recent, written_now;
  std::vector<Index> changed;
  bool unsettled = false;  // as the caller gave it: rows in any order, any number of slots written last

 public:
  LinkMatrix<F> before, after;

  // Where before's and after's weights and slots lie, in this order; given: [N], or null where all is zero.
  void begin(Index N, F* const* arrays, const F* given) {
    before.begin(N, arrays[0], arrays[1], !given);
    after.begin(N, arrays[2], arrays[3], !given);
    precedence.clear();
    for (Index n = 0; given && n < N; n++)
      if (given[n] != 0) precedence.push_back({n, given[n]});
    unsettled = given != nullptr;
  }

  // After a write; `written`: slots in ascending order with the sum of their write weights.
  void update(Index N, const WeightedList<F>& written) {
    keep_largest(precedence, kMaxLinks, recent);
    keep_largest(written, written.size(), written_now);
    changed.clear();
    F total = 0;
    for (const auto& one : written_now) {
      before.change(one.slot, 1 - one.weight, one.weight, recent);
      after.fade_column(one.slot, 1 - one.weight, changed);
      total += one.weight;
    }
    for (const auto& one : precedence) after.change(one.slot, 1, one.weight, written_now);
    for (const Index row : changed) after.settle(row);
    for (Index n = 0; unsettled && n < N; n++) before.settle(n), after.settle(n);
    unsettled = false;
    for (auto& one : precedence) one.weight *= 1 - total;
    precedence.insert(precedence.end(), written_now.begin(), written_now.end());
    merge(precedence);
    keep_largest(precedence, kMaxLinks, recent);
    std::swap(precedence, recent);
  }

  // Into [N] that is zero.
  void spread_precedence(F* out) const {
    for (const auto& one : precedence) out[one.slot] = one.weight;
  }
};

}  // namespace tapehead
