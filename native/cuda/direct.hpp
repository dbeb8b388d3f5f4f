// The direct sampler on a device; the counterpart of native/core/direct.*. It computes many nets at once: one
// layer of all of them is one batch of matrix products. Weights are drawn when they are needed, and again in
// the backward pass.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "direct_kernels.hpp"
#include "products.hpp"

namespace deepntk::cuda {

template <typename Device>
class DirectSampling {
 public:
  DirectSampling(Run& run, Device& device, const DirectTask& task, std::size_t mostNets)
      : run_(run),
        device_(device),
        products_(device, Arithmetic::single),
        task_(task),
        n_(task.n),
        chains_(task.chains()),
        rows_(n_ * chains_),
        layers_(task.layers()),
        resident_(device, task),
        x_(device, task.x, n_ * task.widths.front()),
        gains_(device, task.weightGains, layers_),
        position_(device, 1) {
    std::size_t heaviest = 0, hidden = 0;
    for (std::size_t l = 1; l <= layers_; l++) {
      heaviest = std::max(heaviest, task.widths[l] * task.widths[l - 1]);
      flops_ += 2 * kFlopsPerNormal * task.widths[l] * task.widths[l - 1] +
                2.0 * (n_ + rows_) * task.widths[l] * task.widths[l - 1] +
                2.0 * (n_ * n_ + rows_ * rows_) * task.widths[l];
      if (l < layers_) hidden += task.widths[l];
    }
    const std::size_t widest = *std::max_element(task.widths.begin(), task.widths.end());
    const std::size_t sets = task.terms.size(), length = sets * task.kernelLength();
    // The memory of one net. Two batches of kernels are in transfer to the host.
    const double bytes = 8.0 * (heaviest + widest + n_ * hidden + 2.0 * rows_ * widest + n_ * n_ +
                                1.0 * rows_ * rows_ + layers_ + 3 + 4.0 * length + 5.0 * sets);
    const double fitting = 0.8 * static_cast<double>(device.freeMemory()) / bytes;
    const double wanted = std::min({std::max(kBatchFlops / flops_, 1.0), static_cast<double>(mostNets),
                                    static_cast<double>(task.count)});
    nets_ = static_cast<std::size_t>(std::clamp(fitting, 1.0, wanted));
    weights_ = {device, nets_ * heaviest};
    biases_ = {device, nets_ * widest};
    for (std::size_t l = 0; l < layers_; l++)
      activations_.emplace_back(device, l == 0 ? 0 : nets_ * n_ * task.widths[l]);
    above_ = {device, nets_ * rows_ * widest};
    below_ = {device, nets_ * rows_ * widest};
    gram_ = {device, nets_ * n_ * n_};
    deltaGram_ = {device, nets_ * rows_ * rows_};
    exponents_ = {device, nets_ * layers_};
    deltaExponents_ = {device, nets_};
    largest_ = {device, nets_};
    factors_ = {device, nets_ * sets};
    sums_ = {device, nets_ * length};
    sumExponents_ = {device, nets_ * sets};
    largest_.clear();
  }

  void sample() {
    run_.expect(flops_ * task_.count);
    const std::uint64_t first = task_.first;
    device_.copyIn(position_.data(), &first, sizeof first);
    Results<Device> results(device_, 4);
    std::optional<typename Device::Graph> graph;
    for (std::size_t done = 0; done < task_.count; done += nets_) {
      const std::size_t count = std::min(nets_, task_.count - done);
      if (done == 0 || count < nets_ || !recordable()) {
        enqueue(count);  // libraries load what they need at the first call, which must not be recorded
      } else {
        if (!graph) graph.emplace(device_.capture([this] { enqueue(nets_); }));
        device_.replay(*graph);
      }
      const std::size_t rows = count * task_.terms.size();
      DeviceArray<Device, double> kernels(device_, rows * task_.kernelLength());
      DeviceArray<Device, std::int32_t> reported(device_, rows);
      device_.forEach(
          rows, task_.kernelLength(),
          FinishNets{resident_.view(), sums_.data(), sumExponents_.data(), kernels.data(), reported.data()});
      sendKernels(results, task_, done, count, std::move(kernels), std::move(reported));
      if (recordable()) device_.pace(run_, flops_ * count);
    }
    results.finish();
  }

