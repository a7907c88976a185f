// Which slot was not accessed for longest.
#pragma once
#include <algorithm>
#include <vector>

#include "simd.h"

namespace tapehead {

// Slots by (time of last access, slot). The times are the caller's array, which it changes as it likes as long as none
// becomes less: an entry of the heap whose time is no longer that of its slot gets the new one when it comes up. Slots
// never written, whose time is 0, are no entries: they are found by walking up.
template <class F> class Ages {
  struct Entry {
    F time;
    int32_t slot;
    bool operator<(const Entry& other) const {  // the heap's greatest is the oldest
      return time > other.time || (time == other.time && slot > other.slot);
    }
  };
  std::vector<Entry> heap;
  const F* times = nullptr;
  Index slots = 0, fresh = 0;

 public:
  void begin(const F* of_slots, Index count, bool all_fresh) {
    times = of_slots, slots = count, fresh = 0;
    heap.clear();
    for (Index n = 0; !all_fresh && n < count; n++)
      if (times[n] > 0) heap.push_back({times[n], int32_t(n)});
    std::make_heap(heap.begin(), heap.end());
  }

  // Takes the oldest slot out; it comes back by `put`. There must be one.
  Index take() {
    while (fresh < slots && times[fresh] > 0) fresh++;
    if (fresh < slots) return fresh++;
    while (heap.front().time != times[heap.front().slot]) {
      std::pop_heap(heap.begin(), heap.end());
      heap.back().time = times[heap.back().slot];
      std::push_heap(heap.begin(), heap.end());
    }
    std::pop_heap(heap.begin(), heap.end());
    const Index slot = heap.back().slot;
    heap.pop_back();
    return slot;
  }

  void put(Index slot) {
    heap.push_back({times[slot], int32_t(slot)});
    std::push_heap(heap.begin(), heap.end());
  }
};

}  // namespace tapehead
