// Weight gradients: large products over the rows of all steps.
#pragma once
#include <vector>

#include "dims.h"

namespace tapehead {

constexpr Index kBlock = 256;                    // rows and columns of the left factor that are packed at a time
constexpr Index kWorthThreads = Index(1) << 23;  // multiplications below which waking threads takes longer

// Several products leftᵀ · right over the same number of rows. Each number is summed over the rows in ascending
// order in blocks of kBlock, whoever computes it: results do not depend on the number of threads.
template <class F> class OuterProducts {
  struct Job {
    const F* left;  // [rows, M]
    Index left_row, M;
    const F* right;  // [rows, J]
    Index right_row, J;
    F *out, *sums;  // [M, J], and [M]: the sums of left's columns; null where nobody asks
  };
  std::vector<Job> jobs;

 public:
  void add(const F* left, Index left_row, Index M, const F* right, Index right_row, Index J, F* out, F* sums) {
    if (out || sums) jobs.push_back({left, left_row, M, right, right_row, J, out, sums});
  }

  Index multiplications() const {  // a row
    Index n = 0;
    for (const Job& job : jobs) n += job.out ? job.M * job.J : 0;
    return n;
  }

  // Numbers of scratch for one thread, J at most `widest`.
  static Index scratch(Index widest) { return kBlock * (kBlock + panel_width<F>() + padded<F>(widest)); }

  // Part `part` of `parts` of every product: a range of rows of its result.
  void run(Index rows, Index part, Index parts, F* scratch) const {
    for (const Job& job : jobs) {
      auto start = [&](Index p) { return p * job.M / parts; };
      if (!rows && job.out)
        std::memset(job.out + start(part) * job.J, 0, sizeof(F) * (start(part + 1) - start(part)) * job.J);
      if (job.sums) column_sums(job, rows, start(part), start(part + 1));
      for (Index m = start(part), end = start(part + 1); job.out && m < end; m += kBlock)
        block(job, rows, m, std::min(kBlock, end - m), scratch);
    }
  }

 private:
  static void column_sums(const Job& job, Index rows, Index from, Index to) {
    std::memset(job.sums + from, 0, sizeof(F) * (to - from));
    for (Index k = 0; k < rows; k++)
      for (Index m = from; m < to; m++) job.sums[m] += job.left[k * job.left_row + m];
  }

  // Rows [from, from + M) of the result, M ≤ kBlock.
  static void block(const Job& job, Index rows, Index from, Index M, F* scratch) {
    const Index width = panel_width<F>(), row = padded<F>(job.J);
    F *packed_left = scratch, *packed_right = packed_left + kBlock * kBlock, *sums = packed_right + kBlock * width;
    for (Index k = 0; k < rows; k += kBlock) {
      const Index K = std::min(kBlock, rows - k);
      const Panels<F> left = pack(job.left + k * job.left_row + from, job.left_row, 1, K, M, packed_left);
      for (Index j = 0; j < job.J; j += width) {
        const Index columns = std::min(width, job.J - j);
        const F* right = pack(job.right + k * job.right_row + j, job.right_row, 1, K, columns, packed_right).data;
        for (Index m = 0; m < M; m += kTileRows) {
          const F* one = left.data + m / width * left.panel + m % width;
          F* tile = sums + m * row + j;
          if (k == 0)
            tile_of<false>(one, right, K, columns, tile, row);
          else
            tile_of<true>(one, right, K, columns, tile, row);
          if (k + K < rows) continue;
          for (Index i = m; i < std::min(m + kTileRows, M); i++)
            std::memcpy(job.out + (from + i) * job.J + j, sums + i * row + j, sizeof(F) * columns);
        }
      }
    }
  }

  template <bool ADD> static void tile_of(const F* left, const F* right, Index K, Index columns, F* out,
                                          Index out_row) {
    const Index width = panel_width<F>();
    if (columns > kLanes<F>)
      tile<F, kTileRows, kPanelVectors, ADD, true>(left, width, right, width, K, out, out_row);
    else
      tile<F, kTileRows, 1, ADD, true>(left, width, right, width, K, out, out_row);
  }
};

}  // namespace tapehead