 private:
  // The operations of a batch. A batch cannot be cancelled before it ends. A single net with more operations
  // can be cancelled after each layer.
  static constexpr double kBatchFlops = 5e11, kFlopsPerNormal = 70;
  bool recordable() const { return flops_ <= kBatchFlops; }

  // The forward and backward pass of `nets` nets. Allocates no memory.
  void enqueue(std::size_t nets) {
    forward(nets);
    backward(nets);
    device_.forEach(1, 1, AdvanceReplica{position_.data(), nets});
  }

  std::int64_t* exponents(std::size_t l) const { return exponents_.data() + l * nets_; }
  const double* activations(std::size_t l) const { return l == 0 ? x_.data() : activations_[l].data(); }
  // The distance from one net to the next. All nets have the same inputs.
  std::size_t activationStep(std::size_t l) const { return l == 0 ? 0 : n_ * task_.widths[l]; }

  void draw(std::uint32_t purpose, std::size_t l, double deviation, std::size_t size, std::size_t nets,
            const DeviceArray<Device, double>& to) {
    device_.forEach(
        nets, (size + 1) / 2,
        DrawLayer{to.data(), size, position_.data(), task_.seed, streamOf(purpose, l), deviation});
  }

  void drawWeights(std::size_t l, std::size_t nets) {
    draw(kWeightPurpose, l, task_.weightDeviations[l - 1], task_.widths[l] * task_.widths[l - 1], nets,
         weights_);
  }

  void paceLayer(std::size_t nets) {
    if (!recordable()) device_.pace(run_, flops_ * nets / (2.0 * layers_));
  }

  void divide(const DeviceArray<Device, double>& values, std::size_t size, std::size_t nets,
              const std::int64_t* before, std::int64_t* after) {
    device_.forEach(nets, size, DivideNets{values.data(), size, largest_.data()});
    device_.forEach(1, nets, NoteDivision{largest_.data(), before, after});
  }

  void forward(std::size_t nets) {
    device_.forEach(1, nets, SetExponent{exponents(0), task_.inputExponent});
    for (std::size_t l = 1; l < layers_; l++) {
      const std::size_t width = task_.widths[l], columns = task_.widths[l - 1];
      drawWeights(l, nets);
      products_.template multiplyBatched<double>(
          Transpose::no, Transpose::yes, gains_.data() + (l - 1), {activations(l - 1), n_, columns, columns},
          {weights_.data(), width, columns, columns}, device_.template zero<double>(),
          {activations_[l].data(), n_, width, width},
          {activationStep(l - 1), width * columns, n_ * width, nets});
      const bool biased = task_.biasDeviations[l - 1] > 0;
      if (biased) draw(kBiasPurpose, l, task_.biasDeviations[l - 1], width, nets, biases_);
      device_.forEach(nets, width,
                      RectifyNets{activations_[l].data(), n_, width, biased ? biases_.data() : nullptr,
                                  task_.biasGains[l - 1], exponents(l - 1), largest_.data()});
      divide(activations_[l], n_ * width, nets, exponents(l - 1), exponents(l));
      paceLayer(nets);
    }
  }

