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

// A strip of a group's product: `height` chains from `chain` on and `width` vectors of units below from
// `column` on, or, `partial`, one vector of so many `lanes`; over one piece of the units above. Returns the
// largest magnitude; 0 before the last piece. What is used before and after the sums is loaded twice, so that
// no register holds it meanwhile.
template <typename V, std::size_t height, std::size_t width, bool partial>
DEEPNTK_TARGET typename V::Scalar multiplyGatedStrip(const GatedProduct<typename V::Scalar>& product,
                                                     const GatedGroup<typename V::Scalar>& group,
                                                     std::size_t chain, std::size_t column, std::size_t piece,
                                                     std::size_t lanes) {
  using T = typename V::Scalar;
  const auto load = [&](const T* from)
                        DEEPNTK_TARGET { return partial ? V::load(from, V::first(lanes)) : V::load(from); };
  const std::size_t chains = product.chains, stride = product.below.stride;
  const std::size_t weightStride = product.weights.stride;
  const T* const weights = product.weights.data + column;
  const bool begins = piece == 0, ends = piece + 1 == group.pieces;
  const typename V::Vector gain = V::all(product.gain);
  typename V::Vector largest = V::zero();
  for (std::size_t i = 0; i < group.count; i++) {
    const std::size_t input = group.first + i;
    const std::size_t* const bounds = group.start + i * group.pieces + piece;
    const T* const gates = product.gatesBelow.row(input) + column;
    T* const below = product.below.row(input * chains + chain) + column;
    bool any = false;
    DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
      any = V::anyAbove(load(gates + v * V::kLanes)) || any;
    }
    typename V::Vector sums[height][width];
    DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
        sums[r][v] = begins || !any ? V::zero() : load(below + r * stride + v * V::kLanes);
      }
    }
    const std::uint32_t* const open = group.open;
    const std::size_t end = any ? bounds[1] : bounds[0];
    const T* deltas = group.packed + bounds[0] * chains + chain;
    for (std::size_t u = bounds[0]; u < end; u++, deltas += chains) {
      const T* const row = weights + open[u] * weightStride;
      typename V::Vector right[width];
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) right[v] = load(row + v * V::kLanes);
      DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
        const typename V::Vector left = V::all(deltas[r]);
        DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
          sums[r][v] = V::add(left, right[v], sums[r][v]);
        }
      }
    }
    DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
      const typename V::Vector gate = load(gates + v * V::kLanes);
      DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
        typename V::Vector value = sums[r][v];
        if (ends) {
          value = V::above(gate, V::times(gain, value));
          largest = V::larger(largest, value);
        }
        T* const to = below + r * stride + v * V::kLanes;
        if constexpr (partial) {
          V::store(to, V::first(lanes), value);
        } else {
          V::store(to, value);
        }
      }
    }
  }
  return V::largest(largest);
}

// `height` chains, from `chain` on, of a group of inputs.
template <typename V, std::size_t height>
typename V::Scalar multiplyChains(const GatedProduct<typename V::Scalar>& product,
                                  const GatedGroup<typename V::Scalar>& group, std::size_t chain) {
  // The sums, `width` vectors and one more must fit the registers.
  constexpr std::size_t width = std::min<std::size_t>(4, (V::kRegisters - 1) / (height + 1));
  const std::size_t columns = product.below.columns;
  typename V::Scalar largest = 0;
  for (std::size_t column = 0; column < columns;) {
    const std::size_t left = columns - column, lanes = std::min(V::kLanes, left);
    const bool wide = left >= width * V::kLanes;
    for (std::size_t piece = 0; piece < group.pieces; piece++) {
      const auto here =
          wide ? multiplyGatedStrip<V, height, width, false>(product, group, chain, column, piece, 0)
               : multiplyGatedStrip<V, height, 1, true>(product, group, chain, column, piece, lanes);
      largest = std::max(largest, here);
    }
    column += wide ? width * V::kLanes : lanes;
  }
  return largest;
}

template <typename V>
typename V::Scalar multiplyGroup(const GatedProduct<typename V::Scalar>& product,
                                 const GatedGroup<typename V::Scalar>& group) {
  using T = typename V::Scalar;
  constexpr std::size_t most = V::kRegisters == 32 ? 12 : 6;
  T largest = 0;
  for (std::size_t chain = 0; chain < product.chains;) {
    const std::size_t left = product.chains - chain, groups = (left + most - 1) / most;
    const std::size_t height = (left + groups - 1) / groups;
    largest = std::max(largest, [&]() -> T {
      switch (height) {
        case 1:
          return multiplyChains<V, 1>(product, group, chain);
        case 2:
          return multiplyChains<V, 2>(product, group, chain);
        case 3:
          return multiplyChains<V, 3>(product, group, chain);
        case 4:
          return multiplyChains<V, 4>(product, group, chain);
        case 5:
          return multiplyChains<V, 5>(product, group, chain);
        case 6:
          return multiplyChains<V, 6>(product, group, chain);
        case 7:
          return multiplyChains < V, V::kRegisters == 32 ? 7 : 1 > (product, group, chain);
        case 8:
          return multiplyChains < V, V::kRegisters == 32 ? 8 : 1 > (product, group, chain);
        case 9:
          return multiplyChains < V, V::kRegisters == 32 ? 9 : 1 > (product, group, chain);
        case 10:
          return multiplyChains < V, V::kRegisters == 32 ? 10 : 1 > (product, group, chain);
        case 11:
          return multiplyChains < V, V::kRegisters == 32 ? 11 : 1 > (product, group, chain);
        default:
          return multiplyChains < V, V::kRegisters == 32 ? 12 : 1 > (product, group, chain);
      }
    }());
    chain += height;
  }
  return largest;
}

}  // namespace DEEPNTK_NAMESPACE
}  // namespace
