#include "gram.hpp"

#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "vector_products.hpp"

namespace deepntk {

namespace {

// Entry p of a line of a tile is at p * stride.
struct Strides {
  std::size_t deltas, kernel;
};

template <typename T>
struct Line {
  const T* activations;  // null: no weight term
  const T* deltas;       // null: all are `constantDelta`
  double constantDelta;
  double weightTerm, biasTerm;
};

template <typename T>
inline void addLine(const Line<T> line, std::size_t count, const Strides strides, double* kernel,
                    double* weights, double* biases) {
  for (std::size_t j = 0; j < count; j++) {
    const double delta =
        line.deltas != nullptr ? static_cast<double>(line.deltas[j * strides.deltas]) : line.constantDelta;
    const double weightPart = line.activations != nullptr
                                  ? line.weightTerm * static_cast<double>(line.activations[j]) * delta
                                  : 0.0;
    const double biasPart = line.biasTerm * delta;
    kernel[j * strides.kernel] += weightPart + biasPart;
    if (weights != nullptr) weights[j * strides.kernel] += weightPart;
    if (biases != nullptr) biases[j * strides.kernel] += biasPart;
  }
}

// One Gram matrix of a tile, C = A B'. If A and B are the same rows, only the lower triangle is computed.
template <typename T>
void gramOf(const Run& run, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  // Rows without units have equal addresses even if they are different rows.
  const bool lower = a.data == b.data && a.columns > 0;
  if (hasVectorProducts() && std::max(c.rows, c.columns) <= kMostRowsMultiplied<T>) {
    run.check();
    multiplyRows<T>(a, b, lower, c);
  } else if (lower) {
    syrk<T>(run, a, c);
  } else {
    gemm<T>(run, T(1), a, b, Transpose::yes, T(0), c);
  }
}

double* at(double* base, std::size_t offset) {
  return base == nullptr ? nullptr : base + offset;
}

}  // namespace

template <typename T>
void addTile(const Run& run, const GramLayer<T>& layer, const Tile& tile, const KernelOutput& output,
             TileScratch<T>& scratch) {
  const std::size_t outputs = output.outputs, entries = output.entries();
  const bool triangle = output.symmetric && tile.row == tile.column;

  Line<T> line{nullptr, nullptr, 1.0,
               std::ldexp(layer.weightTerm, layer.activationExponent + layer.deltaExponent),
               std::ldexp(layer.biasTerm, layer.deltaExponent)};
  if (layer.weightTerm != 0) {
    const std::size_t width = layer.activationWidth;
    scratch.activations.reserve(tile.rows * tile.columns);
    gramOf<T>(run, {layer.rows.activations + tile.row * width, tile.rows, width, width},
              {layer.columns.activations + tile.column * width, tile.columns, width, width},
              {scratch.activations.data(), tile.rows, tile.columns, tile.columns});
  }

  // Adds entry (k1, k2) of every pair of inputs of the tile; `deltas` holds them at deltaRow and deltaColumn
  // steps.
  const auto addEntry = [&](std::size_t entry, const T* deltas, std::size_t rowStep, std::size_t columnStep,
                            bool withDiagonal) {
    for (std::size_t i = 0; i < tile.rows; i++) {
      const std::size_t count = triangle ? i + (withDiagonal ? 1 : 0) : tile.columns;
      const std::size_t first = ((tile.row + i) * output.n2 + tile.column) * entries + entry;
      line.activations = layer.weightTerm != 0 ? scratch.activations.data() + i * tile.columns : nullptr;
      line.deltas = deltas == nullptr ? nullptr : deltas + i * rowStep;
      double* const kernel = output.kernel + first;
      const bool plain = columnStep == 1 && entries == 1;
      if (plain && line.activations != nullptr && line.deltas != nullptr && output.weights == nullptr) {
        addProducts(line.activations, line.deltas, line.weightTerm, line.biasTerm, kernel, count);
      } else if (plain) {
        addLine(line, count, {1, 1}, kernel, at(output.weights, first), at(output.biases, first));
      } else {
        addLine(line, count, {columnStep, entries}, kernel, at(output.weights, first),
                at(output.biases, first));
      }
    }
  };

  const std::size_t width = layer.deltaWidth, chains = layer.chains;
  const bool identity = layer.identity;
  const T* const rowDeltas = identity ? nullptr : layer.rows.deltas + tile.row * chains * width;
  const T* const columnDeltas = identity ? nullptr : layer.columns.deltas + tile.column * chains * width;
  switch (output.form) {
    case KernelForm::trace:
    case KernelForm::sumOfLogits:
      if (identity) {
        line.constantDelta = output.form == KernelForm::trace ? static_cast<double>(outputs) : 1.0;
        return addEntry(0, nullptr, 0, 1, true);
      }
      // The sum over outputs of D_k D_k': one product of inner length chains * width.
      scratch.deltas.reserve(tile.rows * tile.columns);
      gramOf<T>(run, {rowDeltas, tile.rows, chains * width, chains * width},
                {columnDeltas, tile.columns, chains * width, chains * width},
                {scratch.deltas.data(), tile.rows, tile.columns, tile.columns});
      return addEntry(0, scratch.deltas.data(), tile.columns, 1, true);

    case KernelForm::diagonal:
      for (std::size_t k = 0; k < outputs; k++) {
        if (identity) {
          addEntry(k, nullptr, 0, 1, true);
          continue;
        }
        scratch.deltas.reserve(tile.rows * tile.columns);
        gramOf<T>(run, {rowDeltas + k * width, tile.rows, width, chains * width},
                  {columnDeltas + k * width, tile.columns, width, chains * width},
                  {scratch.deltas.data(), tile.rows, tile.columns, tile.columns});
        addEntry(k, scratch.deltas.data(), tile.columns, 1, true);
      }
      return;

    case KernelForm::full: {
      if (identity) {
        for (std::size_t k = 0; k < outputs; k++) addEntry(k * outputs + k, nullptr, 0, 1, true);
        return;
      }
      const std::size_t columns = tile.columns * chains;
      scratch.deltas.reserve(tile.rows * chains * columns);
      gramOf<T>(run, {rowDeltas, tile.rows * chains, width, width}, {columnDeltas, columns, width, width},
                {scratch.deltas.data(), tile.rows * chains, columns, columns});
      for (std::size_t k1 = 0; k1 < outputs; k1++) {
        for (std::size_t k2 = 0; k2 < outputs; k2++) {
          addEntry(k1 * outputs + k2, scratch.deltas.data() + k1 * columns + k2, chains * columns, chains,
                   k2 <= k1);
        }
      }
    }
  }
}

std::vector<Tile> tilesOf(const KernelOutput& output, std::size_t edge) {
  std::vector<Tile> tiles;
  for (std::size_t row = 0; row < output.n; row += edge) {
    const std::size_t end = output.symmetric ? row + 1 : output.n2;
    for (std::size_t column = 0; column < end; column += edge) {
      tiles.push_back({row, column, std::min(edge, output.n - row), std::min(edge, output.n2 - column)});
    }
  }
  return tiles;
}

void mirrorTile(const Tile& tile, const KernelOutput& output) {
  const std::size_t entries = output.entries(), outputs = output.outputs;
  const bool full = output.form == KernelForm::full;
  for (double* const array : {output.kernel, output.weights, output.biases}) {
    if (array == nullptr) continue;
    for (std::size_t i = tile.row; i < tile.row + tile.rows; i++) {
      for (std::size_t j = tile.column; j < std::min(tile.column + tile.columns, i + 1); j++) {
        const double* const lower = array + (i * output.n2 + j) * entries;
        double* const upper = array + (j * output.n2 + i) * entries;
        for (std::size_t entry = 0; entry < entries; entry++) {
          const std::size_t k1 = entry / outputs, k2 = entry % outputs;
          if (i == j && (!full || k2 >= k1)) continue;
          upper[full ? k2 * outputs + k1 : entry] = lower[entry];
        }
      }
    }
  }
}

template void addTile(const Run&, const GramLayer<double>&, const Tile&, const KernelOutput&,
                      TileScratch<double>&);
template void addTile(const Run&, const GramLayer<float>&, const Tile&, const KernelOutput&,
                      TileScratch<float>&);

}  // namespace deepntk
