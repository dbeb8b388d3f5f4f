// Back-propagation's two steps that are no matrix product: what comes in at the outputs, and the gates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "buffer.hpp"
#include "compaction.hpp"
#include "elementwise.hpp"
#include "mlp.hpp"

namespace deepntk {

// df/dx^L over the kept units: W^{L+1}, a row for every output; or for the sum of logits the sum of its rows
// over sqrt(K), one row.
template <typename T>
MatrixView<const T> outputWeights(const Network& network, bool sumOfLogits, const Units& units,
                                  Buffer<T>& gathered) {
  const Layer& layer = network.layer(network.layers());
  const std::size_t width = layer.weights.columns, outputs = layer.weights.rows, count = units.count();
  const std::size_t chains = sumOfLogits ? 1 : outputs;
  gathered.reserve(chains * count);
  std::vector<double> row(width);
  for (std::size_t k = 0; k < chains; k++) {
    if (sumOfLogits) {
      std::fill(row.begin(), row.end(), 0.0);
      for (std::size_t output = 0; output < outputs; output++) {
        for (std::size_t j = 0; j < width; j++) row[j] += layer.weights.row(output)[j];
      }
      for (double& entry : row) entry *= layer.weightGain / std::sqrt(static_cast<double>(outputs));
    } else {
      for (std::size_t j = 0; j < width; j++) row[j] = layer.weightGain * layer.weights.row(k)[j];
    }
    gatherColumns(row.data(), units, gathered.data() + k * count);
  }
  return {gathered.data(), chains, count, count};
}

// Multiplies deltas, `chains` rows for every input, by relu'(h), which is 1 where the activation is positive
// and else 0. With `source`, the deltas are first set to its rows, one for every chain. Returns the largest
// magnitude (float32 only).
template <typename T>
double gateDeltas(MatrixView<const T> activations, const MatrixView<const T>* source, std::size_t chains,
                  T* deltas) {
  const std::size_t width = activations.columns;
  T largest = 0;
  for (std::size_t i = 0; i < activations.rows; i++) {
    for (std::size_t k = 0; k < chains; k++) {
      T* const row = deltas + (i * chains + k) * width;
      const T* const from = source == nullptr ? row : source->row(k);
      if constexpr (std::is_same_v<T, double>) {
        gateRow(activations.row(i), from, row, width);
      } else {
        largest = std::max(largest, gateRow(activations.row(i), from, row, width));
      }
    }
  }
  return static_cast<double>(largest);
}

}  // namespace deepntk
