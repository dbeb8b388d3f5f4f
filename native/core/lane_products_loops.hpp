// Included by lane_products.cpp once for each target. A Part is what one register holds of a Pack. Compilers
// would keep larger Packs in memory.

#if defined(DEEPNTK_VECTOR_TYPES)
typedef double Part __attribute__((vector_size(kVectorBytes), may_alias));
#else
using Part = double;
#endif

constexpr std::size_t kParts = sizeof(Pack) / sizeof(Part);
// Of a tile whose sums stay in registers.
constexpr std::size_t kRows = 4, kColumns = kRegisters == 32 ? 4 : 3;

// The parts of packs: part p of pack i is at kParts * i + p.
inline Part* partsOf(Pack* packs) {
  return reinterpret_cast<Part*>(packs);
}
inline const Part* partsOf(const Pack* packs) {
  return reinterpret_cast<const Part*>(packs);
}

struct Strides {
  std::size_t aRow, aInner, bInner, bColumn, cRow, cColumn;
};

template <std::size_t rows, std::size_t columns>
DEEPNTK_INLINE void multiplyTile(std::size_t inner, const Part* a, const Part* b, Part* c, const Strides& by,
                                 bool add) {
  for (std::size_t part = 0; part < kParts; part++, a++, b++, c++) {
    Part sums[rows][columns];
    DEEPNTK_UNROLL
    for (std::size_t i = 0; i < rows; i++) {
      DEEPNTK_UNROLL
      for (std::size_t j = 0; j < columns; j++) {
        sums[i][j] = Part{};
        if (add) sums[i][j] = c[i * by.cRow + j * by.cColumn];
      }
    }
    for (std::size_t t = 0; t < inner; t++) {
      Part right[columns];
      DEEPNTK_UNROLL
      for (std::size_t j = 0; j < columns; j++) right[j] = b[t * by.bInner + j * by.bColumn];
      DEEPNTK_UNROLL
      for (std::size_t i = 0; i < rows; i++) {
        const Part left = a[i * by.aRow + t * by.aInner];
        DEEPNTK_UNROLL
        for (std::size_t j = 0; j < columns; j++) sums[i][j] += left * right[j];
      }
    }
    DEEPNTK_UNROLL
    for (std::size_t i = 0; i < rows; i++) {
      DEEPNTK_UNROLL
      for (std::size_t j = 0; j < columns; j++) c[i * by.cRow + j * by.cColumn] = sums[i][j];
    }
  }
}

template <std::size_t rows>
DEEPNTK_INLINE void multiplyRow(std::size_t columns, std::size_t inner, const Part* a, const Part* b, Part* c,
                                const Strides& by, bool add) {
  switch (columns) {
    case 1:
      return multiplyTile<rows, 1>(inner, a, b, c, by, add);
    case 2:
      return multiplyTile<rows, 2>(inner, a, b, c, by, add);
    case 3:
      return multiplyTile<rows, 3>(inner, a, b, c, by, add);
    default:
      return multiplyTile<rows, kColumns>(inner, a, b, c, by, add);
  }
}

void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a, ConstLaneMatrix b,
              LaneMatrix c, Entries entries, bool add) {
  const Strides by{kParts * a.row,    kParts * a.column, kParts * b.row,
                   kParts * b.column, kParts * c.row,    kParts * c.column};
  for (std::size_t i = 0; i < rows; i += kRows) {
    const std::size_t height = std::min(kRows, rows - i);
    for (std::size_t j = entries == Entries::upper ? i : 0; j < columns; j += kColumns) {
      const std::size_t width = std::min(kColumns, columns - j);
      const std::size_t depth = entries == Entries::triangular ? std::min(inner, j + width) : inner;
      const Part* const left = partsOf(a.data) + i * by.aRow;
      const Part* const right = partsOf(b.data) + j * by.bColumn;
      Part* const out = partsOf(c.data) + i * by.cRow + j * by.cColumn;
      switch (height) {
        case 1:
          multiplyRow<1>(width, depth, left, right, out, by, add);
          break;
        case 2:
          multiplyRow<2>(width, depth, left, right, out, by, add);
          break;
        case 3:
          multiplyRow<3>(width, depth, left, right, out, by, add);
          break;
        default:
          multiplyRow<kRows>(width, depth, left, right, out, by, add);
      }
    }
  }
}

