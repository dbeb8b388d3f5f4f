// The empirical neural tangent kernel on a device; the counterpart of native/core/kernel.*.
//
// The kernel is cut into square blocks of pairs of inputs that fit the device's memory, one block where all
// does. Each block is computed from its own inputs alone, and travels to the host while the next is computed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/kernel.hpp"
#include "activations.hpp"
#include "blocks.hpp"
#include "forward.hpp"
#include "gram.hpp"

namespace deepntk::cuda {

template <typename Device, typename F, typename T>
class KernelComputation {
 public:
  KernelComputation(Run& run, Device& device, Arithmetic arithmetic, const KernelTask& task)
      : run_(run),
        device_(device),
        products_(device, arithmetic),
        task_(task),
        net_(task.network),
        chains_(task.form == KernelForm::sumOfLogits ? 1 : net_.outputs()),
        entries_(KernelBlock{task.form, true, 1, 1, net_.outputs(), nullptr, nullptr, nullptr}.entries()) {
    lowest_ = 1;
    while (lowest_ <= net_.layers() && !counts(lowest_)) lowest_++;
  }

  void compute() {
    if (lowest_ > net_.layers()) return;
    const ResidentNetwork<Device> resident(device_, net_);
    const std::vector<BlockOfInputs> blocks =
        blocksOf(task_.n, task_.n2, task_.x2 == nullptr, edgeThatFits());
    double flops = 0;
    for (const BlockOfInputs& block : blocks) flops += flopsOf(block);
    run_.expect(flops);
    BlockSender<Device, double> sender(device_);
    for (const BlockOfInputs& block : blocks) computeBlock(resident, block, sender);
    sender.finish();
  }

 private:
  static constexpr bool kScaled = std::is_same_v<T, float>;

  // The deltas of one layer; the true ones are `values` times 2^(*exponent).
  struct Deltas {
    DeviceArray<Device, T> values;
    DeviceArray<Device, std::int32_t> exponent;  // in float32
    DeviceArray<Device, std::uint64_t> maxima;   // of each column, in float32
    std::size_t width = 0;
  };

  bool counts(std::size_t l) const { return task_.weightTerms[l - 1] != 0 || task_.biasTerms[l - 1] != 0; }

  // --- Blocks
  // ---------------------------------------------------------------------------------------------------------

  KernelTarget<double> targetOf(double* values) const {
    const std::size_t stride = task_.n2 * entries_;
    return {net_.outputs(), entries_, task_.form == KernelForm::full,
            values,         stride,   task_.x2 == nullptr ? values : nullptr,
            stride};
  }

  // The largest edge of blocks, by halves, that fits four fifths of the free memory.
  std::size_t edgeThatFits() const {
    const double room = 0.8 * static_cast<double>(device_.freeMemory());
    std::size_t edge = std::max(task_.n, task_.n2);
    while (edge > 1 && bytesOf(edge) > room) edge = (edge + 1) / 2;
    return edge;
  }

  // An upper bound on the memory of one block: with edges as long as that, and nothing compacted.
  double bytesOf(std::size_t edge) const {
    const bool one = edge >= std::max(task_.n, task_.n2);
    const double rows = one ? task_.n + (task_.x2 == nullptr ? 0 : task_.n2) : 2.0 * edge;
    const double pairs = one ? static_cast<double>(task_.n) * task_.n2 : static_cast<double>(edge) * edge;
    double units = 0, widest = 0, heaviest = 0;
    for (std::size_t l = 0; l < net_.layers(); l++) {
      units += net_.width(l);
      widest = std::max(widest, static_cast<double>(net_.width(l)));
      heaviest = std::max(heaviest, static_cast<double>(net_.width(l)) * net_.width(l + 1));
    }
    const double split = sizeof(T) == 4 ? 3 : 1;  // operands of tf32x3 are there three times
    const double activations = rows * (units * sizeof(T) + 2 * widest * sizeof(double) + net_.inputs() * 8.0);
    const double deltas = rows * chains_ * widest * sizeof(T) * (2 + (split - 1));
    const double grams = pairs * sizeof(T) *
                         (1 + (task_.form == KernelForm::full       ? chains_ * chains_
                               : task_.form == KernelForm::diagonal ? chains_
                                                                    : 1));
    const double parts = task_.weights.empty() ? 0 : 2;
    const double results = pairs * entries_ * 8 * 3 * (1 + parts);  // one computed, two on their way
    return activations + deltas + grams + results + heaviest * sizeof(T) * split;
  }

