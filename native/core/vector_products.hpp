// Matrix products of our own, for two shapes of the kernel that a general product does not know how to use:
// deltas of which each input has its own gates, and Gram matrices of few long rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "simd/target.hpp"

namespace deepntk {

// Whether these products outrun OpenBLAS on this CPU. They do not on the baseline, which has no fused
// multiply-add.
inline bool hasVectorProducts() {
  return target() != Target::baseline;
}

// C = A B' of long rows; with `lower`, A and B are the same rows, and at least the lower triangle is written.
template <typename T>
void multiplyRows(MatrixView<const T> a, MatrixView<const T> b, bool lower, MatrixView<T> c);

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
// `above` only. Returns the largest magnitude in `below`.
template <typename T>
T gatedProduct(const GatedProduct<T>& product, GatedScratch<T>& scratch);

}  // namespace deepntk
