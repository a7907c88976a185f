// Matrix products whose accumulators stay in registers.
#pragma once
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

// Lane i of v[j] becomes lane j of v[i], of kLanes vectors.
template <class F> inline void transpose(Vec<F>* v) {
  constexpr int L = kLanes<F>;
  for (int half = 1; half < L; half *= 2) {
    typename Lanes<F>::type first, second;
    for (int l = 0; l < L; l++) first[l] = l & half ? L + l - half : l, second[l] = l & half ? L + l : l + half;
    for (int i = 0; i < L; i++) {
      if (i & half) continue;
      const Vec<F> a = v[i], b = v[i + half];
      v[i] = __builtin_shuffle(a, b, first), v[i + half] = __builtin_shuffle(a, b, second);
    }
  }
}

// Pack element (k, j) = source[k · k_step + j · j_step], columns beyond J as zeros.
template <class F> Panels<F> pack(const F* source, Index k_step, Index j_step, Index K, Index J, F* out) {
  const Index width = panel_width<F>();
  for (Index j0 = 0, p = 0; j0 < J; j0 += width, p++) {
    F* panel = out + p * width * K;
    const Index columns = J - j0 < width ? J - j0 : width;
    if (columns < width) std::memset(panel, 0, sizeof(F) * width * K);
    if (j_step == 1) {
      for (Index k = 0; k < K; k++) std::memcpy(panel + k * width, source + k * k_step + j0, sizeof(F) * columns);
    } else {
      // Transposed in blocks: the reads run along k, the writes stay within one panel's few cache lines.
      constexpr Index L = kLanes<F>;
      for (Index k0 = 0; k0 < K; k0 += L) {
        const Index k1 = k0 + L < K ? k0 + L : K;
        Index j = 0;
        for (; k_step == 1 && k1 - k0 == L && j + L <= columns; j += L) {
          Vec<F> v[L];
          for (Index i = 0; i < L; i++) v[i] = load(source + k0 + (j0 + j + i) * j_step);
          transpose<F>(v);
          for (Index i = 0; i < L; i++) store(panel + (k0 + i) * width + j, v[i]);
        }
        for (; j < columns; j++)
          for (Index k = k0; k < k1; k++) panel[k * width + j] = source[k * k_step + (j0 + j) * j_step];
      }
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

}  // namespace tapehead
