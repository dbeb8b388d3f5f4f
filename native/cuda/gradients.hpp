// Products with the Jacobian of a block of inputs, from its features, on a device; the counterpart of
// native/core/products.cpp. One matrix product computes all directions of a layer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/features.hpp"
#include "gradient_kernels.hpp"
#include "products.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// Both products, and the choice of the inputs and directions that they handle at a time.
template <typename Device, typename T>
class GradientProducts {
 public:
  GradientProducts(Run& run, Device& device, Arithmetic arithmetic, const FeatureShape& shape,
                   FeatureBlock<const T> block, std::size_t directions)
      : run_(run),
        device_(device),
        products_(device, arithmetic),
        shape_(shape),
        net_(shape.network),
        block_(block),
        directions_(directions),
        chains_(shape.chains()),
        results_(device, 2) {
    offsets_.push_back(0);
    double flops = 0;
    for (std::size_t l = 1; l <= net_.layers(); l++) {
      offsets_.push_back(offsets_.back() + net_.width(l) * (net_.width(l - 1) + 1));
      if (shape.counts(l)) flops += 2.0 * block.n * net_.width(l - 1) * net_.width(l);
    }
    run.expect(directions * flops);
    if constexpr (kScaled)
      exponents_ = DeviceArray<Device, std::int32_t>(device, block.exponents, shape.exponents(block.n));
  }

  // gradients (directions x P) += coefficients' J
  void addGradients(const double* coefficients, double* gradients) {
    std::vector<double> gains;
    for (std::size_t l = 1; l <= net_.layers(); l++) gains.push_back(net_.layer(l).weightGain);
    const DeviceArray<Device, double> alphas(device_, gains);
    const DeviceArray<Device, double> all(device_, coefficients, block_.n * chains_ * directions_);
    for (std::size_t l = net_.layers(); l >= 1; l--) {
      if (!shape_.counts(l)) continue;
      const std::size_t width = net_.width(l), below = net_.width(l - 1);
      // There are three arrays of sums: one is computed, and two are in transfer to the host.
      const double room = roomOnDevice(), perDirection = (24.0 + sizeof(T)) * width * (below + 1);
      const std::size_t batch = directionsThatFit(room, perDirection);
      const std::size_t step = inputsThatFit(l, batch, room - batch * perDirection);
      for (std::size_t first = 0; first < directions_; first += batch) {
        const std::size_t count = std::min(batch, directions_ - first);
        double* const to = gradients + first * offsets_.back() + offsets_[l - 1];
        DeviceArray<Device, double> weights, biases;
        if (shape_.hasActivations(l)) weights = vectorsOf(to, count, width * below);
        if (shape_.biasTerms[l - 1] != 0) biases = vectorsOf(to + width * below, count, width);
        for (std::size_t row = 0; row < block_.n; row += step) {
          const LayerRows layer = load(l, row, std::min(step, block_.n - row));
          addGradientsOf(layer, l, all.data() + row * chains_ * directions_ + first, count,
                         alphas.data() + (l - 1), weights, biases);
          device_.pace(run_, 2.0 * count * layer.rows * width * below);
        }
        if (weights.size() > 0) results_.send(std::move(weights), to, count, width * below, offsets_.back());
        if (biases.size() > 0)
          results_.send(std::move(biases), to + width * below, count, width, offsets_.back());
      }
    }
    results_.finish();
  }

  // products ((n chains) x directions) = J vectors'
  void contractGradients(const double* vectors, double* products) {
    const std::size_t rows = block_.n * chains_;
    double heaviest = 0;
    for (std::size_t l = 1; l <= net_.layers(); l++) {
      if (shape_.counts(l)) heaviest = std::max(heaviest, parametersOf(l));
    }
    // The vectors before and after conversion, and three arrays of sums: one is computed, and two are in
    // transfer to the host.
    const std::size_t batch =
        directionsThatFit(roomOnDevice(), (8 + kSplit * sizeof(T)) * heaviest + 24.0 * rows);
    for (std::size_t first = 0; first < directions_; first += batch) {
      const std::size_t count = std::min(batch, directions_ - first);
      DeviceArray<Device, double> sums(device_, rows * count);
      sums.clear();
      for (std::size_t l = 1; l <= net_.layers(); l++) {
        if (shape_.counts(l))
          contractLayer(l, vectors + first * offsets_.back() + offsets_[l - 1], count, sums.data());
      }
      results_.send(std::move(sums), products + first, rows, count, directions_);
    }
    results_.finish();
  }

 private:
  static constexpr bool kScaled = std::is_same_v<T, float>;

  // Operands in float32 may be split in two: themselves, and both parts.
  static constexpr double kSplit = kScaled ? 3 : 1;

  // One layer's features of some of the inputs.
  struct LayerRows {
    std::size_t first, rows;
    DeviceArray<Device, T> activations, deltas;
  };

