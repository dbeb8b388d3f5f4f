// The features of a block of inputs on a device; the counterpart of native/core/features.*. As many groups of
// the block as fit the device's memory go through the layers together. Each group has its own scale.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/features.hpp"
#include "forward.hpp"
#include "gates.hpp"

namespace deepntk::cuda {

// Exponent number `at` of every group: that of its largest number. With `above`, the exponent of the deltas
// of the layer above, two places further on, is added.
struct NoteExponents {
  const std::uint64_t* largest;
  std::size_t largestStep;
  std::int32_t* exponents;
  std::size_t step, at;
  bool above;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t group) const {
    std::int32_t* const exponent = exponents + group * step + at;
    *exponent = exponentOfBits(largest[group * largestStep]) + (above ? exponent[2] : 0);
  }
};

template <typename Device, typename T>
class FeatureComputation {
 public:
  FeatureComputation(Run& run, Device& device, Arithmetic arithmetic, const FeatureShape& shape,
                     const double* x, FeatureBlock<T> block)
      : run_(run),
        device_(device),
        products_(device, arithmetic),
        exact_(device, Arithmetic::single),
        shape_(shape),
        net_(shape.network),
        x_(x),
        block_(block),
        chains_(shape.chains()),
        lowest_(shape.lowest()),
        resident_(device, shape.network),
        results_(device) {}

  void compute() {
    if (lowest_ > net_.layers()) return;
    for (std::size_t l = 1; l < net_.layers(); l++) {
      const double product = 2.0 * net_.width(l - 1) * net_.width(l);
      flopsPerInput_ += product + (l > lowest_ ? product * chains_ : 0.0);
    }
    run_.expect(flopsPerInput_ * block_.n);
    if constexpr (kScaled) {
      std::vector<float> gains;
      for (std::size_t l = 1; l <= net_.layers(); l++)
        gains.push_back(static_cast<float>(net_.layer(l).weightGain));
      alphas_ = DeviceArray<Device, float>(device_, gains);
    }
    const std::size_t step = rowsThatFit();
    for (std::size_t first = 0; first < block_.n; first += step) {
      computeRows(first, std::min(step, block_.n - first));
      results_.finish();
    }
  }

 private:
  static constexpr bool kScaled = std::is_same_v<T, float>;

  // The number of inputs, in whole groups, that fit four fifths of the free memory. At least one group.
  std::size_t rowsThatFit() const {
    double units = 0;
    for (std::size_t l = 0; l < net_.layers(); l++) units += net_.width(l);
    const double widest = net_.widest(), split = kScaled ? 3 : 1;
    double heaviest = 0;
    for (std::size_t l = 1; l < net_.layers(); l++)
      heaviest = std::max(heaviest, 1.0 * net_.width(l) * net_.width(l - 1));
    // Two layers of deltas, and two more in transfer to the host.
    const double perInput = sizeof(T) * (units + chains_ * widest * (3 + split)) + 8 * 3 * widest;
    const double room = 0.8 * static_cast<double>(device_.freeMemory()) -
                        (kScaled ? heaviest * sizeof(T) * split : 0.0) - sizeof(T) * chains_ * widest;
    const double groups = std::floor(room / (perInput * shape_.group));
    return shape_.group * static_cast<std::size_t>(std::clamp(groups, 1.0, 1.0 * shape_.groupsOf(block_.n)));
  }

  void computeRows(std::size_t first, std::size_t rows) {
    const std::size_t layers = net_.layers(), groups = shape_.groupsOf(rows);
    LargestActivations<Device> largest(device_, groups, layers);
    DeviceArray<Device, std::int32_t> exponents(device_, shape_.exponents(rows));
    exponents.clear();
    std::vector<DeviceArray<Device, T>> activations = forward(first, rows, largest, exponents);
    backward(first, rows, activations, exponents);
    if (shape_.hasActivations(lowest_))
      send(std::move(activations[lowest_ - 1]), block_.activations(shape_, lowest_), first,
           net_.width(lowest_ - 1), rows);
    exponents.copyOut(block_.exponents + first / shape_.group * layers * 2);
    largest.expectGates();
  }

  // Computes x^{lowest - 1} .. x^L.
  std::vector<DeviceArray<Device, T>> forward(std::size_t first, std::size_t rows,
                                              LargestActivations<Device>& largest,
                                              const DeviceArray<Device, std::int32_t>& exponents) {
    const std::size_t layers = net_.layers(), inputs = net_.inputs();
    std::vector<DeviceArray<Device, T>> kept(layers);
    DeviceArray<Device, double> current(device_, x_ + first * inputs, rows * inputs);
    const double* below = current.data();
    for (std::size_t l = 0; l < layers; l++) {
      const std::size_t width = net_.width(l);
      if (l > 0) {
        DeviceArray<Device, double> h(device_, rows * width);
        const std::size_t columns = net_.width(l - 1);
        applyLayer(device_, exact_, resident_, l, {below, rows, columns, columns}, true,
                   {h.data(), rows, width, width});
        current = std::move(h);
        below = current.data();
        device_.pace(run_, 2.0 * rows * width * columns);
      }
      largest.note(l, below, rows, width, shape_.group);
      if (l + 1 < lowest_) continue;
      if constexpr (kScaled) {
        kept[l] = DeviceArray<Device, T>(device_, rows * width);
        device_.forEach(
            rows, width,
            NarrowGroups<double>{below, largest.of(l), layers, shape_.group, kept[l].data(), width});
        device_.forEach(1, shape_.groupsOf(rows),
                        NoteExponents{largest.of(l), layers, exponents.data(), 2 * layers, 2 * l, false});
      } else {
        kept[l] = std::move(current);  // where it goes on being read as `below`
      }
    }
    return kept;
  }

