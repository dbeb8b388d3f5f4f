// The inner loops of vector_products.cpp, which includes this file once for each target.

// C(i, j) for height x width rows, over one piece of their length. Beyond the end of a matrix, the caller
// passes its last row.
template <typename T, std::size_t height, std::size_t width>
DEEPNTK_NOINLINE void multiplyRowTile(const T* const* a, const T* const* b, std::size_t length,
                                      std::size_t rows, std::size_t columns, bool add, T* c,
                                      std::size_t stride) {
  Vector<T> sums[height][width];
  DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] = Vector<T>{};
  }
  std::size_t t = 0;
  for (; t + kLanes<T> <= length; t += kLanes<T>) {
    Vector<T> right[width];
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) right[j] = load(b[j] + t);
    DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
      const Vector<T> left = load(a[i] + t);
      DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] =
          multiplyAdd(left, right[j], sums[i][j]);
    }
  }
  if (t < length) {
    Vector<T> right[width];
    DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) right[j] = loadFirst(b[j] + t, length - t);
    DEEPNTK_UNROLL for (std::size_t i = 0; i < height; i++) {
      const Vector<T> left = loadFirst(a[i] + t, length - t);
      DEEPNTK_UNROLL for (std::size_t j = 0; j < width; j++) sums[i][j] =
          multiplyAdd(left, right[j], sums[i][j]);
    }
  }
  for (std::size_t i = 0; i < rows; i++) {
    for (std::size_t j = 0; j < columns; j++) {
      const T sum = sumOfLanes(sums[i][j]);
      c[i * stride + j] = add ? c[i * stride + j] + sum : sum;
    }
  }
}

template <typename T>
void multiplyLongRows(MatrixView<const T> a, MatrixView<const T> b, bool lower, MatrixView<T> c) {
  // The registers hold height x width sums, `width` vectors and one more.
  constexpr std::size_t height = kRegisters == 32 ? 6 : 3, width = kRegisters == 32 ? 4 : 3;
  const std::size_t length = a.columns;
  const std::size_t fitting = kRowsBytes / (sizeof(T) * std::max<std::size_t>(1, b.rows));
  const std::size_t most =
      std::clamp(fitting / kLanes<T> * kLanes<T>, 8 * kLanes<T>, kPieceBytes / sizeof(T));
  const std::size_t pieces = (length + most - 1) / most;
  const std::size_t piece =
      pieces == 0 ? 1 : (length + pieces * kLanes<T> - 1) / (pieces * kLanes<T>)*kLanes<T>;
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
        multiplyRowTile<T, height, width>(left, right, count, rows, std::min(width, c.columns - j), t > 0,
                                          c.row(i) + j, c.stride);
      }
    }
  }
}

// One vector, or with `partial` its first `lanes` numbers.
template <bool partial, typename T>
DEEPNTK_INLINE Vector<T> loadStrip(const T* from, std::size_t lanes) {
  if constexpr (partial) return loadFirst(from, lanes);
  return load(from);
}

// Writes the sums of a strip. After the last piece (`ends`), it applies the gain and the gates first and
// returns the largest magnitude. Otherwise it returns 0.
template <typename T, std::size_t height, std::size_t width, bool partial>
DEEPNTK_NOINLINE T writeStrip(const Vector<T> (&sums)[height][width], bool ends, T factor, const T* gates,
                              T* below, std::size_t stride, std::size_t lanes) {
  const Vector<T> gain = fill(factor);
  Vector<T> largest = Vector<T>{};
  for (std::size_t v = 0; v < width; v++) {
    const Vector<T> gate = loadStrip<partial>(gates + v * kLanes<T>, lanes);
    for (std::size_t r = 0; r < height; r++) {
      Vector<T> value = sums[r][v];
      if (ends) {
        value = whereAboveZero<T>(gate, gain * value);
        largest = largerMagnitude(largest, value);
      }
      T* const to = below + r * stride + v * kLanes<T>;
      if constexpr (partial) {
        storeFirst(to, lanes, value);
      } else {
        store(to, value);
      }
    }
  }
  return largestLane(largest);
}

