#include "vector_products.hpp"

#include <algorithm>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of an "undefined" operand inside its own reductions.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace deepntk {

namespace {

// The bytes of the rows that stay in the second-level cache during a product, and of the longest piece of a
// row. Ten pieces fit the first-level cache.
constexpr std::size_t kRowsBytes = 512 * 1024;
constexpr std::size_t kPieceBytes = 4096;
// The bytes of the packed deltas of a group of inputs, which share one pass over the weights. If the weights
// fit the second-level cache, groups are small. Otherwise every pass fetches the weights from further away,
// and groups are larger.
constexpr std::size_t kNearWeightsBytes = 768 * 1024;
constexpr std::size_t kNearPackedBytes = 64 * 1024;
constexpr std::size_t kFarPackedBytes = 512 * 1024;
// The rows of a strip of the weights that stay in the first-level cache during the pass of a group.
constexpr std::size_t kPieceUnits = 256;

// Some inputs that share one pass over the weights. The open units above an input are in `open`; those of a
// piece begin at start[input * pieces + piece]. `packed` has `chains` deltas for each of them.
template <typename T>
struct GatedGroup {
  std::size_t first, count, pieces;
  const T* packed;
  const std::uint32_t* open;
  const std::size_t* start;
};

}  // namespace

}  // namespace deepntk

#define DEEPNTK_LOOPS "../vector_products_loops.hpp"
#include "simd/for_each_target.hpp"

namespace deepntk {

namespace {

template <typename T>
GatedGroup<T> pack(const GatedProduct<T>& product, std::size_t first, std::size_t count,
                   GatedScratch<T>& scratch) {
  const std::size_t width = product.above.columns, chains = product.chains;
  const std::size_t pieces = (width + kPieceUnits - 1) / kPieceUnits, step = (width + pieces - 1) / pieces;
  scratch.open.resize(count * width + 1);
  scratch.start.resize(count * pieces + 1);
  scratch.packed.reserve(count * width * chains);
  std::size_t end = 0;
  for (std::size_t i = 0; i < count; i++) {
    const T* const gates = product.gatesAbove.row(first + i);
    const std::size_t start = end;
    for (std::size_t piece = 0; piece < pieces; piece++) {
      scratch.start[i * pieces + piece] = end;
      for (std::size_t j = piece * step; j < std::min(width, (piece + 1) * step); j++) {
        scratch.open[end] = static_cast<std::uint32_t>(j);
        end += gates[j] > 0 ? 1 : 0;
      }
    }
    const T* const deltas = product.above.row((first + i) * chains);
    const std::size_t stride = product.above.stride;
    T* to = scratch.packed.data() + start * chains;
    for (std::size_t u = start; u < end; u++) {
      const T* from = deltas + scratch.open[u];
      for (std::size_t k = 0; k < chains; k++, from += stride) *to++ = *from;
    }
  }
  scratch.start[count * pieces] = end;
  return {first, count, pieces, scratch.packed.data(), scratch.open.data(), scratch.start.data()};
}

template <typename T>
T multiplyPacked(const GatedProduct<T>& product, const GatedGroup<T>& group) {
  DEEPNTK_DISPATCH(multiplyGroup(product, group))
}

}  // namespace

template <typename T>
void multiplyRows(MatrixView<const T> a, MatrixView<const T> b, bool lower, MatrixView<T> c) {
  DEEPNTK_DISPATCH(multiplyLongRows<T>(a, b, lower, c))
}

template <typename T>
T gatedProduct(const GatedProduct<T>& product, GatedScratch<T>& scratch) {
  const std::size_t perInput = std::max<std::size_t>(1, product.above.columns * product.chains * sizeof(T));
  const bool near = product.weights.rows * product.weights.stride * sizeof(T) <= kNearWeightsBytes;
  const std::size_t group = std::max<std::size_t>(1, (near ? kNearPackedBytes : kFarPackedBytes) / perInput);
  if (product.above.columns == 0) {
    const MatrixView<T>& below = product.below;
    for (std::size_t i = 0; i < below.rows; i++) std::fill_n(below.row(i), below.columns, T(0));
    return 0;
  }
  T largest = 0;
  for (std::size_t first = 0; first < product.inputs; first += group) {
    const std::size_t count = std::min(group, product.inputs - first);
    largest = std::max(largest, multiplyPacked(product, pack(product, first, count, scratch)));
  }
  return largest;
}

template void multiplyRows(MatrixView<const double>, MatrixView<const double>, bool, MatrixView<double>);
template void multiplyRows(MatrixView<const float>, MatrixView<const float>, bool, MatrixView<float>);
template double gatedProduct(const GatedProduct<double>&, GatedScratch<double>&);
template float gatedProduct(const GatedProduct<float>&, GatedScratch<float>&);

}  // namespace deepntk
