// The inner loops of vector_products.cpp, which includes this file once for each instruction set: a
// function's instructions are an attribute of it, and attributes cannot be template parameters.

namespace {
namespace DEEPNTK_NAMESPACE {

// C(i, j) of height x width rows, on one piece of their length. Rows past the end of a matrix are read as its
// last one.
template <typename V, std::size_t height, std::size_t width>
DEEPNTK_TARGET void multiplyRowTile(const typename V::Scalar* const* a, const typename V::Scalar* const* b,
                                    std::size_t length, std::size_t rows, std::size_t columns, bool add,
                                    typename V::Scalar* c, std::size_t stride) {
  typename V::Vector sums[height][width];
  DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] = V::zero();
  }
  std::size_t t = 0;
  for (; t + V::kLanes <= length; t += V::kLanes) {
    typename V::Vector right[width];
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) right[j] = V::load(b[j] + t);
    DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
      const typename V::Vector left = V::load(a[i] + t);
      DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] = V::add(left, right[j], sums[i][j]);
    }
  }
  if (t < length) {
    const typename V::Mask mask = V::first(length - t);
    typename V::Vector right[width];
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) right[j] = V::load(b[j] + t, mask);
    DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
      const typename V::Vector left = V::load(a[i] + t, mask);
      DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] = V::add(left, right[j], sums[i][j]);
    }
  }
  for (std::size_t i = 0; i < rows; i++) {
    for (std::size_t j = 0; j < columns; j++) {
      const typename V::Scalar sum = V::sum(sums[i][j]);
      c[i * stride + j] = add ? c[i * stride + j] + sum : sum;
    }
  }
}

template <typename V>
void multiplyRows(MatrixView<const typename V::Scalar> a, MatrixView<const typename V::Scalar> b, bool lower,
                  MatrixView<typename V::Scalar> c) {
  using T = typename V::Scalar;
  // height x width sums, `width` vectors and one more must fit the registers.
  constexpr std::size_t height = V::kRegisters == 32 ? 6 : 3, width = V::kRegisters == 32 ? 4 : 3;
  const std::size_t length = a.columns;
  const std::size_t fitting = kRowsBytes / (sizeof(T) * std::max<std::size_t>(1, b.rows));
  const std::size_t most =
      std::clamp(fitting / V::kLanes * V::kLanes, 8 * V::kLanes, kPieceBytes / sizeof(T));
  const std::size_t pieces = (length + most - 1) / most;
  const std::size_t piece =
      pieces == 0 ? 1 : (length + pieces * V::kLanes - 1) / (pieces * V::kLanes) * V::kLanes;
  for (std::size_t t = 0; t < std::max<std::size_t>(length, 1); t += piece) {
    const std::size_t count = std::min(piece, length - t);
    for (std::size_t i = 0; i < c.rows; i += height) {
      const std::size_t rows = std::min(height, c.rows - i);
      const T* left[height];
      DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) left[r] =
          a.row(std::min(i + r, a.rows - 1)) + t;
      const std::size_t end = lower ? std::min(c.columns, i + rows) : c.columns;
      for (std::size_t j = 0; j < end; j += width) {
        const T* right[width];
        for (std::size_t r = 0; r < width; r++) right[r] = b.row(std::min(j + r, b.rows - 1)) + t;
        multiplyRowTile<V, height, width>(left, right, count, rows, std::min(width, c.columns - j), t > 0,
                                          c.row(i) + j, c.stride);
      }
    }
  }
}

// A corner of one input's product.
template <typename T>
struct GatedTile {
  const T* packed;
  std::size_t chains;
  const std::uint32_t* open;
  std::size_t openCount;
  const T* weights;
  std::size_t weightStride;
  T gain;
  const T* gates;
  T* below;
  std::size_t belowStride;
};

// `height` chains and `width` vectors of units below, the last one with so many `lanes`. Returns the largest
// magnitude.
template <typename V, std::size_t height, std::size_t width>
DEEPNTK_TARGET typename V::Scalar multiplyGatedTile(const GatedTile<typename V::Scalar>& given,
                                                    std::size_t lanes) {
  using T = typename V::Scalar;
  const GatedTile<T> tile = given;  // which no store can change
  typename V::Vector sums[height][width];
  DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
    DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) sums[r][v] = V::zero();
  }
  const typename V::Mask last = V::first(lanes);
  for (std::size_t u = 0; u < tile.openCount; u++) {
    const T* const row = tile.weights + tile.open[u] * tile.weightStride;
    const T* const deltas = tile.packed + u * tile.chains;
    typename V::Vector right[width];
    DEEPNTK_UNROLL for (std::size_t v = 0; v + 1 < width; v++) right[v] = V::load(row + v * V::kLanes);
    right[width - 1] = V::load(row + (width - 1) * V::kLanes, last);
    DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
      const typename V::Vector left = V::all(deltas[r]);
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) sums[r][v] = V::add(left, right[v], sums[r][v]);
    }
  }
  const typename V::Vector gain = V::all(tile.gain);
  typename V::Vector largest = V::zero();
  DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
    const typename V::Mask mask = v + 1 < width ? V::first(V::kLanes) : last;
    const typename V::Vector gate = V::load(tile.gates + v * V::kLanes, mask);
    DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
      const typename V::Vector value = V::above(gate, V::times(gain, sums[r][v]));
      V::store(tile.below + r * tile.belowStride + v * V::kLanes, mask, value);
      largest = V::larger(largest, value);
    }
  }
  return V::largest(largest);
}

