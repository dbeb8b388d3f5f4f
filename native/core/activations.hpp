// The activations of a batch at every layer, and the passing of weights between kept units.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "compaction.hpp"
#include "mlp.hpp"

namespace deepntk {

// The activations of one layer for the whole batch, kept units only; the true ones are `values` times
// 2^exponent.
template <typename T>
struct Activations {
  Buffer<T> values;
  Units units;
  int exponent = 0;
};

struct Batch {
  const Network& network;
  const double* x;  // n x n_0
  std::size_t n;
  const double* x2;  // n2 x n_0, below x; or null
  std::size_t n2;
  std::size_t rowBlock;
  Compaction compaction;
  std::vector<LayerWork> work;  // of layers 0 .. L
  std::size_t lowest;           // the values of layers below this one are not asked for
  bool mostOpenFirst = false;   // order of the kept units of hidden layers; else as they come

  std::size_t inputs() const { return n + (x2 == nullptr ? 0 : n2); }
};

// x^0 .. x^L, computed in float64. In float32 each layer is scaled by a power of two to near 1, so that the
// depth of the net is not bounded by float32's range.
template <typename T>
std::vector<Activations<T>> computeActivations(Run& run, Team& team, const Batch& batch);

// The binary exponent that brings a number of this magnitude near 1; 2 to its negative is finite.
int exponentOf(double magnitude);

// Throws where the largest activation of hidden layer `l` is so small that others of the layer are lost:
// gates would be closed that are open. 0, a dead layer, is let through.
void expectGates(double largest, std::size_t l);

template <typename Body>
void forEachBlock(Team& team, std::size_t count, std::size_t block, const Body& body) {
  const std::size_t step = std::max<std::size_t>(block, 1);
  team.parallelFor((count + step - 1) / step,
                   [&](std::size_t i, std::size_t) { body(i * step, std::min(step, count - i * step)); });
}

// The weights between the kept units of two layers (`above` null: all), in the scalar type asked for; in
// place where nothing is dropped or converted.
template <typename T>
MatrixView<const T> gatherWeights(Team& team, const Layer& layer, const Units* above, const Units& below,
                                  Buffer<T>& gathered) {
  const bool allRows = above == nullptr || above->all;
  if constexpr (std::is_same_v<T, double>) {
    if (below.all && allRows) return layer.weights;
  }
  const std::size_t rows = allRows ? layer.weights.rows : above->kept.size(), columns = below.count();
  // Rows begin on cache lines: products of our own read them in pieces of one.
  constexpr std::size_t line = 64 / sizeof(T);
  const std::size_t stride = (columns + line - 1) / line * line;
  gathered.reserve(rows * stride);
  // Too small a block would cost more to hand to a thread than to move.
  forEachBlock(team, rows, 1 + 65536 / (columns + 1), [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; i++) {
      gatherColumns(layer.weights.row(allRows ? i : above->kept[i]), below, gathered.data() + i * stride);
    }
  });
  return {gathered.data(), rows, columns, stride};
}

}  // namespace deepntk
