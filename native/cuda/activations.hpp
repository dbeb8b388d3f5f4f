// The activations of a batch at every layer on a device; the counterpart of native/core/activations.*.
//
// The device finds the units that no input activates, and in float32 the power of two that a layer is divided
// by. The host reads both once, after the last layer. It then drops the units that the backward pass and the
// Gram matrices do not need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/activations.hpp"
#include "../core/compaction.hpp"
#include "forward.hpp"
#include "products.hpp"

namespace deepntk::cuda {

// Moving one number through an index list takes a GPU about as long as this many operations of a matrix
// product: 16 bytes at 3 TB/s against 50 TFLOP/s. An estimate from data sheets.
constexpr double kFlopsPerGather = 250;

// One layer, kept units only. The true activations are `values` times 2^exponent.
template <typename Device, typename T>
struct Activations {
  DeviceArray<Device, T> values;
  Units units;
  DeviceArray<Device, std::uint32_t> kept;  // units.kept, on the device
  const std::uint32_t* list() const { return units.all ? nullptr : kept.data(); }
};

template <typename Device>
struct Inputs {
  const double* x;  // n x n_0, on the device
  std::size_t n;
  const double* x2;  // n2 x n_0, or null
  std::size_t n2;

  std::size_t count() const { return n + (x2 == nullptr ? 0 : n2); }
};

// F is the scalar of the forward pass, T that of the kept activations. F is float only if T is.
template <typename Device, typename F, typename T>
class ForwardPass {
 public:
  ForwardPass(Run& run, Device& device, Products<Device>& products, const ResidentNetwork<Device>& resident,
              const Inputs<Device>& inputs)
      : run_(run),
        device_(device),
        products_(products),
        resident_(resident),
        net_(resident.view()),
        inputs_(inputs),
        rows_(inputs.count()),
        activations_(net_.layers()),
        exponents_(device, net_.layers()) {
    std::size_t units = 0;
    for (std::size_t l = 0; l < net_.layers(); l++) {
      offsets_.push_back(units);
      units += net_.width(l);
    }
    maxima_ = DeviceArray<Device, std::uint64_t>(device, units);
    largest_ = DeviceArray<Device, std::uint64_t>(device, net_.layers());
    maxima_.clear();
    largest_.clear();
    exponents_.clear();
  }

  // Enqueues x^0 .. x^L. Frees the values of layers below `lowest`.
  void enqueue(std::size_t lowest) {
    keepInputs();
    for (std::size_t l = 1; l < net_.layers(); l++) {
      const Layer& layer = net_.layer(l);
      const std::size_t width = layer.weights.rows, below = layer.weights.columns;
      DeviceArray<Device, F> h(device_, rows_ * width);
      products_.template multiply<F>(Transpose::no, Transpose::yes, alphaOf(l),
                                     {valuesOf(l - 1), rows_, below, below},
                                     weightsAs(device_, net_.layer(l).weights, converted_),
                                     device_.template zero<F>(), {h.data(), rows_, width, width});
      device_.forEach(stripsOf(rows_), width,
                      Rectify<F>{h.data(), rows_, width, layer.biases, layer.biasGain,
                                 std::is_same_v<F, float> ? exponent(l - 1) : nullptr, maxima(l)});
      if (l < lowest + 1) activations_[l - 1].values = {};
      keep(l, std::move(h));
      device_.pace(run_, 2.0 * rows_ * width * below);
    }
    current_ = {};
    converted_ = {};
  }

  // Waits for the forward pass, then drops the units that are not worth keeping.
  void compact(const std::vector<LayerWork>& work, Compaction compaction) {
    const std::vector<std::uint64_t> bits = maxima_.toHost();
    for (std::size_t l = 0; l < net_.layers(); l++) {
      Activations<Device, T>& layer = activations_[l];
      const std::size_t width = net_.width(l);
      std::vector<double> maxima(width);
      for (std::size_t j = 0; j < width; j++) maxima[j] = fromBits(bits[offsets_[l] + j]);
      // In float32, layers have exponents, so no number leaves the range.
      if (std::is_same_v<F, double> && l > 0) expectGates(*std::max_element(maxima.begin(), maxima.end()), l);
      layer.units = chooseUnits(maxima, work[l], compaction, kFlopsPerGather);
      if (layer.units.all) continue;
      const std::size_t count = layer.units.count();
      layer.kept = DeviceArray<Device, std::uint32_t>(device_, layer.units.kept);
      if (layer.values.size() == 0) continue;
      DeviceArray<Device, T> compact(device_, rows_ * count);
      device_.forEach(rows_, count,
                      Gather<T, T>{layer.values.data(), width, nullptr, layer.list(), compact.data(), count});
      layer.values = std::move(compact);
    }
  }