  void backward(std::size_t nets) {
    sums_.clear();
    device_.forEach(1, nets * task_.terms.size(), SetExponent{sumExponents_.data(), kNoExponent});
    device_.forEach(1, nets, SetExponent{deltaExponents_.data(), 0});
    // A replayed batch reads the same arrays as the recorded one, so local pointers are swapped, not the
    // arrays.
    double *above = above_.data(), *below = below_.data();
    addTerm(layers_, nullptr, nets);
    for (std::size_t l = layers_; l > 1; l--) {
      const std::size_t width = task_.widths[l - 1], wide = task_.widths[l];
      const bool top = l == layers_;
      drawWeights(l, nets);
      if (!top) {
        products_.template multiplyBatched<double>(
            Transpose::no, Transpose::no, gains_.data() + (l - 1), {above, rows_, wide, wide},
            {weights_.data(), wide, width, width}, device_.template zero<double>(),
            {below, rows_, width, width}, {rows_ * wide, wide * width, rows_ * width, nets});
      }
      const bool sum = task_.form == KernelForm::sumOfLogits;
      const double share = sum ? std::sqrt(static_cast<double>(wide)) : 1;
      device_.forEach(nets, width,
                      GateNets{activations(l - 1), top ? weights_.data() : nullptr, wide, sum,
                               task_.weightGains[l - 1] / share, below, n_, chains_, width, largest_.data()});
      device_.forEach(nets, rows_ * width, DivideNets{below, rows_ * width, largest_.data()});
      device_.forEach(1, nets, NoteDivision{largest_.data(), deltaExponents_.data(), deltaExponents_.data()});
      std::swap(above, below);
      addTerm(l - 1, above, nets);
      paceLayer(nets);
    }
  }

  // Adds the term of layer l. `above` has its deltas; null: they are the identity.
  void addTerm(std::size_t l, const double* above, std::size_t nets) {
    const std::size_t below = task_.widths[l - 1], width = task_.widths[l];
    gramOf(activations(l - 1), n_, below, activationStep(l - 1), gram_.data(), nets);
    const bool trace = task_.form == KernelForm::trace;
    const std::size_t deltaRows = trace ? n_ : rows_;
    // For a trace, one product of inner length chains x width sums over the outputs.
    if (above != nullptr)
      gramOf(above, deltaRows, trace ? chains_ * width : width, rows_ * width, deltaGram_.data(), nets);
    const NetGrams grams{gram_.data(), above == nullptr ? nullptr : deltaGram_.data(), deltaRows,
                         exponents(l - 1), deltaExponents_.data()};
    const std::size_t sets = task_.terms.size();
    device_.forEach(nets, sets,
                    FindFactors{resident_.view(), l, grams, factors_.data(), sumExponents_.data()});
    device_.forEach(nets * sets, task_.kernelLength(),
                    AddNetTerms{resident_.view(), grams, factors_.data(), sums_.data()});
  }

  void gramOf(const double* values, std::size_t rows, std::size_t columns, std::size_t step, double* to,
              std::size_t nets) {
    products_.template multiplyBatched<double>(
        Transpose::no, Transpose::yes, device_.template one<double>(), {values, rows, columns, columns},
        {values, rows, columns, columns}, device_.template zero<double>(), {to, rows, rows, rows},
        {step, step, rows * rows, nets});
  }

  Run& run_;
  Device& device_;
  Products<Device> products_;
  const DirectTask& task_;
  std::size_t n_, chains_, rows_, layers_, nets_ = 1;
  double flops_ = 0;  // of one net, a normal counted as kFlopsPerNormal
  ResidentSamples<Device> resident_;
  DeviceArray<Device, double> x_, gains_;
  DeviceArray<Device, std::uint64_t> position_;  // the first replica of the batch under way
  DeviceArray<Device, double> weights_, biases_, above_, below_, gram_, deltaGram_, sums_;
  std::vector<DeviceArray<Device, double>> activations_;  // of hidden layers, over 2^exponents
  DeviceArray<Device, std::int64_t> exponents_, deltaExponents_, sumExponents_;
  DeviceArray<Device, std::uint64_t> largest_;
  DeviceArray<Device, TermFactors> factors_;
};

// At most `mostNets` nets are computed at once, or fewer if the memory requires it.
template <typename Device>
void sampleDirect(Run& run, Device& device, const DirectTask& task, std::size_t mostNets = 65536) {
  DirectSampling<Device>(run, device, task, mostNets).sample();
}

}  // namespace deepntk::cuda
