// Reading along links (functional/_sparse_links.py): a read weighting is a mixture of what is similar to the key and of
// what was written before and after the slots last read. One read head, forward and backward. README.md derives it.
#pragma once
#include "sparse_state.h"

namespace tapehead {

template <class F> class ReadMixing {
  using Record = SparseRecord<F>;
  const Dims& d;
  const SparseFields at;
  const Index K, C;

 public:
  explicit ReadMixing(const Dims& dims) : d(dims), at(dims), K(dims.top_k), C(links_kept(dims)) {}

  // w = π_b b + π_c c + π_f f, of which the K largest positive ones stay: into now.slots and now.weights.
  void forward(Index r, const Record& last, Record& now, SparseLive<F>& live, SparseScratch<F>& s) const {
    gather(r, last, now, live, s.mixed);
    const F* pi = now.fields + at.read_modes + 3 * r;
    F* weights = now.weights + r * K;
    Best<F> best(K, weights, s.slots.data());
    for (const auto& one : s.mixed) {
      const F weight = pi[0] * one.backward + pi[1] * one.content + pi[2] * one.forward;
      if (weight > 0) best.offer(weight, one.slot);
    }
    for (Index k = 0; k < K; k++) {
      const Index i = r * K + k;
      const bool found = k < best.size();
      const Mixed<F> one = found ? s.mixed[live.mark[s.slots[k]] - 1] : Mixed<F>{-1, -1, 0, 0, 0};
      if (!found) weights[k] = 0;
      now.slots[i] = F(one.slot), now.place[i] = F(one.place);
      now.forward[i] = one.forward, now.backward[i] = one.backward;
    }
    for (const auto& one : s.mixed) live.mark[one.slot] = 0;
    if (d.keep_tape) keep_links(r, last, now, live);
  }

  // From the gradients of the K weights to those of the modes, of the similar slots' weights, and of the weights last
  // read; the last two begin as zeros.
  void backward(Index r, const Record& now, const F* d_weights, F* d_fields, F* d_content, F* d_last) const {
    const F* pi = now.fields + at.read_modes + 3 * r;
    F* d_pi = d_fields + at.read_modes + 3 * r;
    for (Index k = 0; k < K; k++) {
      const Index i = r * K + k;
      if (now.slots[i] < 0) continue;
      const F dw = d_weights[k];
      d_pi[0] += dw * now.backward[i];
      d_pi[2] += dw * now.forward[i];
      if (now.place[i] >= 0) {
        const Index place = Index(now.place[i]);
        d_pi[1] += dw * now.content[r * K + place];
        d_content[place] += pi[1] * dw;
      }
      for (Index way = 0; way < 2; way++) {
        const Index links = (2 * i + way) * C;
        for (Index c = links; c < links + C && now.link_places[c] >= 0; c++)
          d_last[Index(now.link_places[c])] += pi[way ? 0 : 2] * dw * now.link_weights[c];
      }
    }
  }

 private:
  // Every slot that is similar or linked to those last read, once; live.mark has one more than its place in the list.
  void gather(Index r, const Record& last, const Record& now, SparseLive<F>& live, std::vector<Mixed<F>>& mixed) const {
    mixed.clear();
    for (Index k = 0; k < K; k++) {
      const F slot = now.similar[r * K + k];
      if (slot < 0) continue;
      mixed.push_back({Index(slot), k, now.content[r * K + k], 0, 0});
      live.mark[Index(slot)] = int32_t(mixed.size());
    }
    auto of = [&](Index slot) -> Mixed<F>& {
      int32_t& mark = live.mark[slot];
      if (!mark) mixed.push_back({slot, -1, 0, 0, 0}), mark = int32_t(mixed.size());
      return mixed[mark - 1];
    };
    for (Index i = r * K; i < (r + 1) * K; i++) {
      const F read = last.weights[i];
      if (!(read > 0)) continue;
      const Index slot = Index(last.slots[i]);
      live.links.before.for_column(slot, [&](Index row, F link) { of(row).forward += link * read; });
      live.links.after.for_column(slot, [&](Index row, F link) { of(row).backward += link * read; });
    }
  }

  // Of the links of the slots read, those to slots last read.
  void keep_links(Index r, const Record& last, Record& now, SparseLive<F>& live) const {
    for (Index k = 0; k < K; k++)
      if (last.weights[r * K + k] > 0) live.mark[Index(last.slots[r * K + k])] = int32_t(k + 1);
    for (Index i = r * K; i < (r + 1) * K; i++)
      for (Index way = 0; way < 2; way++) {
        F *weights = now.link_weights + (2 * i + way) * C, *places = now.link_places + (2 * i + way) * C;
        Index count = 0;
        auto keep = [&](Index column, F link) {
          if (!live.mark[column]) return;
          const F place = F(live.mark[column] - 1);
          Index c = 0;
          while (c < count && places[c] != place) c++;
          if (c == count) weights[c] = 0, places[c] = place, count++;
          weights[c] += link;
        };
        if (now.slots[i] >= 0) (way ? live.links.after : live.links.before).for_row(Index(now.slots[i]), keep);
        if (count < C) places[count] = -1;
      }
    for (Index k = 0; k < K; k++)
      if (last.weights[r * K + k] > 0) live.mark[Index(last.slots[r * K + k])] = 0;
  }
};

}  // namespace tapehead