  Activations<Device, T>& operator[](std::size_t l) { return activations_[l]; }
  const Activations<Device, T>& operator[](std::size_t l) const { return activations_[l]; }
  // On the device: of the activations of layer l.
  std::int32_t* exponent(std::size_t l) const { return exponents_.data() + l; }

 private:
  static constexpr bool kScaled = std::is_same_v<T, float>;

  void keepInputs() {
    const std::size_t width = net_.inputs();
    DeviceArray<Device, double> stacked(device_, rows_ * width);
    device_.forEach(inputs_.n, width,
                    Gather<double, double>{inputs_.x, width, nullptr, nullptr, stacked.data(), width});
    if (inputs_.x2 != nullptr) {
      device_.forEach(inputs_.n2, width,
                      Gather<double, double>{inputs_.x2, width, nullptr, nullptr,
                                             stacked.data() + inputs_.n * width, width});
    }
    device_.forEach(stripsOf(rows_), width, ColumnMagnitude{stacked.data(), rows_, width, maxima(0)});
    keep(0, std::move(stacked));
  }

  // Stores the activations of layer l, in float32 divided by a power of two near the largest.
  template <typename From>
  void keep(std::size_t l, DeviceArray<Device, From> dense) {
    if constexpr (!kScaled) {
      activations_[l].values = std::move(dense);
    } else {
      const std::size_t width = net_.width(l);
      std::uint64_t* const largest = largest_.data() + l;
      device_.forEach(1, width, LargestColumn{maxima(l), largest});
      device_.forEach(1, 1,
                      Normalize{largest, std::is_same_v<F, float> && l > 0 ? exponent(l - 1) : nullptr,
                                exponent(l), 1.0, nullptr});
      activations_[l].values = DeviceArray<Device, T>(device_, rows_ * width);
      device_.forEach(rows_, width,
                      Narrow<From>{dense.data(), largest, activations_[l].values.data(), width});
      if constexpr (std::is_same_v<F, double> && std::is_same_v<From, double>) current_ = std::move(dense);
    }
  }

  // The values from which the layer above l is computed.
  const F* valuesOf(std::size_t l) const {
    if constexpr (kScaled && std::is_same_v<F, double>) {
      return current_.data();
    } else {
      return activations_[l].values.data();
    }
  }

  const F* alphaOf(std::size_t l) {
    if constexpr (std::is_same_v<F, double>) {
      return resident_.weightGain(l);
    } else {
      if (alphas_.size() == 0) {
        std::vector<float> gains;
        for (std::size_t k = 1; k <= net_.layers(); k++)
          gains.push_back(static_cast<float>(net_.layer(k).weightGain));
        alphas_ = DeviceArray<Device, float>(device_, gains);
      }
      return alphas_.data() + (l - 1);
    }
  }

  std::uint64_t* maxima(std::size_t l) const { return maxima_.data() + offsets_[l]; }

  Run& run_;
  Device& device_;
  Products<Device>& products_;
  const ResidentNetwork<Device>& resident_;
  const Network& net_;
  Inputs<Device> inputs_;
  std::size_t rows_;
  std::vector<Activations<Device, T>> activations_;  // of layers 0 .. L
  std::vector<std::size_t> offsets_;                 // of each layer's units in `maxima_`
  DeviceArray<Device, std::uint64_t> maxima_, largest_;
  DeviceArray<Device, std::int32_t> exponents_;
  DeviceArray<Device, double> current_;  // the float64 activations that the next layer is computed from
  DeviceArray<Device, F> converted_;
  DeviceArray<Device, float> alphas_;
};

}  // namespace deepntk::cuda
