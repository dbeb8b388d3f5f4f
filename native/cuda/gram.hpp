// One layer's two Gram matrices and their product, added to a block of the kernel; the counterpart of
// native/core/gram.*.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/gram.hpp"
#include "products.hpp"

namespace deepntk::cuda {

// Where a layer's term goes: a block of n x n2 pairs of inputs, `entries` numbers each.
struct KernelBlock {
  KernelForm form;
  bool symmetric;
  std::size_t n, n2, outputs;
  double* kernel;   // on the device, as all
  double* weights;  // one layer's parts, or null
  double* biases;

  std::size_t entries() const {
    return form == KernelForm::full ? outputs * outputs : form == KernelForm::diagonal ? outputs : 1;
  }
};

// Binary exponents of what belongs to a block's inputs, on the device: of row i number (i / group) * step of
// `rows`, of column j likewise. Group 0: one for all.
struct Exponents {
  const std::int32_t *rows = nullptr, *columns = nullptr;  // null: 0
  std::size_t group = 0, step = 0;

  static Exponents ofAll(const std::int32_t* exponent) { return {exponent, exponent, 0, 0}; }

  DEEPNTK_PORTABLE int of(std::size_t i, std::size_t j) const {
    if (rows == nullptr) return 0;
    if (group == 0) return *rows + *columns;
    const auto divisor = static_cast<std::uint32_t>(group);  // 64-bit divisions are slow on a GPU
    return rows[static_cast<std::uint32_t>(i) / divisor * step] +
           columns[static_cast<std::uint32_t>(j) / divisor * step];
  }
};

// A layer as its Gram matrices see it; rows of X, then rows of X2 where the block is not symmetric.
template <typename T>
struct GramLayer {
  const T* activations;
  std::size_t activationWidth;
  Exponents activationExponents;
  bool identity;  // the deltas are the identity (the output layer)
  const T* deltas;
  std::size_t deltaWidth;  // may be 0: a layer that no input activates
  Exponents deltaExponents;
  std::size_t chains;
  double weightTerm, biasTerm;
};

// kernel += (weightTerm A A' + biasTerm) o (D D'), one entry of one pair of inputs.
template <typename T>
struct AddLayer {
  const T* activations;  // n x n2; null: no weight term
  const T* deltas;       // the entry of pair (i, j) at i * rowStep + j * columnStep; null: `constantDelta`
  std::size_t rowStep, columnStep;
  double constantDelta, weightTerm, biasTerm;
  Exponents activationExponents, deltaExponents;
  double *kernel, *weights, *biases;
  std::size_t n2, entries, entry;
  bool lower, diagonal;  // only pairs below the diagonal, or only up to it

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    if (lower && (diagonal ? j > i : j >= i)) return;
    const int deltaPower = deltaExponents.of(i, j), power = deltaPower + activationExponents.of(i, j);
    const double delta =
        deltas == nullptr ? constantDelta : static_cast<double>(deltas[i * rowStep + j * columnStep]);
    const double weightPart =
        activations == nullptr
            ? 0.0
            : std::ldexp(weightTerm, power) * static_cast<double>(activations[i * n2 + j]) * delta;
    const double biasPart = std::ldexp(biasTerm, deltaPower) * delta;
    const std::size_t at = (i * n2 + j) * entries + entry;
    kernel[at] += weightPart + biasPart;
    if (weights != nullptr) weights[at] = weightPart;
    if (biases != nullptr) biases[at] = biasPart;
  }
};

// Up to so many inputs, the Gram matrices of all outputs are one batched product.
constexpr std::size_t kBatchedInputs = 512;

template <typename Device, typename T>
class GramAdder {
 public:
  GramAdder(Device& device, Products<Device>& products) : device_(device), products_(products) {}

  void add(const GramLayer<T>& layer, const KernelBlock& block) {
    const std::size_t n = block.n, n2 = block.n2, entries = block.entries();
    const bool symmetric = block.symmetric;
    AddLayer<T> line{nullptr,
                     nullptr,
                     0,
                     0,
                     1.0,
                     layer.weightTerm,
                     layer.biasTerm,
                     layer.activationExponents,
                     layer.deltaExponents,
                     block.kernel,
                     block.weights,
                     block.biases,
                     n2,
                     entries,
                     0,
                     symmetric,
                     true};
    DeviceArray<Device, T> activations;
    if (layer.weightTerm != 0) {
      const std::size_t width = layer.activationWidth;
      activations = DeviceArray<Device, T>(device_, n * n2);
      const T* const right = layer.activations + (symmetric ? 0 : n * width);
      products_.template gram<T>({layer.activations, n, width, width}, {right, n2, width, width},
                                 {activations.data(), n, n2, n2});
      line.activations = activations.data();
    }
    const auto addEntry = [&](std::size_t entry) {
      line.entry = entry;
      device_.forEach(n, n2, line);
    };
    const std::size_t outputs = block.outputs, chains = layer.chains, width = layer.deltaWidth;
    if (layer.identity) {
      const std::size_t step = block.form == KernelForm::full ? outputs + 1 : 1;
      if (block.form == KernelForm::trace) line.constantDelta = static_cast<double>(outputs);
      for (std::size_t entry = 0; entry < entries; entry += step) addEntry(entry);
      return;
    }
    const T* const rows = layer.deltas;
    const T* const columns = layer.deltas + (symmetric ? 0 : n * chains * width);
    if (block.form == KernelForm::full) {
      const std::size_t across = n2 * chains;
      DeviceArray<Device, T> deltas(device_, n * chains * across);
      products_.template gram<T>({rows, n * chains, width, width}, {columns, across, width, width},
                                 {deltas.data(), n * chains, across, across});
      line.rowStep = chains * across;
      line.columnStep = chains;
      for (std::size_t k1 = 0; k1 < outputs; k1++) {
        for (std::size_t k2 = 0; k2 < outputs; k2++) {
          line.deltas = deltas.data() + k1 * across + k2;
          line.diagonal = k2 <= k1;
          addEntry(k1 * outputs + k2);
        }
      }
      return;
    }
    line.rowStep = n2;
    line.columnStep = 1;
    if (block.form == KernelForm::diagonal && n <= kBatchedInputs && n2 <= kBatchedInputs) {
      DeviceArray<Device, T> deltas(device_, outputs * n * n2);
      products_.template multiplyBatched<T>(Transpose::no, Transpose::yes, device_.template one<T>(),
                                            {rows, n, width, chains * width},
                                            {columns, n2, width, chains * width}, device_.template zero<T>(),
                                            {deltas.data(), n, n2, n2}, {width, width, n * n2, outputs});
      for (std::size_t k = 0; k < outputs; k++) {
        line.deltas = deltas.data() + k * n * n2;
        addEntry(k);
      }
      return;
    }
    // The sum over outputs of D_k D_k' is one product of inner length chains * width; without the sum, one
    // each.
    const bool each = block.form == KernelForm::diagonal;
    const std::size_t inner = each ? width : chains * width;
    DeviceArray<Device, T> deltas(device_, n * n2);
    line.deltas = deltas.data();
    for (std::size_t k = 0; k < (each ? outputs : 1); k++) {
      products_.template gram<T>({rows + k * width, n, inner, chains * width},
                                 {columns + k * width, n2, inner, chains * width},
                                 {deltas.data(), n, n2, n2});
      addEntry(k);
    }
  }

 private:
  Device& device_;
  Products<Device>& products_;
};

}  // namespace deepntk::cuda