  double parametersOf(std::size_t l) const { return net_.width(l) * (net_.width(l - 1) + 1.0); }

  // Four fifths of the free memory. Waits for the device.
  double roomOnDevice() const { return 0.8 * static_cast<double>(device_.freeMemory()); }

  // The number of directions that fit half of the room; at least one. The other half is for inputs.
  std::size_t directionsThatFit(double room, double perDirection) const {
    std::size_t directions = directions_;
    while (directions > 1 && directions * perDirection > room / 2) directions = (directions + 1) / 2;
    return directions;
  }

  // The number of inputs, in whole groups, that fit the room with layer l's arrays: features, one number for
  // each unit and direction, and two for each chain and direction. At least one group.
  std::size_t inputsThatFit(std::size_t l, std::size_t directions, double room) const {
    const double width = net_.width(l), below = net_.width(l - 1), chains = chains_, count = directions;
    const double perInput =
        sizeof(T) * (kSplit * (below + chains * width + count * width) + 2 * chains * count);
    const double groups = std::floor(room / (perInput * shape_.group));
    return shape_.group * static_cast<std::size_t>(std::clamp(groups, 1.0, 1.0 * shape_.groupsOf(block_.n)));
  }

  LayerRows load(std::size_t l, std::size_t first, std::size_t rows) {
    const std::size_t below = net_.width(l - 1), perInput = chains_ * net_.width(l);
    LayerRows layer{first, rows, {}, {}};
    if (shape_.hasActivations(l)) {
      layer.activations =
          DeviceArray<Device, T>(device_, block_.activations(shape_, l) + first * below, rows * below);
    }
    if (shape_.hasDeltas(l))
      layer.deltas =
          DeviceArray<Device, T>(device_, block_.deltas(shape_, l) + first * perInput, rows * perInput);
    return layer;
  }

  // `count` vectors of a layer, packed. On the host, their distance is the number of all parameters.
  DeviceArray<Device, double> vectorsOf(const double* from, std::size_t count, std::size_t size) {
    DeviceArray<Device, double> vectors(device_, count * size);
    for (std::size_t d = 0; d < count; d++)
      device_.copyIn(vectors.data() + d * size, from + d * offsets_.back(), size * sizeof(double));
    return vectors;
  }

  // Of a group of inputs; null in float64.
  const std::int32_t* exponent(std::size_t l, std::size_t input, std::size_t which) const {
    if constexpr (!kScaled) return nullptr;
    return exponents_.data() + (input / shape_.group * net_.layers() + l - 1) * 2 + which;
  }

  void addGradientsOf(const LayerRows& layer, std::size_t l, const double* coefficients, std::size_t count,
                      const double* alpha, const DeviceArray<Device, double>& weights,
                      const DeviceArray<Device, double>& biases) {
    const std::size_t width = net_.width(l), below = net_.width(l - 1), columns = count * width;
    DeviceArray<Device, T> combined(device_, layer.rows * columns);
    device_.forEach(layer.rows * count, width,
                    CombineDeltas<T>{coefficients, directions_, layer.deltas.data(), chains_, width,
                                     combined.data(), count});
    // In float32 each group has exponents of its own, so groups are summed one by one.
    const std::size_t piece = kScaled ? shape_.group : layer.rows;
    for (std::size_t row = 0; row < layer.rows; row += piece) {
      const std::size_t rows = std::min(piece, layer.rows - row);
      const MatrixView<const T> left{combined.data() + row * columns, rows, columns, columns};
      const std::int32_t* const deltaExponent = exponent(l, layer.first + row, 1);
      if (weights.size() > 0) {
        const MatrixView<const T> right{layer.activations.data() + row * below, rows, below, below};
        if constexpr (!kScaled) {
          products_.template multiply<double>(Transpose::yes, Transpose::no, alpha, left, right,
                                              device_.template one<double>(),
                                              {weights.data(), columns, below, below});
        } else {
          DeviceArray<Device, T> gradient(device_, columns * below);
          products_.template multiply<T>(Transpose::yes, Transpose::no, device_.template one<T>(), left,
                                         right, device_.template zero<T>(),
                                         {gradient.data(), columns, below, below});
          device_.forEach(1, gradient.size(),
                          AddScaled<T>{gradient.data(), net_.layer(l).weightGain,
                                       exponent(l, layer.first + row, 0), deltaExponent, weights.data()});
        }
      }
      if (biases.size() > 0) {
        device_.forEach(1, columns,
                        AddBiasGradients<T>{left.data, rows, columns, net_.layer(l).biasGain, deltaExponent,
                                            biases.data()});
      }
    }
  }

  // A layer's part of some directions. In float32 it is divided by the power of two of its largest number.
  struct Vectors {
    DeviceArray<Device, T> values;
    DeviceArray<Device, std::uint64_t> largest;
  };

