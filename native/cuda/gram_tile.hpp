// The kernel of the inputs of two blocks from their features, on a device; the counterpart of
// native/core/gram_tile.cpp. The features of one layer are on the device at a time, and of as many inputs as
// fit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/features.hpp"
#include "blocks.hpp"
#include "gram.hpp"

namespace deepntk::cuda {

template <typename Device, typename T, typename Out>
class GramTileComputation {
 public:
  GramTileComputation(Run& run, Device& device, Arithmetic arithmetic, const FeatureShape& shape,
                      FeatureBlock<const T> a, FeatureBlock<const T> b, double scale, Out* tile, Out* mirror)
      : run_(run),
        device_(device),
        products_(device, arithmetic),
        shape_(shape),
        net_(shape.network),
        a_(a),
        b_(b),
        scale_(scale),
        symmetric_(a.values == b.values),
        entries_(KernelBlock{shape.form, true, 1, 1, net_.outputs(), nullptr, nullptr, nullptr}.entries()),
        target_{net_.outputs(), entries_,       shape.form == KernelForm::full,
                tile,           b.n * entries_, symmetric_ ? tile : mirror,
                a.n * entries_},
        sender_(device) {}

  void compute() {
    if constexpr (kScaled) {
      rowExponents_ = DeviceArray<Device, std::int32_t>(device_, a_.exponents, shape_.exponents(a_.n));
      if (!symmetric_)
        columnExponents_ = DeviceArray<Device, std::int32_t>(device_, b_.exponents, shape_.exponents(b_.n));
    }
    beyond_ = DeviceArray<Device, std::uint64_t>(device_, 1);
    beyond_.clear();
    const std::vector<BlockOfInputs> blocks = blocksOf(a_.n, b_.n, symmetric_, edgeThatFits());
    double flops = 0;
    for (const BlockOfInputs& block : blocks) {
      for (std::size_t l = 1; l <= net_.layers(); l++) flops += flopsOf(block, l);
    }
    run_.expect(flops);
    for (const BlockOfInputs& block : blocks) computeBlock(block);
    sender_.finish();
    if (beyond_.toHost()[0] != 0)
      throw std::runtime_error("an entry of the kernel is beyond the range of float32; choose float64");
  }

 private:
  static constexpr bool kScaled = std::is_same_v<T, float>;

  // Whole groups, by halves, that fit four fifths of the free memory; one at least.
  std::size_t edgeThatFits() const {
    const double room = 0.8 * static_cast<double>(device_.freeMemory());
    std::size_t groups = shape_.groupsOf(std::max(a_.n, b_.n));
    while (groups > 1 && bytesOf(groups * shape_.group) > room) groups = (groups + 1) / 2;
    return groups * shape_.group;
  }

  // An upper bound on the memory of one block of that edge.
  double bytesOf(std::size_t edge) const {
    const double chains = shape_.chains(), rows = std::min(edge, a_.n), columns = std::min(edge, b_.n);
    const double pairs = rows * columns, inputs = rows + (symmetric_ && edge >= a_.n ? 0 : columns);
    double features = 0;
    for (std::size_t l = 1; l <= net_.layers(); l++) features = std::max(features, numbersOf(l));
    const double grams = 1 + (shape_.form == KernelForm::full       ? chains * chains
                              : shape_.form == KernelForm::diagonal ? chains
                                                                    : 1);
    const double split = kScaled ? 3 : 1;  // operands of tf32x3 are there three times
    // One block of sums; two, in the type of the result, on their way.
    return inputs * features * sizeof(T) * split + pairs * grams * sizeof(T) +
           pairs * entries_ * (8 + 3.0 * sizeof(Out));
  }

  // Of the features of layer l of one input.
  double numbersOf(std::size_t l) const {
    return (shape_.hasActivations(l) ? net_.width(l - 1) : 0.0) +
           (shape_.hasDeltas(l) ? 1.0 * shape_.chains() * net_.width(l) : 0.0);
  }

