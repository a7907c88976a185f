// A run that goes on from call to call: what the next step needs stays where the last one left it.
#pragma once
#include "forward.h"

namespace tapehead {

// Of any kind of memory. The caller keeps tape and scratch, and with sparse access the memory and the times of access,
// as long as it keeps this.
template <class F> class Resident {
 public:
  virtual ~Resident() = default;
  // So many steps on a.x, with the weights and buffers that a names now; how many ran.
  virtual Index advance(Index steps) = 0;
  // The state after the last step, into a.final.
  virtual void snapshot() = 0;
  Arguments<F> a;

 protected:
  explicit Resident(const Arguments<F>& arguments) : a(arguments) {}
};

template <class F, class Memory> class ResidentOf final : public Resident<F> {
  using Loop = Forward<F, Memory>;
  using Resident<F>::a;
  const Loop loop;
  std::vector<typename Loop::Scratch> scratch;  // of each chunk
  // The step to come. The first is an even one after the first two: what is before it lies in rows of the tape.
  Index step = 2;

 public:
  explicit ResidentOf(const Arguments<F>& arguments) : Resident<F>(arguments), loop(a) {
    Arena<F> arena{a.scratch};
    loop.lay_out(arena, false);
    for (Index c = 0; c < loop.chunks(); c++) scratch.emplace_back(loop, loop.chunk_rows(c), arena);
    for (Index c = 0; c < loop.chunks(); c++) loop.begin(loop.chunk_start(c), loop.chunk_start(c + 1), scratch[c]);
    const Index H = a.d.hidden_size;
    for (Index b = 0; b < a.d.batch_size; b++)
      for (Index l = 0; a.d.lstm && l < a.d.num_layers; l++)
        Loop::copy_or_zero(loop.cell(l, loop.tape_row(step - 1, b)), Loop::part(loop.initial_cell(l), b, H), H);
  }

  // The buffers are the caller's again.
  ~ResidentOf() override {
    open_redzones(a.tape, kRedzone<F> ? loop.tape_size() : 0);
    open_redzones(a.scratch, kRedzone<F> ? loop.scratch_size() : 0);
  }

  Index advance(Index steps) override {
    Arena<F> arena{a.scratch};
    const auto weights = loop.lay_out(arena, loop.packing_pays(steps));
    Index ran = steps;
    in_parallel(loop.chunks(), [&](Index c) {
      const Index done = loop.run_steps(loop.chunk_start(c), loop.chunk_start(c + 1), step, steps, weights, scratch[c]);
      if (a.choice) ran = done;  // of one sequence
    });
    step += ran;
    return ran;
  }

  void snapshot() override {
    for (Index c = 0; c < loop.chunks(); c++) {
      if constexpr (Memory::kSparse) export_sparsely(loop.chunk_start(c), scratch[c].live);
      loop.end(loop.chunk_start(c), loop.chunk_start(c + 1), step, scratch[c]);
    }
  }

 private:
  void export_sparsely(Index from, const std::vector<typename Memory::Live>& live) const {
    const Index N = a.d.memory_size, numbers = N * a.d.word_size;
    for (Index i = 0; i < Index(live.size()); i++) {
      const auto to = loop.sparse_arrays(a.final, from + i);
      if (to.memory != live[i].M) std::memcpy(to.memory, live[i].M, sizeof(F) * numbers);
      if (to.usage != live[i].usage) std::memcpy(to.usage, live[i].usage, sizeof(F) * N);
    }
  }
};

}  // namespace tapehead
