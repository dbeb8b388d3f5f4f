// Compiled without contraction into fused multiply-adds (-ffp-contract=off), like all that has a twin.
#include "lane_products.hpp"

#include <algorithm>
#include <cmath>

#include "elementwise.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kTile = 4;  // 4 x 4 sums stay in registers

template <std::size_t rows, std::size_t columns>
DEEPNTK_INLINE void multiplyTile(std::size_t inner, const Pack* a, std::size_t aRow, std::size_t aInner,
                                 const Pack* b, std::size_t bInner, std::size_t bColumn, Pack* c,
                                 std::size_t cRow, std::size_t cColumn, bool add) {
  Pack sums[rows][columns];
  for (std::size_t i = 0; i < rows; i++) {
    for (std::size_t j = 0; j < columns; j++) sums[i][j] = add ? c[i * cRow + j * cColumn] : Pack{};
  }
  for (std::size_t t = 0; t < inner; t++) {
    Pack right[columns];
    for (std::size_t j = 0; j < columns; j++) right[j] = b[t * bInner + j * bColumn];
    for (std::size_t i = 0; i < rows; i++) {
      const Pack left = a[i * aRow + t * aInner];
      for (std::size_t j = 0; j < columns; j++) sums[i][j] += left * right[j];
    }
  }
  for (std::size_t i = 0; i < rows; i++) {
    for (std::size_t j = 0; j < columns; j++) c[i * cRow + j * cColumn] = sums[i][j];
  }
}

template <std::size_t rows>
DEEPNTK_INLINE void multiplyRow(std::size_t columns, std::size_t inner, const Pack* a, std::size_t aRow,
                                std::size_t aInner, const Pack* b, std::size_t bInner, std::size_t bColumn,
                                Pack* c, std::size_t cRow, std::size_t cColumn, bool add) {
  switch (columns) {
    case 1:
      return multiplyTile<rows, 1>(inner, a, aRow, aInner, b, bInner, bColumn, c, cRow, cColumn, add);
    case 2:
      return multiplyTile<rows, 2>(inner, a, aRow, aInner, b, bInner, bColumn, c, cRow, cColumn, add);
    case 3:
      return multiplyTile<rows, 3>(inner, a, aRow, aInner, b, bInner, bColumn, c, cRow, cColumn, add);
    default:
      return multiplyTile<rows, 4>(inner, a, aRow, aInner, b, bInner, bColumn, c, cRow, cColumn, add);
  }
}

}  // namespace

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a, ConstLaneMatrix b,
              LaneMatrix c, Entries entries, bool add) {
  for (std::size_t i = 0; i < rows; i += kTile) {
    const std::size_t height = std::min(kTile, rows - i);
    for (std::size_t j = entries == Entries::upper ? i : 0; j < columns; j += kTile) {
      const std::size_t width = std::min(kTile, columns - j);
      const std::size_t depth = entries == Entries::triangular ? std::min(inner, j + width) : inner;
      const Pack* const left = a.data + i * a.row;
      const Pack* const right = b.data + j * b.column;
      Pack* const out = c.data + i * c.row + j * c.column;
      switch (height) {
        case 1:
          multiplyRow<1>(width, depth, left, a.row, a.column, right, b.row, b.column, out, c.row, c.column,
                         add);
          break;
        case 2:
          multiplyRow<2>(width, depth, left, a.row, a.column, right, b.row, b.column, out, c.row, c.column,
                         add);
          break;
        case 3:
          multiplyRow<3>(width, depth, left, a.row, a.column, right, b.row, b.column, out, c.row, c.column,
                         add);
          break;
        default:
          multiplyRow<4>(width, depth, left, a.row, a.column, right, b.row, b.column, out, c.row, c.column,
                         add);
      }
    }
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void rectifyLanes(Pack* x, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) setWhereAboveZero(x[i], x[i], x[i]);
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units, std::size_t inputs,
               std::size_t chains, Pack* out) {
  for (std::size_t u = 0; u < units; u++) {
    const Pack* const from = values + u * (spread ? chains : inputs * chains);
    for (std::size_t i = 0; i < inputs; i++) {
      const Pack gate = x[u * inputs + i];
      for (std::size_t k = 0; k < chains; k++) {
        setWhereAboveZero(*out++, gate, from[spread ? k : i * chains + k]);
      }
    }
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void factorLanes(const Pack* a, std::size_t n, Pack* r, Pack* inverses) {
  std::fill_n(r, n * n, Pack{});
  for (std::size_t j = 0; j < n; j++) {
    for (std::size_t i = 0; i < j; i++) {
      Pack sum = a[i * n + j];
      for (std::size_t k = 0; k < i; k++) sum -= r[k * n + i] * r[k * n + j];
      r[i * n + j] = sum * inverses[i];
    }
    Pack square = a[j * n + j];
    for (std::size_t k = 0; k < j; k++) square -= r[k * n + j] * r[k * n + j];
    for (std::size_t lane = 0; lane < kReplicaLanes; lane++) {
      const bool independent = square[lane] > kRankTolerance * a[j * n + j][lane];
      const double pivot = independent ? std::sqrt(square[lane]) : 0;
      r[j * n + j][lane] = pivot;
      inverses[j][lane] = independent ? 1 / pivot : 0;
    }
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  for (std::size_t i = 0; i < n; i++) {
    for (std::size_t j = 0; j < columns; j++) {
      Pack sum = w[i * columns + j];
      for (std::size_t k = 0; k < i; k++) sum -= r[k * n + i] * w[k * columns + j];
      w[i * columns + j] = sum * inverses[i];
    }
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = 0; j < columns; j++) {
      Pack sum = w[i * columns + j];
      for (std::size_t k = i + 1; k < n; k++) sum -= r[i * n + k] * w[k * columns + j];
      w[i * columns + j] = sum * inverses[i];
    }
  }
}

}  // namespace deepntk