void rectifyLanes(Pack* x, std::size_t count) {
  Part* const parts = partsOf(x);
  for (std::size_t i = 0; i < kParts * count; i++) parts[i] = whereAboveZero<double>(parts[i], parts[i]);
}

void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units, std::size_t inputs,
               std::size_t chains, Pack* out) {
  Part* to = partsOf(out);
  for (std::size_t u = 0; u < units; u++) {
    const Part* const from = partsOf(values) + kParts * u * (spread ? chains : inputs * chains);
    for (std::size_t i = 0; i < inputs; i++) {
      const Part* const gate = partsOf(x) + kParts * (u * inputs + i);
      const Part* const row = from + kParts * (spread ? 0 : i * chains);
      for (std::size_t k = 0; k < chains; k++) {
        for (std::size_t p = 0; p < kParts; p++) *to++ = whereAboveZero<double>(gate[p], row[kParts * k + p]);
      }
    }
  }
}

void factorLanes(const Pack* matrix, std::size_t n, Pack* root, Pack* inversePivots) {
  std::fill_n(root, n * n, Pack{});
  for (std::size_t p = 0; p < kParts; p++) {
    const Part* const a = partsOf(matrix) + p;
    Part *const r = partsOf(root) + p, *const inverses = partsOf(inversePivots) + p;
    for (std::size_t j = 0; j < n; j++) {
      for (std::size_t i = 0; i < j; i++) {
        Part sum = a[kParts * (i * n + j)];
        for (std::size_t k = 0; k < i; k++) sum -= r[kParts * (k * n + i)] * r[kParts * (k * n + j)];
        r[kParts * (i * n + j)] = sum * inverses[kParts * i];
      }
      Part square = a[kParts * (j * n + j)];
      for (std::size_t k = 0; k < j; k++) square -= r[kParts * (k * n + j)] * r[kParts * (k * n + j)];
      double squares[kLanes<double>], entries[kLanes<double>], pivots[kLanes<double>],
          inverted[kLanes<double>];
      store<double>(squares, square);
      store<double>(entries, a[kParts * (j * n + j)]);
      for (std::size_t i = 0; i < kLanes<double>; i++) {
        const bool independent = squares[i] > kRankTolerance * entries[i];
        pivots[i] = independent ? std::sqrt(squares[i]) : 0;
        inverted[i] = independent ? 1 / pivots[i] : 0;
      }
      r[kParts * (j * n + j)] = load(pivots);
      inverses[kParts * j] = load(inverted);
    }
  }
}

// Subtracts from row i of w the rows `from` .. `to` - 1 times the packs of r at `first`, `first` + `step`,
// ..., then scales row i.
DEEPNTK_INLINE void solveRow(std::size_t i, std::size_t from, std::size_t to, const Part* r,
                             std::size_t first, std::size_t step, const Part* inverse, Part* w,
                             std::size_t columns) {
  for (std::size_t j = 0; j < kParts * columns; j++) {
    const Part* factor = r + kParts * first + j % kParts;
    Part sum = w[kParts * i * columns + j];
    for (std::size_t k = from; k < to; k++, factor += kParts * step) {
      sum -= *factor * w[kParts * k * columns + j];
    }
    w[kParts * i * columns + j] = sum * inverse[j % kParts];
  }
}

void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  for (std::size_t i = 0; i < n; i++) {
    solveRow(i, 0, i, partsOf(r), i, n, partsOf(inverses + i), partsOf(w), columns);
  }
}

void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  for (std::size_t i = n; i-- > 0;) {
    solveRow(i, i + 1, n, partsOf(r), i * n + i + 1, 1, partsOf(inverses + i), partsOf(w), columns);
  }
}