  // --- One block
  // ---------------------------------------------------------------------------------------------------------

  void computeBlock(const ResidentNetwork<Device>& resident, const BlockOfInputs& block,
                    BlockSender<Device, double>& sender) {
    const std::size_t inputs = net_.inputs();
    const double* const right = task_.x2 == nullptr ? task_.x : task_.x2;
    const DeviceArray<Device, double> x(device_, task_.x + block.row * inputs, block.rows * inputs);
    DeviceArray<Device, double> x2;
    if (!block.symmetric)
      x2 = DeviceArray<Device, double>(device_, right + block.column * inputs, block.columns * inputs);
    const Inputs<Device> batch{x.data(), block.rows, block.symmetric ? nullptr : x2.data(), block.columns};

    ForwardPass<Device, F, T> activations(run_, device_, products_, resident, batch);
    activations.enqueue(lowest_ - 1);
    activations.compact(worksOf(block, batch.count()), task_.compaction);

    DeviceArray<Device, double> kernel(device_, block.rows * block.columns * entries_);
    kernel.clear();
    backwardPass(resident, block, batch.count(), activations, kernel, sender);
    sender.send(std::move(kernel), block, targetOf(task_.kernel));
  }

  std::vector<LayerWork> worksOf(const BlockOfInputs& block, std::size_t inputs) const {
    const double pairs = static_cast<double>(block.rows) * block.columns * (block.symmetric ? 1 : 2);
    std::vector<LayerWork> works;
    for (std::size_t l = 0; l < net_.layers(); l++) {
      const bool deltas = l >= lowest_ && l > 0;
      works.push_back({inputs, deltas ? inputs * chains_ : 0,
                       deltas && l + 1 < net_.layers() ? net_.width(l + 1) : 0,
                       l > lowest_ && l > 0 ? net_.width(l - 1) : 0, pairs * (deltas ? 1.0 + chains_ : 1.0)});
    }
    return works;
  }

  // delta^L .. delta^lowest, and on the way down every layer's part of the kernel.
  void backwardPass(const ResidentNetwork<Device>& resident, const BlockOfInputs& block, std::size_t inputs,
                    ForwardPass<Device, F, T>& activations, const DeviceArray<Device, double>& kernel,
                    BlockSender<Device, double>& sender) {
    GramAdder<Device, T> grams(device_, products_);
    Deltas above, below;
    for (std::size_t l = net_.layers();; l--) {
      const bool outputLayer = l == net_.layers();
      if (counts(l)) {
        const Activations<Device, T>& input = activations[l - 1];
        const std::size_t length = kernel.size();
        const bool parts = !task_.weights.empty();
        DeviceArray<Device, double> weights, biases;
        if (parts) {
          weights = DeviceArray<Device, double>(device_, length);
          biases = DeviceArray<Device, double>(device_, length);
          weights.clear();
          biases.clear();
        }
        grams.add({input.values.data(), input.units.count(),
                   Exponents::ofAll(kScaled ? activations.exponent(l - 1) : nullptr), outputLayer,
                   above.values.data(), above.width,
                   Exponents::ofAll(kScaled && !outputLayer ? above.exponent.data() : nullptr), chains_,
                   task_.weightTerms[l - 1], task_.biasTerms[l - 1]},
                  {task_.form, block.symmetric, block.rows, block.columns, net_.outputs(), kernel.data(),
                   weights.data(), biases.data()});
        if (parts) {
          sender.send(std::move(weights), block, targetOf(task_.weights[l - 1]));
          sender.send(std::move(biases), block, targetOf(task_.biases[l - 1]));
        }
      }
      device_.pace(run_, flopsOf(block, l));
      if (l == lowest_) return;
      below = deltasBelow(resident, activations, above, l, inputs);
      std::swap(above, below);
      if (l < net_.layers()) activations[l].values = {};
    }
  }