// A strip of a group's product, over one piece of the units above: `height` chains from `chain` on, and
// `width` vectors of units below from `column` on. With `partial` it is the first `lanes` numbers of one
// vector. Returns the largest magnitude, or 0 before the last piece.
template <typename T, std::size_t height, std::size_t width, bool partial>
DEEPNTK_NOINLINE T multiplyGatedStrip(const GatedProduct<T>& product, const GatedGroup<T>& group,
                                      std::size_t chain, std::size_t column, std::size_t piece,
                                      std::size_t lanes) {
  const std::size_t chains = product.chains, stride = product.below.stride;
  const std::size_t weightStride = product.weights.stride;
  const T* const weights = product.weights.data + column;
  const bool begins = piece == 0, ends = piece + 1 == group.pieces;
  T largest = 0;
  for (std::size_t i = 0; i < group.count; i++) {
    const std::size_t input = group.first + i;
    const std::size_t* const bounds = group.start + i * group.pieces + piece;
    const T* const gates = product.gatesBelow.row(input) + column;
    T* const below = product.below.row(input * chains + chain) + column;
    bool any = false;
    DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
      any = anyAboveZero(loadStrip<partial>(gates + v * kLanes<T>, lanes)) || any;
    }
    Vector<T> sums[height][width];
    DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
        sums[r][v] =
            begins || !any ? Vector<T>{} : loadStrip<partial>(below + r * stride + v * kLanes<T>, lanes);
      }
    }
    const std::uint32_t* const open = group.open;
    const std::size_t end = any ? bounds[1] : bounds[0];
    const T* deltas = group.packed + bounds[0] * chains + chain;
    for (std::size_t u = bounds[0]; u < end; u++, deltas += chains) {
      const T* const row = weights + open[u] * weightStride;
      Vector<T> right[width];
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) right[v] =
          loadStrip<partial>(row + v * kLanes<T>, lanes);
      DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
        const Vector<T> left = fill(deltas[r]);
        DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) {
          sums[r][v] = multiplyAdd(left, right[v], sums[r][v]);
        }
      }
    }
    // writeStrip takes an address. The sums are copied, because variables with an address do not stay in
    // registers.
    Vector<T> results[height][width];
    DEEPNTK_UNROLL for (std::size_t r = 0; r < height; r++) {
      DEEPNTK_UNROLL for (std::size_t v = 0; v < width; v++) results[r][v] = sums[r][v];
    }
    largest = std::max(largest, writeStrip<T, height, width, partial>(results, ends, product.gain, gates,
                                                                      below, stride, lanes));
  }
  return largest;
}

// `height` chains, from `chain` on, of a group of inputs.
template <typename T, std::size_t height>
T multiplyChains(const GatedProduct<T>& product, const GatedGroup<T>& group, std::size_t chain) {
  // The registers hold height x width sums, `width` vectors and one more.
  constexpr std::size_t width = std::min<std::size_t>(4, (kRegisters - 1) / (height + 1));
  const std::size_t columns = product.below.columns;
  T largest = 0;
  for (std::size_t column = 0; column < columns;) {
    const std::size_t left = columns - column, lanes = std::min(kLanes<T>, left);
    const bool wide = left >= width * kLanes<T>;
    for (std::size_t piece = 0; piece < group.pieces; piece++) {
      const auto here =
          wide ? multiplyGatedStrip<T, height, width, false>(product, group, chain, column, piece, 0)
               : multiplyGatedStrip<T, height, 1, true>(product, group, chain, column, piece, lanes);
      largest = std::max(largest, here);
    }
    column += wide ? width * kLanes<T> : lanes;
  }
  return largest;
}

// multiplyChains of a height up to `most` that is known only when the program runs.
template <typename T, std::size_t most>
T multiplyChainsUpTo(std::size_t height, const GatedProduct<T>& product, const GatedGroup<T>& group,
                     std::size_t chain) {
  if constexpr (most > 1) {
    if (height < most) return multiplyChainsUpTo<T, most - 1>(height, product, group, chain);
  }
  return multiplyChains<T, most>(product, group, chain);
}

template <typename T>
T multiplyGroup(const GatedProduct<T>& product, const GatedGroup<T>& group) {
  constexpr std::size_t most = kRegisters == 32 ? 12 : 6;
  T largest = 0;
  for (std::size_t chain = 0; chain < product.chains;) {
    const std::size_t left = product.chains - chain, groups = (left + most - 1) / most;
    const std::size_t height = (left + groups - 1) / groups;
    largest = std::max(largest, multiplyChainsUpTo<T, most>(height, product, group, chain));
    chain += height;
  }
  return largest;
}
