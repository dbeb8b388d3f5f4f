// Included by lane_products.cpp once for each instruction set. A Part is what one register holds of a Pack;
// Packs themselves, where they are larger, would be kept in memory by the compiler.

namespace {

namespace DEEPNTK_NAMESPACE {

constexpr std::size_t kParts = kReplicaLanes / DEEPNTK_LANES;
constexpr std::size_t kRows = 4, kColumns = DEEPNTK_COLUMNS;  // of a tile whose sums stay in registers

#if defined(__GNUC__)
using Part = double __attribute__((vector_size(8 * DEEPNTK_LANES), may_alias));

DEEPNTK_TARGET DEEPNTK_INLINE void setWhereAboveZero(Part& out, const Part& condition, const Part& value) {
  out = condition > 0 ? value : Part{};
}
#else
using Part = Pack;

inline void setWhereAboveZero(Part& out, const Part& condition, const Part& value) {
  for (std::size_t i = 0; i < kReplicaLanes; i++) out[i] = condition[i] > 0 ? value[i] : 0;
}
#endif

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
DEEPNTK_TARGET DEEPNTK_INLINE void multiplyTile(std::size_t inner, const Part* a, const Part* b, Part* c,
                                                const Strides& by, bool add) {
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
DEEPNTK_TARGET DEEPNTK_INLINE void multiplyRow(std::size_t columns, std::size_t inner, const Part* a,
                                               const Part* b, Part* c, const Strides& by, bool add) {
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

DEEPNTK_TARGET void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a,
                             ConstLaneMatrix b, LaneMatrix c, Entries entries, bool add) {
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

DEEPNTK_TARGET void rectifyLanes(Pack* x, std::size_t count) {
  Part* const parts = partsOf(x);
  for (std::size_t i = 0; i < kParts * count; i++) setWhereAboveZero(parts[i], parts[i], parts[i]);
}

DEEPNTK_TARGET void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units,
                              std::size_t inputs, std::size_t chains, Pack* out) {
  Part* to = partsOf(out);
  for (std::size_t u = 0; u < units; u++) {
    const Part* const from = partsOf(values) + kParts * u * (spread ? chains : inputs * chains);
    for (std::size_t i = 0; i < inputs; i++) {
      const Part* const gate = partsOf(x) + kParts * (u * inputs + i);
      const Part* const row = from + kParts * (spread ? 0 : i * chains);
      for (std::size_t k = 0; k < chains; k++) {
        for (std::size_t p = 0; p < kParts; p++) setWhereAboveZero(*to++, gate[p], row[kParts * k + p]);
      }
    }
  }
}

DEEPNTK_TARGET void factorLanes(const Pack* matrix, std::size_t n, Pack* root, Pack* inversePivots) {
  std::fill_n(root, n * n, Pack{});
  for (std::size_t p = 0; p < kParts; p++) {
    const Part* const a = partsOf(matrix) + p;
    Part *const r = partsOf(root) + p, *const inverses = partsOf(inversePivots) + p;
    const auto at = [n](std::size_t i, std::size_t j) { return kParts * (i * n + j); };
    for (std::size_t j = 0; j < n; j++) {
      for (std::size_t i = 0; i < j; i++) {
        Part sum = a[at(i, j)];
        for (std::size_t k = 0; k < i; k++) sum -= r[at(k, i)] * r[at(k, j)];
        r[at(i, j)] = sum * inverses[kParts * i];
      }
      Part square = a[at(j, j)];
      for (std::size_t k = 0; k < j; k++) square -= r[at(k, j)] * r[at(k, j)];
      for (std::size_t lane = 0; lane < DEEPNTK_LANES; lane++) {
        const bool independent = square[lane] > kRankTolerance * a[at(j, j)][lane];
        const double pivot = independent ? std::sqrt(square[lane]) : 0;
        r[at(j, j)][lane] = pivot;
        inverses[kParts * j][lane] = independent ? 1 / pivot : 0;
      }
    }
  }
}

// Takes rows `from` .. `to` - 1, times the packs of r at `first`, `first` + `step`, ..., from row i, and
// scales it.
DEEPNTK_TARGET DEEPNTK_INLINE void solveRow(std::size_t i, std::size_t from, std::size_t to, const Part* r,
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

DEEPNTK_TARGET void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w,
                                    std::size_t columns) {
  for (std::size_t i = 0; i < n; i++) {
    solveRow(i, 0, i, partsOf(r), i, n, partsOf(inverses + i), partsOf(w), columns);
  }
}

DEEPNTK_TARGET void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w,
                               std::size_t columns) {
  for (std::size_t i = n; i-- > 0;) {
    solveRow(i, i + 1, n, partsOf(r), i * n + i + 1, 1, partsOf(inverses + i), partsOf(w), columns);
  }
}

}  // namespace DEEPNTK_NAMESPACE

}  // namespace

#undef DEEPNTK_TARGET
#undef DEEPNTK_NAMESPACE
#undef DEEPNTK_LANES
#undef DEEPNTK_COLUMNS