  Vectors multipliable(DeviceArray<Device, double>&& vectors, std::size_t count, std::size_t rows,
                       std::size_t columns) {
    Vectors result;
    if constexpr (!kScaled) {
      result.values = std::move(vectors);
    } else {
      result.largest = DeviceArray<Device, std::uint64_t>(device_, count);
      result.largest.clear();
      device_.forEach(
          stripsOfGroups(count * rows, rows), columns,
          GroupMagnitude<double>{vectors.data(), count * rows, columns, rows, result.largest.data(), 1});
      result.values = DeviceArray<Device, T>(device_, vectors.size());
      device_.forEach(count * rows, columns,
                      NarrowGroups<double>{vectors.data(), result.largest.data(), 1, rows,
                                           result.values.data(), columns});
    }
    return result;
  }

  void contractLayer(std::size_t l, const double* vectors, std::size_t count, double* sums) {
    const std::size_t width = net_.width(l), below = net_.width(l - 1), columns = count * width;
    const bool withWeights = shape_.hasActivations(l), withBiases = shape_.biasTerms[l - 1] != 0;
    Vectors weights, biases;
    if (withWeights) weights = multipliable(vectorsOf(vectors, count, width * below), count, width, below);
    if (withBiases) biases = multipliable(vectorsOf(vectors + width * below, count, width), count, 1, width);
    // The vectors are allocated already, but not the arrays that split them in two.
    const double parts = kScaled ? 2.0 * sizeof(T) * count * parametersOf(l) : 0;
    const std::size_t step = inputsThatFit(l, count, roomOnDevice() - parts);
    for (std::size_t first = 0; first < block_.n; first += step) {
      const LayerRows layer = load(l, first, std::min(step, block_.n - first));
      const std::size_t rows = layer.rows;
      const T* const deltas = shape_.hasDeltas(l) ? layer.deltas.data() : nullptr;
      // Without deltas (the identity of the output layer) chain k is unit k.
      ProductPart<T> weightPart{nullptr, columns, 1, width, net_.layer(l).weightGain, weights.largest.data()};
      ProductPart<T> biasPart{nullptr, 0, 1, width, net_.layer(l).biasGain, biases.largest.data()};
      DeviceArray<Device, T> tangents, ofWeights, ofBiases;
      if (withWeights) {
        tangents = DeviceArray<Device, T>(device_, rows * columns);
        products_.template multiply<T>(Transpose::no, Transpose::yes, device_.template one<T>(),
                                       {layer.activations.data(), rows, below, below},
                                       {weights.values.data(), columns, below, below},
                                       device_.template zero<T>(), {tangents.data(), rows, columns, columns});
        weightPart.values = tangents.data();
      }
      if (withWeights && deltas != nullptr) {
        ofWeights = DeviceArray<Device, T>(device_, rows * chains_ * count);
        products_.template multiplyBatched<T>(
            Transpose::no, Transpose::yes, device_.template one<T>(), {deltas, chains_, width, width},
            {tangents.data(), count, width, width}, device_.template zero<T>(),
            {ofWeights.data(), chains_, count, count}, {chains_ * width, columns, chains_ * count, rows});
        weightPart.values = ofWeights.data();
        weightPart.inputStep = chains_ * count;
        weightPart.chainStep = count;
        weightPart.directionStep = 1;
      }
      if (withBiases) biasPart.values = biases.values.data();
      if (withBiases && deltas != nullptr) {
        ofBiases = DeviceArray<Device, T>(device_, rows * chains_ * count);
        products_.template multiply<T>(
            Transpose::no, Transpose::yes, device_.template one<T>(), {deltas, rows * chains_, width, width},
            {biases.values.data(), count, width, width}, device_.template zero<T>(),
            {ofBiases.data(), rows * chains_, count, count});
        biasPart.values = ofBiases.data();
        biasPart.inputStep = chains_ * count;
        biasPart.chainStep = count;
        biasPart.directionStep = 1;
      }
      device_.forEach(
          rows * chains_, count,
          AddProducts<T>{weightPart, biasPart, exponent(l, first, 0), exponent(l, first, 1),
                         2 * net_.layers(), shape_.group, chains_, sums + first * chains_ * count, count});
      device_.pace(run_, 2.0 * count * rows * width * below);
    }
  }

  Run& run_;
  Device& device_;
  Products<Device> products_;
  const FeatureShape& shape_;
  const Network& net_;
  FeatureBlock<const T> block_;
  std::size_t directions_, chains_;
  std::vector<std::size_t> offsets_;  // of each layer's weights among all parameters
  DeviceArray<Device, std::int32_t> exponents_;
  Results<Device> results_;
};

}  // namespace deepntk::cuda
