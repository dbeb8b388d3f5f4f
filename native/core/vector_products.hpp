// Our own matrix products, for two cases in which they are faster than a general product: deltas with gates
// of their own for each input, and Gram matrices of few long rows.
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

// C = A B' of long rows. With `lower`, A and B are the same rows, and at least the lower triangle of C is
// written.
template <typename T>
void multiplyRows(MatrixView<const T> a, MatrixView<const T> b, bool lower, MatrixView<T> c);

// The largest number of rows at which multiplyRows is faster than OpenBLAS. Measured against its AVX2 and
// AVX-512 kernels, with 11 to 500 rows of 300 to 2400 numbers.
template <typename T>
constexpr std::size_t kMostRowsMultiplied = sizeof(T) == sizeof(double) ? 200 : 128;

// The smallest number of outputs at which gatedProduct is faster than a product of all units (measured). With
// fewer outputs, it loads the weights too often.
constexpr std::size_t kMinGatedChains = 3;

// The backward pass of some inputs through one layer. An input has `chains` rows in `above` and in `below`,
// and one row in each array of gates. A gate is open if it is positive.
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
  std::vector<std::size_t> start;  // of every piece of every input, in `open`
};

// below = gates of `below` o gain (gates of `above` o above) weights. Units of closed gates of `above` cost
// no operations. Returns the largest magnitude in `below`.
template <typename T>
T gatedProduct(const GatedProduct<T>& product, GatedScratch<T>& scratch);

}  // namespace deepntk