  // Computes delta^L .. delta^lowest. Each is sent to the host once the one below is computed.
  void backward(std::size_t first, std::size_t rows, std::vector<DeviceArray<Device, T>>& activations,
                const DeviceArray<Device, std::int32_t>& exponents) {
    const std::size_t layers = net_.layers(), groupRows = shape_.group * chains_,
                      groups = shape_.groupsOf(rows);
    DeviceArray<Device, T> above;
    for (std::size_t l = layers - 1; l >= lowest_; l--) {
      const std::size_t width = net_.width(l);
      const bool start = l == layers - 1;
      DeviceArray<Device, T> deltas(device_, rows * chains_ * width);
      DeviceArray<Device, T> source;
      if (start) {
        source = outputWeights();
      } else {
        const std::size_t wide = net_.width(l + 1);
        DeviceArray<Device, T> converted;
        products_.template multiply<T>(
            Transpose::no, Transpose::no, gain(l + 1), {above.data(), rows * chains_, wide, wide},
            weightsAs(device_, resident_.view().layer(l + 1).weights, converted), device_.template zero<T>(),
            {deltas.data(), rows * chains_, width, width});
      }
      device_.forEach(stripsOf(rows * chains_), width,
                      Gate<T>{activations[l].data(), source.data(), deltas.data(), rows * chains_, chains_,
                              width, nullptr});
      if constexpr (kScaled) {
        DeviceArray<Device, std::uint64_t> largest(device_, groups);
        largest.clear();
        device_.forEach(
            stripsOfGroups(rows * chains_, groupRows), width,
            GroupMagnitude<T>{deltas.data(), rows * chains_, width, groupRows, largest.data(), 1});
        device_.forEach(rows * chains_, width,
                        NarrowGroups<T>{deltas.data(), largest.data(), 1, groupRows, deltas.data(), width});
        device_.forEach(
            1, groups,
            NoteExponents{largest.data(), 1, exponents.data(), 2 * layers, 2 * (l - 1) + 1, !start});
      }
      if (!start && shape_.hasDeltas(l + 1))
        send(std::move(above), block_.deltas(shape_, l + 1), first, chains_ * net_.width(l + 1), rows);
      if (shape_.hasActivations(l + 1)) {
        send(std::move(activations[l]), block_.activations(shape_, l + 1), first, width, rows);
      } else {
        activations[l] = {};
      }
      above = std::move(deltas);
      device_.pace(run_, l < layers - 1 ? 2.0 * rows * chains_ * width * net_.width(l + 1) : 0.0);
      if (l == lowest_ && shape_.hasDeltas(l))
        send(std::move(above), block_.deltas(shape_, l), first, chains_ * width, rows);
    }
  }

  void send(DeviceArray<Device, T>&& values, T* to, std::size_t first, std::size_t perInput,
            std::size_t rows) {
    results_.send(std::move(values), to + first * perInput, rows, perInput, perInput);
  }

  const T* gain(std::size_t l) const {
    if constexpr (kScaled) {
      return alphas_.data() + (l - 1);
    } else {
      return resident_.weightGain(l);
    }
  }

  // df/dx^L.
  DeviceArray<Device, T> outputWeights() {
    return outputRows<Device, T>(device_, resident_.view().layer(net_.layers()),
                                 shape_.form == KernelForm::sumOfLogits, nullptr,
                                 net_.width(net_.layers() - 1));
  }

  Run& run_;
  Device& device_;
  Products<Device> products_, exact_;  // exact_: of the forward pass
  const FeatureShape& shape_;
  const Network& net_;
  const double* x_;
  FeatureBlock<T> block_;
  std::size_t chains_, lowest_;
  double flopsPerInput_ = 0;
  ResidentNetwork<Device> resident_;
  DeviceArray<Device, float> alphas_;
  Results<Device> results_;
};

template <typename Device, typename T>
void computeFeatures(Run& run, Device& device, Arithmetic arithmetic, const FeatureShape& shape,
                     const double* x, FeatureBlock<T> block) {
  FeatureComputation<Device, T>(run, device, arithmetic, shape, x, block).compute();
}

}  // namespace deepntk::cuda
