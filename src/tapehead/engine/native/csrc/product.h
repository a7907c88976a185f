// Matrix products whose accumulators stay in registers.
#pragma once
#include <algorithm>
#include <utility>

#include "simd.h"

namespace tapehead {

#if defined(__AVX512F__)
constexpr int kTileRows = 8;  // 8 rows × 2 vectors: 16 of the 32 vector registers accumulate
#else
constexpr int kTileRows = 4;  // 4 × 2 of 16
#endif
constexpr int kPanelVectors = 2;

// A right-hand side [K, J] cut into panels of columns: packed (each panel contiguous) or a plain row-major
// matrix whose row length is a whole number of vectors.
template <class F> struct Panels {
  const F* data;
  Index row;    // from one row of a panel to the next
  Index panel;  // from one panel to the next
};

template <class F> constexpr Index panel_width() { return kPanelVectors * kLanes<F>; }

template <class F> inline Panels<F> plain(const F* matrix, Index row_length) {
  return {matrix, row_length, panel_width<F>()};
}

// Elements that a packed [K, J] takes.
template <class F> inline Index packed_size(Index K, Index J) {
  return K * ((J + panel_width<F>() - 1) / panel_width<F>()) * panel_width<F>();
}

// Of two vectors, the lower or the upper halves of both, one number of each in turn.
template <class F, int... I> inline typename Lanes<F>::type halves(bool upper, std::integer_sequence<int, I...>) {
  constexpr int L = kLanes<F>;
  const int from = upper ? L / 2 : 0;
  return typename Lanes<F>::type{(I & 1 ? L + I / 2 : I / 2)...} + from;
}

// Lane i of v[j] becomes lane j of v[i], of kLanes vectors. The loops are unrolled, because a shuffle whose lanes are
// known only when it runs takes many times as long.
template <class F> __attribute__((always_inline)) inline void transpose(Vec<F>* v) {
  constexpr int L = kLanes<F>;
  using Each = std::make_integer_sequence<int, L>;
  // Each round turns the bits of a number's place, row and lane, by one: after log2 L rounds the two have changed roles.
#pragma GCC unroll 4
  for (int size = 1; size < L; size *= 2) {
    Vec<F> turned[L];
#pragma GCC unroll 8
    for (int i = 0; i < L / 2; i++) {
      turned[2 * i] = __builtin_shuffle(v[i], v[i + L / 2], halves<F>(false, Each()));
      turned[2 * i + 1] = __builtin_shuffle(v[i], v[i + L / 2], halves<F>(true, Each()));
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; i++) v[i] = turned[i];
  }
}

#if defined(__AVX512F__)
// v[i] = column i of a whole block. Rows r, r + 4, r + 8 and r + 12 are put into one vector as they are loaded, four
// numbers of each: half of the rounds of `transpose` remain, and loading takes no longer.
__attribute__((always_inline)) inline void load_block(const float* rows, Index row, FloatVector* v) {
#pragma GCC unroll 4
  for (int k = 0; k < 16; k += 4) {
    __m512 of[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const float* quarter = rows + r * row + k;
      of[r] = _mm512_castps128_ps512(_mm_loadu_ps(quarter));
      of[r] = _mm512_insertf32x4(of[r], _mm_loadu_ps(quarter + 4 * row), 1);
      of[r] = _mm512_insertf32x4(of[r], _mm_loadu_ps(quarter + 8 * row), 2);
      of[r] = _mm512_insertf32x4(of[r], _mm_loadu_ps(quarter + 12 * row), 3);
    }
    const __m512d lower[] = {(__m512d)_mm512_unpacklo_ps(of[0], of[1]), (__m512d)_mm512_unpacklo_ps(of[2], of[3])};
    const __m512d upper[] = {(__m512d)_mm512_unpackhi_ps(of[0], of[1]), (__m512d)_mm512_unpackhi_ps(of[2], of[3])};
    v[k] = (FloatVector)_mm512_unpacklo_pd(lower[0], lower[1]);
    v[k + 1] = (FloatVector)_mm512_unpackhi_pd(lower[0], lower[1]);
    v[k + 2] = (FloatVector)_mm512_unpacklo_pd(upper[0], upper[1]);
    v[k + 3] = (FloatVector)_mm512_unpackhi_pd(upper[0], upper[1]);
  }
}
template <class F> constexpr bool kLoadsBlocks = sizeof(F) == 4;
#else
inline void load_block(const float*, Index, FloatVector*) {}
template <class F> constexpr bool kLoadsBlocks = false;
#endif

// v[i] = column i of `count` rows of K numbers, from `rows` on; what is beyond them is zero. Both may be less than a
// vector has.
template <class F> __attribute__((always_inline)) inline void load_columns(const F* rows, Index row, Index count, Index K,
                                                                           Vec<F>* v) {
  constexpr Index L = kLanes<F>;
  if (count >= L && K >= L) {
    if constexpr (kLoadsBlocks<F>) return load_block(rows, row, v);
#pragma GCC unroll 16
    for (Index i = 0; i < L; i++) v[i] = load(rows + i * row);
  } else {
    for (Index i = 0; i < L; i++) {
      v[i] = Vec<F>{};
      if (i < count) std::memcpy(&v[i], rows + i * row, sizeof(F) * std::min(L, K));
    }
  }
  transpose<F>(v);
}

// Where the block begins that holds column k: the last one begins within the one before it.
template <class F> inline Index block_start(Index k, Index K) { return std::max<Index>(0, std::min(k, K - kLanes<F>)); }

// Pack element (k, j) = source[k · k_step + j · j_step], of which one step is 1, columns beyond J as zeros.
template <class F> Panels<F> pack(const F* source, Index k_step, Index j_step, Index K, Index J, F* out) {
  constexpr Index L = kLanes<F>;
  const Index width = panel_width<F>();
  for (Index j0 = 0, p = 0; j0 < J; j0 += width, p++) {
    F* panel = out + p * width * K;
    const Index columns = std::min(width, J - j0);
    if (columns < width) std::memset(panel, 0, sizeof(F) * width * K);
    if (j_step == 1) {
      for (Index k = 0; k < K; k++) std::memcpy(panel + k * width, source + k * k_step + j0, sizeof(F) * columns);
      continue;
    }
    for (Index j = 0; j < columns; j += L)
      for (Index k0 = 0; k0 < K; k0 += L) {
        const Index k = block_start<F>(k0, K);
        Vec<F> v[L];
        load_columns(source + (j0 + j) * j_step + k, j_step, columns - j, K, v);
#pragma GCC unroll 16
        for (Index i = 0; i < L; i++)
          if (k + i < K) store(panel + (k + i) * width + j, v[i]);
      }
  }
  return {out, width, width * K};
}

// With TRANSPOSED, A is stored the other way round: a_row is from one k to the next.
template <class F, int ROWS, int VECTORS, bool ADD, bool TRANSPOSED = false>
inline void tile(const F* A, Index a_row, const F* B, Index b_row, Index K, F* C, Index c_row) {
  Vec<F> acc[ROWS][VECTORS];
  for (int m = 0; m < ROWS; m++)
    for (int v = 0; v < VECTORS; v++) acc[m][v] = ADD ? load(C + m * c_row + v * kLanes<F>) : Vec<F>{};
  for (Index k = 0; k < K; k++) {
    Vec<F> b[VECTORS];
    for (int v = 0; v < VECTORS; v++) b[v] = load(B + k * b_row + v * kLanes<F>);
    for (int m = 0; m < ROWS; m++) {
      const F a = TRANSPOSED ? A[k * a_row + m] : A[m * a_row + k];
      for (int v = 0; v < VECTORS; v++) acc[m][v] += a * b[v];
    }
  }
  for (int m = 0; m < ROWS; m++)
    for (int v = 0; v < VECTORS; v++) store(C + m * c_row + v * kLanes<F>, acc[m][v]);
}

template <class F, int VECTORS, bool ADD>
inline void column_of_tiles(const F* A, Index rows, Index a_row, const F* B, Index b_row, Index K, F* C, Index c_row) {
  Index m = 0;
  for (; m + kTileRows <= rows; m += kTileRows)
    tile<F, kTileRows, VECTORS, ADD>(A + m * a_row, a_row, B, b_row, K, C + m * c_row, c_row);
  A += m * a_row;
  C += m * c_row;
  switch (rows - m) {
    case 7: tile<F, 7, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 6: tile<F, 6, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 5: tile<F, 5, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 4: tile<F, 4, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 3: tile<F, 3, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 2: tile<F, 2, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    case 1: tile<F, 1, VECTORS, ADD>(A, a_row, B, b_row, K, C, c_row); break;
    default: break;
  }
}

// One tile of a few rows and kPanelsAtOnce panels: with fewer sums at once, each would wait for its last addition.
constexpr int kPanelsAtOnce = 4, kFewRows = 2;

template <class F, int ROWS, bool ADD> inline void wide_tile(const F* A, Index a_row, Panels<F> B, Index K, F* C,
                                                             Index c_row) {
  constexpr int vectors = kPanelsAtOnce * kPanelVectors;
  Vec<F> acc[ROWS][vectors];
  for (int m = 0; m < ROWS; m++)
    for (int v = 0; v < vectors; v++) acc[m][v] = ADD ? load(C + m * c_row + v * kLanes<F>) : Vec<F>{};
  for (Index k = 0; k < K; k++)
    for (int v = 0; v < vectors; v++) {
      const Vec<F> b = load(B.data + v / kPanelVectors * B.panel + k * B.row + v % kPanelVectors * kLanes<F>);
      for (int m = 0; m < ROWS; m++) acc[m][v] += A[m * a_row + k] * b;
    }
  for (int m = 0; m < ROWS; m++)
    for (int v = 0; v < vectors; v++) store(C + m * c_row + v * kLanes<F>, acc[m][v]);
}

// C[rows, J] = A[rows, K] · B[K, J], or += with ADD. Rows of C hold J rounded up to whole vectors. Each
// element is summed over k in ascending order, whatever the number of rows: a batch gives what its parts give.
template <class F, bool ADD>
void product(const F* A, Index rows, Index a_row, Panels<F> B, Index K, Index J, F* C, Index c_row) {
  const Index width = panel_width<F>();
  Index j = 0, p = 0;
  for (; rows <= kFewRows && j + kPanelsAtOnce * width <= J; j += kPanelsAtOnce * width, p += kPanelsAtOnce) {
    const Panels<F> some{B.data + p * B.panel, B.row, B.panel};
    if (rows == 1)
      wide_tile<F, 1, ADD>(A, a_row, some, K, C + j, c_row);
    else
      wide_tile<F, 2, ADD>(A, a_row, some, K, C + j, c_row);
  }
  for (; j + kLanes<F> < J; j += width, p++)
    column_of_tiles<F, kPanelVectors, ADD>(A, rows, a_row, B.data + p * B.panel, B.row, K, C + j, c_row);
  if (j < J) column_of_tiles<F, 1, ADD>(A, rows, a_row, B.data + p * B.panel, B.row, K, C + j, c_row);
}

// The same for up to kLanes columns of B that lie along k, column j at B + j · b_row; or for GROUPS times kLanes, all of
// whole blocks: with fewer sums at once, each would wait for its last addition.
template <class F, int ROWS, int GROUPS>
inline void tile_of_columns(const F* A, Index a_row, const F* B, Index b_row, Index columns, Index K, F* C, Index c_row) {
  constexpr Index L = kLanes<F>;
  Vec<F> acc[GROUPS][ROWS], v[L];
#pragma GCC unroll 4
  for (int g = 0; g < GROUPS; g++)
    for (int m = 0; m < ROWS; m++) acc[g][m] = load(C + m * c_row + g * L);
  Index k0 = 0;
  for (; k0 + L <= K; k0 += L) {
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
      if constexpr (GROUPS > 1)
        load_block(B + g * L * b_row + k0, b_row, v);
      else
        load_columns(B + k0, b_row, columns, K, v);
#pragma GCC unroll 16
      for (Index i = 0; i < L; i++)
        for (int m = 0; m < ROWS; m++) acc[g][m] += A[m * a_row + k0 + i] * v[i];
    }
  }
#pragma GCC unroll 4
  for (int g = 0; k0 < K && g < GROUPS; g++) {
    const Index k = block_start<F>(k0, K);
    if constexpr (GROUPS > 1)
      load_block(B + g * L * b_row + k, b_row, v);
    else
      load_columns(B + k, b_row, columns, K, v);
#pragma GCC unroll 16
    for (Index i = 0; i < L; i++)
      if (k + i >= k0 && k + i < K)
        for (int m = 0; m < ROWS; m++) acc[g][m] += A[m * a_row + k + i] * v[i];
  }
#pragma GCC unroll 4
  for (int g = 0; g < GROUPS; g++)
    for (int m = 0; m < ROWS; m++) store(C + m * c_row + g * L, acc[g][m]);
}

