// Which slot was not accessed for longest.
#pragma once
#include <algorithm>
#include <vector>

#include "simd.h"

namespace tapehead {

// Slots by (time of last access, slot). The times are the caller's array, which it changes as it likes as long as none
// becomes less: an entry of the heap whose time is no longer that of its slot gets the new one when it comes up. Slots
// never written, whose time is 0, are no entries: they are found by walking up. Of many slots only the oldest are
// entries, at most MOST; when these are used up, the times are searched for the next ones.
template <class F, Index MOST = Index(1) << 14> class Ages {
  struct Entry {
    F time;
    int32_t slot;
    bool older(const Entry& other) const { return time < other.time || (time == other.time && slot < other.slot); }
  };
  std::vector<Entry> heap;  // the first is the oldest
  std::vector<int32_t> taken;
  bool whole = true;  // every slot that was written and is not taken has an entry
  Entry edge{};       // otherwise those without one are not older than this
  const F* times = nullptr;
  Index slots = 0, fresh = 0;

  static bool younger(const Entry& a, const Entry& b) { return b.older(a); }
  bool outside(const Entry& entry) const { return !whole && !entry.older(edge); }

  // The younger half loses its entries.
  void halve() {
    const auto middle = heap.begin() + MOST / 2;
    std::nth_element(heap.begin(), middle, heap.end(), [](const Entry& a, const Entry& b) { return a.older(b); });
    edge = *middle, whole = false;
    heap.erase(middle, heap.end());
  }

  void enter(Index slot) {
    const Entry entry{times[slot], int32_t(slot)};
    if (outside(entry)) return;
    heap.push_back(entry);
    std::push_heap(heap.begin(), heap.end(), younger);
    if (Index(heap.size()) < MOST) return;
    halve();
    std::make_heap(heap.begin(), heap.end(), younger);
  }

  // Entries for the oldest slots, of which there are none.
  void find() {
    whole = true;
    for (Index n = 0; n < slots; n++) {
      const Entry entry{times[n], int32_t(n)};
      if (!(entry.time > 0) || outside(entry) || std::count(taken.begin(), taken.end(), entry.slot)) continue;
      heap.push_back(entry);
      if (Index(heap.size()) == MOST) halve();
    }
    std::make_heap(heap.begin(), heap.end(), younger);
  }

 public:
  void begin(const F* of_slots, Index count, bool all_fresh) {
    times = of_slots, slots = count, fresh = 0;
    heap.clear(), taken.clear();
    whole = all_fresh, edge = {};
  }

  // Takes the oldest slot out; it comes back by `put`. There must be one.
  Index take() {
    while (fresh < slots && times[fresh] > 0) fresh++;
    if (fresh < slots) return fresh++;
    for (;;) {
      if (heap.empty()) find();
      std::pop_heap(heap.begin(), heap.end(), younger);
      const Entry oldest = heap.back();
      heap.pop_back();
      if (oldest.time == times[oldest.slot]) {
        taken.push_back(oldest.slot);
        return oldest.slot;
      }
      enter(oldest.slot);
    }
  }

  void put(Index slot) {
    taken.erase(std::remove(taken.begin(), taken.end(), int32_t(slot)), taken.end());
    enter(slot);
  }
};

}  // namespace tapehead