  double flopsOf(const BlockOfInputs& block, std::size_t l) const {
    const double pairs = static_cast<double>(block.rows) * block.columns * (block.symmetric ? 1 : 2);
    const double chains = shape_.form == KernelForm::full ? shape_.chains() : 1;
    return pairs * ((shape_.hasActivations(l) ? net_.width(l - 1) : 0.0) +
                    (shape_.hasDeltas(l) ? chains * shape_.chains() * net_.width(l) : 0.0));
  }

  void computeBlock(const BlockOfInputs& block) {
    const std::size_t size = block.rows * block.columns * entries_;
    DeviceArray<Device, double> sums(device_, size);
    sums.clear();
    for (std::size_t l = net_.layers(); l >= 1; l--) {
      if (shape_.counts(l)) addLayer(block, l, sums);
    }
    if constexpr (std::is_same_v<Out, double>) {
      if (scale_ == 1) return sender_.send(std::move(sums), block, target_);
    }
    DeviceArray<Device, Out> converted(device_, size);
    device_.forEach(1, size, Convert<Out>{sums.data(), scale_, converted.data(), beyond_.data()});
    sender_.send(std::move(converted), block, target_);
  }

  void addLayer(const BlockOfInputs& block, std::size_t l, const DeviceArray<Device, double>& sums) {
    DeviceArray<Device, T> activations, deltas;
    const std::size_t below = net_.width(l - 1),
                      perInput = shape_.hasDeltas(l) ? shape_.chains() * net_.width(l) : 0;
    if (shape_.hasActivations(l)) {
      activations = stack(block, a_.activations(shape_, l), b_.activations(shape_, l), below);
    }
    if (shape_.hasDeltas(l)) deltas = stack(block, a_.deltas(shape_, l), b_.deltas(shape_, l), perInput);
    GramAdder<Device, T>(device_, products_)
        .add({activations.data(), below, exponentsOf(block, 2 * (l - 1)), !shape_.hasDeltas(l), deltas.data(),
              shape_.hasDeltas(l) ? net_.width(l) : 0, exponentsOf(block, 2 * (l - 1) + 1), shape_.chains(),
              shape_.weightTerms[l - 1], shape_.biasTerms[l - 1]},
             {shape_.form, block.symmetric, block.rows, block.columns, net_.outputs(), sums.data(), nullptr,
              nullptr});
    device_.pace(run_, flopsOf(block, l));
  }

  // One layer's numbers of the block's rows, and below them those of its columns.
  DeviceArray<Device, T> stack(const BlockOfInputs& block, const T* rows, const T* columns,
                               std::size_t perInput) {
    DeviceArray<Device, T> values(device_, block.inputs() * perInput);
    device_.copyIn(values.data(), rows + block.row * perInput, block.rows * perInput * sizeof(T));
    if (!block.symmetric) {
      device_.copyIn(values.data() + block.rows * perInput, columns + block.column * perInput,
                     block.columns * perInput * sizeof(T));
    }
    return values;
  }

  Exponents exponentsOf(const BlockOfInputs& block, std::size_t at) const {
    if constexpr (!kScaled) {
      return {};
    } else {
      const std::size_t step = 2 * net_.layers();
      const std::int32_t* const columns = symmetric_ ? rowExponents_.data() : columnExponents_.data();
      return {rowExponents_.data() + block.row / shape_.group * step + at,
              columns + block.column / shape_.group * step + at, shape_.group, step};
    }
  }

  Run& run_;
  Device& device_;
  Products<Device> products_;
  const FeatureShape& shape_;
  const Network& net_;
  FeatureBlock<const T> a_, b_;
  double scale_;
  bool symmetric_;
  std::size_t entries_;
  KernelTarget<Out> target_;
  BlockSender<Device, Out> sender_;
  DeviceArray<Device, std::int32_t> rowExponents_, columnExponents_;
  DeviceArray<Device, std::uint64_t> beyond_;
};

// `mirror` as in native/core/features.hpp: null, or where the transpose goes too.
template <typename Device, typename T, typename Out>
void computeGramTile(Run& run, Device& device, Arithmetic arithmetic, const FeatureShape& shape,
                     FeatureBlock<const T> a, FeatureBlock<const T> b, double scale, Out* tile, Out* mirror) {
  GramTileComputation<Device, T, Out>(run, device, arithmetic, shape, a, b, scale, tile, mirror).compute();
}

}  // namespace deepntk::cuda