// Rows of A for which B is not packed, and how often it is then multiplied with: to pack it would take longer.
constexpr int kUnpackedRows = 4, kUnpackedTimes = 2;

template <class F, int ROWS>
void columns_unpacked(const F* A, Index a_row, const F* B, Index K, Index J, F* C, Index c_row) {
  constexpr int groups = kLoadsBlocks<F> && ROWS == 1 ? 2 : 1;
  constexpr Index L = kLanes<F>;
  Index j = 0;
  for (; groups > 1 && K >= L && j + groups * L <= J; j += groups * L)
    tile_of_columns<F, ROWS, groups>(A, a_row, B + j * K, K, groups * L, K, C + j, c_row);
  for (; j < J; j += L) tile_of_columns<F, ROWS, 1>(A, a_row, B + j * K, K, J - j, K, C + j, c_row);
}

// C[rows, J] += A[rows, K] · Bᵀ of B [J, K], for at most kUnpackedRows: to the bit what `product` gives of it packed.
template <class F>
void product_unpacked(const F* A, Index rows, Index a_row, const F* B, Index K, Index J, F* C, Index c_row) {
  switch (rows) {
    case 1: columns_unpacked<F, 1>(A, a_row, B, K, J, C, c_row); break;
    case 2: columns_unpacked<F, 2>(A, a_row, B, K, J, C, c_row); break;
    case 3: columns_unpacked<F, 3>(A, a_row, B, K, J, C, c_row); break;
    case 4: columns_unpacked<F, 4>(A, a_row, B, K, J, C, c_row); break;
    default: break;
  }
}

}  // namespace tapehead
