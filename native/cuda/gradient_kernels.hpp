// What products with the Jacobian (gradients.hpp) do between their matrix products.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels.hpp"

namespace deepntk::cuda {

// The cotangents of a layer's preactivations, `directions` for every input: the sum over chains of
// coefficient times delta.
template <typename T>
struct CombineDeltas {
  const double* coefficients;  // of row (i, k) and direction d at (i chains + k) * stride + d
  std::size_t stride;
  const T* deltas;  // null: the identity
  std::size_t chains, width;
  T* to;  // rows x directions x width
  std::size_t directions;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t j) const {
    const std::size_t i = row / directions, d = row - i * directions;
    const double* const c = coefficients + i * chains * stride + d;
    T sum = 0;
    if (deltas == nullptr) {
      sum = static_cast<T>(c[j * stride]);
    } else {
      for (std::size_t k = 0; k < chains; k++) {
        const T factor = static_cast<T>(c[k * stride]);
        if (factor != 0) sum += factor * deltas[(i * chains + k) * width + j];
      }
    }
    to[row * width + j] = sum;
  }
};

// sums += 2^exponents gain values, over the rows that are summed up already.
template <typename T>
struct AddScaled {
  const T* values;
  double gain;
  const std::int32_t *first, *second;  // null: 0
  double* sums;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const {
    const int exponent = (first == nullptr ? 0 : *first) + (second == nullptr ? 0 : *second);
    sums[i] += std::ldexp(gain, exponent) * static_cast<double>(values[i]);
  }
};

// The biases' part: the sum over the rows of a piece of the cotangents.
template <typename T>
struct AddBiasGradients {
  const T* combined;  // rows x (directions width)
  std::size_t rows, columns;
  double gain;
  const std::int32_t* exponent;  // null: 0
  double* sums;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t j) const {
    const double scale = exponent == nullptr ? gain : std::ldexp(gain, *exponent);
    double sum = 0;
    for (std::size_t i = 0; i < rows; i++) sum += static_cast<double>(combined[i * columns + j]);
    sums[j] += scale * sum;
  }
};

// What a layer's weights, or its biases, contribute to the products: of input i, chain k and direction d.
template <typename T>
struct ProductPart {
  const T* values = nullptr;  // null: nothing
  std::size_t inputStep = 0, chainStep = 0, directionStep = 0;
  double gain = 0;
  const std::uint64_t* largest = nullptr;  // of each direction's vector, which its exponent was taken out of

  DEEPNTK_PORTABLE double of(std::size_t i, std::size_t k, std::size_t d, int exponent) const {
    if (values == nullptr) return 0;
    if (largest != nullptr) exponent += exponentOfBits(largest[d]);
    return std::ldexp(gain, exponent) *
           static_cast<double>(values[i * inputStep + k * chainStep + d * directionStep]);
  }
};

template <typename T>
struct AddProducts {
  ProductPart<T> weights, biases;
  const std::int32_t *activationExponents, *deltaExponents;  // of group g at g * step; null: 0
  std::size_t step, group, chains;
  double* products;
  std::size_t directions;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t d) const {
    const std::size_t i = row / chains, k = row - i * chains, at = i / group * step;
    const int delta = deltaExponents == nullptr ? 0 : deltaExponents[at];
    const int activation = activationExponents == nullptr ? 0 : activationExponents[at];
    products[row * directions + d] += weights.of(i, k, d, activation + delta) + biases.of(i, k, d, delta);
  }
};

}  // namespace deepntk::cuda