  // The deltas of layer l - 1.
  Deltas deltasBelow(const ResidentNetwork<Device>& resident, const ForwardPass<Device, F, T>& activations,
                     const Deltas& above, std::size_t l, std::size_t inputs) {
    const Layer& layer = resident.view().layer(l);
    const Activations<Device, T>& here = activations[l - 1];
    const std::size_t rows = inputs * chains_, width = here.units.count();
    Deltas below;
    below.width = width;
    below.values = DeviceArray<Device, T>(device_, rows * width);
    DeviceArray<Device, T> source;
    DeviceArray<Device, float> alpha;
    if constexpr (kScaled) {
      below.exponent = DeviceArray<Device, std::int32_t>(device_, 1);
      below.maxima = DeviceArray<Device, std::uint64_t>(device_, width);
      below.exponent.clear();
      below.maxima.clear();
    }
    if (l == net_.layers()) {
      source =
          outputRows<Device, T>(device_, layer, task_.form == KernelForm::sumOfLogits, here.list(), width);
    } else {
      const T* factor = nullptr;
      if constexpr (kScaled) {
        DeviceArray<Device, std::uint64_t> largest(device_, 1);
        largest.clear();
        device_.forEach(1, above.width, LargestColumn{above.maxima.data(), largest.data()});
        alpha = DeviceArray<Device, float>(device_, 1);
        device_.forEach(1, 1,
                        Normalize{largest.data(), above.exponent.data(), below.exponent.data(),
                                  layer.weightGain, alpha.data()});
        factor = alpha.data();
      } else {
        factor = resident.weightGain(l);
      }
      DeviceArray<Device, T> gathered;
      const MatrixView<const T> weights = weightsBetween(layer, activations[l], here, gathered);
      products_.template multiply<T>(Transpose::no, Transpose::no, factor,
                                     {above.values.data(), rows, above.width, above.width}, weights,
                                     device_.template zero<T>(), {below.values.data(), rows, width, width});
    }
    device_.forEach(stripsOf(rows), width,
                    Gate<T>{here.values.data(), l == net_.layers() ? source.data() : nullptr,
                            below.values.data(), rows, chains_, width, below.maxima.data()});
    return below;
  }

  // The weights between the kept units of two layers; in place where nothing is dropped or converted.
  MatrixView<const T> weightsBetween(const Layer& layer, const Activations<Device, T>& above,
                                     const Activations<Device, T>& below, DeviceArray<Device, T>& gathered) {
    if constexpr (!kScaled) {
      if (above.units.all && below.units.all) return layer.weights;
    }
    const std::size_t rows = above.units.count(), columns = below.units.count();
    gathered = DeviceArray<Device, T>(device_, rows * columns);
    device_.forEach(rows, columns,
                    Gather<double, T>{layer.weights.data, layer.weights.stride, above.list(), below.list(),
                                      gathered.data(), columns});
    return {gathered.data(), rows, columns, columns};
  }

  // --- Work, for progress
  // ---------------------------------------------------------------------------------------------------------

  // Backward from layer l, and its Gram matrices.
  double flopsOf(const BlockOfInputs& block, std::size_t l) const {
    const double pairs = static_cast<double>(block.rows) * block.columns * (block.symmetric ? 1 : 2);
    const double rows = static_cast<double>(block.rows + (block.symmetric ? 0 : block.columns)) * chains_;
    double flops = 0;
    if (l < net_.layers() && l > lowest_) flops += 2 * rows * net_.width(l) * net_.width(l - 1);
    if (counts(l)) {
      flops += pairs * net_.width(l - 1);
      if (l < net_.layers())
        flops += pairs * net_.width(l) * chains_ * (task_.form == KernelForm::full ? chains_ : 1);
    }
    return flops;
  }

  double flopsOf(const BlockOfInputs& block) const {
    const double rows = static_cast<double>(block.rows + (block.symmetric ? 0 : block.columns));
    double flops = 0;
    for (std::size_t l = 1; l < net_.layers(); l++) flops += 2 * rows * net_.width(l) * net_.width(l - 1);
    for (std::size_t l = lowest_; l <= net_.layers(); l++) flops += flopsOf(block, l);
    return flops;
  }

  Run& run_;
  Device& device_;
  Products<Device> products_;
  const KernelTask& task_;
  const Network& net_;
  std::size_t chains_;
  std::size_t entries_;
  std::size_t lowest_ = 1;
};

template <typename Device>
void computeKernel(Run& run, Device& device, MixedMode mode, const KernelTask& task) {
  if (!task.mixed) {
    KernelComputation<Device, double, double>(run, device, Arithmetic::single, task).compute();
  } else if (mode.singleForward) {
    KernelComputation<Device, float, float>(run, device, mode.arithmetic, task).compute();
  } else {
    KernelComputation<Device, double, float>(run, device, mode.arithmetic, task).compute();
  }
}

}  // namespace deepntk::cuda
