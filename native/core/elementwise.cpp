#include "elementwise.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace deepntk {

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void rectify(MatrixView<double> h, const Layer& layer, double* columnSums) {
  const double* const biases = layer.biases;
  const double gain = layer.biasGain;
  const std::size_t columns = h.columns;
  for (std::size_t i = 0; i < h.rows; i++) {
    double* const row = h.row(i);
    for (std::size_t j = 0; j < columns; j++) {
      const double value = row[j] + gain * biases[j];
      const double positive = value <= 0 ? 0 : value;
      row[j] = positive;
      columnSums[j] += positive;
    }
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void countOpen(MatrixView<const double> h, std::uint32_t* counts) {
  for (std::size_t i = 0; i < h.rows; i++) {
    const double* const row = h.row(i);
    for (std::size_t j = 0; j < h.columns; j++) counts[j] += row[j] > 0 ? 1 : 0;
  }
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void gateRow(const double* activation, const double* from, double* to, std::size_t size) {
  for (std::size_t j = 0; j < size; j++) to[j] = activation[j] > 0 ? from[j] : 0;
}

// Magnitudes are compared as integers, which compilers vectorize and which order floats of one sign alike.
DEEPNTK_FOR_EACH_INSTRUCTION_SET
float gateRow(const float* activation, const float* from, float* to, std::size_t size) {
  std::int32_t largest = 0;
  for (std::size_t j = 0; j < size; j++) {
    const float value = activation[j] > 0 ? from[j] : 0;
    to[j] = value;
    std::int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  float result;
  std::memcpy(&result, &largest, sizeof result);
  return result;
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void narrow(const double* from, double scale, float* to, std::size_t size) {
  constexpr float tiny = std::numeric_limits<float>::min();
  for (std::size_t j = 0; j < size; j++) {
    const float value = static_cast<float>(from[j] * scale);
    to[j] = value == 0 && from[j] > 0 ? tiny : value;
  }
}

namespace {

template <typename T>
inline void addProductsOf(const T* activations, const T* deltas, double weightTerm, double biasTerm,
                          double* kernel, std::size_t size) {
  for (std::size_t j = 0; j < size; j++) {
    const double delta = static_cast<double>(deltas[j]);
    const double weightPart = weightTerm * static_cast<double>(activations[j]) * delta;
    kernel[j] += weightPart + biasTerm * delta;
  }
}

}  // namespace

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void addProducts(const double* activations, const double* deltas, double weightTerm, double biasTerm,
                 double* kernel, std::size_t size) {
  addProductsOf(activations, deltas, weightTerm, biasTerm, kernel, size);
}

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void addProducts(const float* activations, const float* deltas, double weightTerm, double biasTerm,
                 double* kernel, std::size_t size) {
  addProductsOf(activations, deltas, weightTerm, biasTerm, kernel, size);
}

}  // namespace deepntk
