// Matrix products of our own, for two shapes of the kernel that a general product does not know how to use:
// deltas of which each input has its own gates, and Gram matrices of few long rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buffer.hpp"

namespace deepntk {

// The instructions that these products are written for; where a CPU has `none` of them, OpenBLAS does the
// work.
enum class VectorSet { none, avx2, avx512 };

// The best set that this CPU has.
VectorSet vectorSet();

// C = A B' of long rows; with `lower`, A and B are the same rows, and at least the lower triangle is written.
// `set` is not `none`.
template <typename T>
void multiplyRows(VectorSet set, MatrixView<const T> a, MatrixView<const T> b, bool lower, MatrixView<T> c);

// Up to here multiplyRows outruns OpenBLAS (measured against its AVX2 and AVX-512 kernels, 11 to 500 rows of
// 300 to 2400).
template <typename T>
constexpr std::size_t kMostRowsMultiplied = sizeof(T) == sizeof(double) ? 200 : 128;

// Outputs from which on gatedProduct outruns a product of all units (measured; below, the weights are loaded
// too often).
constexpr std::size_t kMinGatedChains = 3;

// Deltas of some inputs on their way down one layer. An input has `chains` rows in `above` and in `below`,
// and one row in each of the gates, which are open where they are positive.
template <typename T>
struct GatedProduct {
  std::size_t inputs, chains;
  MatrixView<const T> above, gatesAbove;
  MatrixView<const T> weights;  // above.columns x below.columns
  T gain;
  MatrixView<T> below;
  MatrixView<const T> gatesBelow;
};

// Scratch of one thread.
template <typename T>
struct GatedScratch {
  Buffer<T> packed;
  std::vector<std::uint32_t> open;
  std::vector<std::size_t> start;  // in `open`, of every piece of every input
};

// below = gates of `below` o gain (gates of `above` o above) weights, with the operations of open gates of
// `above` only. Returns the largest magnitude in `below`. `set` is not `none`.
template <typename T>
T gatedProduct(VectorSet set, const GatedProduct<T>& product, GatedScratch<T>& scratch);

}  // namespace deepntk