// `height` chains, from `chain` on, of a group of inputs: all of them go over a strip of the weights before
// the next.
template <typename V, std::size_t height>
typename V::Scalar multiplyChains(const GatedProduct<typename V::Scalar>& product, std::size_t first,
                                  std::size_t count, std::size_t chain,
                                  const GatedScratch<typename V::Scalar>& scratch) {
  using T = typename V::Scalar;
  // The sums, `width` vectors and one more must fit the registers.
  constexpr std::size_t width = std::min<std::size_t>(4, (V::kRegisters - 1) / (height + 1));
  const std::size_t columns = product.below.columns, chains = product.chains;
  T largest = 0;
  const auto tileAt = [&](std::size_t i, std::size_t column) {
    const std::size_t input = first + i, start = scratch.start[i];
    return GatedTile<T>{scratch.packed.data() + start * chains + chain,
                        chains,
                        scratch.open.data() + start,
                        scratch.start[i + 1] - start,
                        product.weights.data + column,
                        product.weights.stride,
                        product.gain,
                        product.gatesBelow.row(input) + column,
                        product.below.row(input * chains + chain) + column,
                        product.below.stride};
  };
  std::size_t column = 0;
  for (; column + width * V::kLanes <= columns; column += width * V::kLanes) {
    for (std::size_t i = 0; i < count; i++) {
      largest = std::max(largest, multiplyGatedTile<V, height, width>(tileAt(i, column), V::kLanes));
    }
  }
  for (; column < columns; column += V::kLanes) {
    const std::size_t lanes = std::min(V::kLanes, columns - column);
    for (std::size_t i = 0; i < count; i++) {
      largest = std::max(largest, multiplyGatedTile<V, height, 1>(tileAt(i, column), lanes));
    }
  }
  return largest;
}

template <typename V>
typename V::Scalar multiplyGroup(const GatedProduct<typename V::Scalar>& product, std::size_t first,
                                 std::size_t count, const GatedScratch<typename V::Scalar>& scratch) {
  using T = typename V::Scalar;
  constexpr std::size_t most = V::kRegisters == 32 ? 12 : 6;
  T largest = 0;
  for (std::size_t chain = 0; chain < product.chains;) {
    const std::size_t left = product.chains - chain, groups = (left + most - 1) / most;
    const std::size_t height = (left + groups - 1) / groups;
    largest = std::max(largest, [&]() -> T {
      switch (height) {
        case 1:
          return multiplyChains<V, 1>(product, first, count, chain, scratch);
        case 2:
          return multiplyChains<V, 2>(product, first, count, chain, scratch);
        case 3:
          return multiplyChains<V, 3>(product, first, count, chain, scratch);
        case 4:
          return multiplyChains<V, 4>(product, first, count, chain, scratch);
        case 5:
          return multiplyChains<V, 5>(product, first, count, chain, scratch);
        case 6:
          return multiplyChains<V, 6>(product, first, count, chain, scratch);
        case 7:
          return multiplyChains < V, V::kRegisters == 32 ? 7 : 1 > (product, first, count, chain, scratch);
        case 8:
          return multiplyChains < V, V::kRegisters == 32 ? 8 : 1 > (product, first, count, chain, scratch);
        case 9:
          return multiplyChains < V, V::kRegisters == 32 ? 9 : 1 > (product, first, count, chain, scratch);
        case 10:
          return multiplyChains < V, V::kRegisters == 32 ? 10 : 1 > (product, first, count, chain, scratch);
        case 11:
          return multiplyChains < V, V::kRegisters == 32 ? 11 : 1 > (product, first, count, chain, scratch);
        default:
          return multiplyChains < V, V::kRegisters == 32 ? 12 : 1 > (product, first, count, chain, scratch);
      }
    }());
    chain += height;
  }
  return largest;
}

}  // namespace DEEPNTK_NAMESPACE
}  // namespace
