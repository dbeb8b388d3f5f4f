// The direct sampler on a device; the counterpart of native/core/direct.*. Many nets at once: a layer of all
// of them is one batch of matrix products. Weights are drawn when they are needed, and again on the way back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "../core/direct.hpp"
#include "kernel_samples.hpp"
#include "products.hpp"

namespace deepntk::cuda {

// Purposes of src/random/streams.ts.
constexpr std::uint32_t kWeightPurpose = 0, kBiasPurpose = 1;
// Layers are brought back to near 1 when their largest number leaves 2^-kNearOne .. 2^kNearOne.
constexpr std::int64_t kNearOne = 100;

// Normals number 2 pair and 2 pair + 1 of a layer, of net number `net` of those under way.
struct DrawLayer {
  double* out;  // `size` numbers a net
  std::size_t size;
  const std::uint64_t* firstReplica;  // on the device
  std::uint64_t seed;
  std::uint32_t stream;
  double deviation;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t pair) const {
    double normals[2];
    NormalStream{seed, *firstReplica + net, stream}.pairAt(pair, normals);
    for (std::size_t k = 0; k < 2 && 2 * pair + k < size; k++)
      out[net * size + 2 * pair + k] = normals[k] * deviation;
  }
};

// x = relu(h + gain b) of unit j of one net, all inputs; the largest of the net.
struct RectifyNets {
  double* h;  // nets x n x width
  std::size_t n, width;
  const double* biases;  // nets x width; null: none
  double gain;
  const std::int64_t* exponents;  // of the layer below
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t j) const {
    const double bias =
        biases == nullptr ? 0.0 : gain * powerOfTwo(-exponents[net]) * biases[net * width + j];
    double top = 0;
    for (std::size_t i = 0; i < n; i++) {
      double& x = h[(net * n + i) * width + j];
      const double value = x + bias;
      x = value > 0 ? value : 0;
      if (top < x) top = x;
    }
    if (top > 0) raise(largest + net, top);
  }
};

// Deltas of unit j of one net, all rows, through their gates; with `weights` (the output layer's) they are
// set to its rows first, or to the sum of its rows over sqrt(K). The largest magnitude of the net.
struct GateNets {
  const double* activations;  // nets x n x width
  const double* weights;      // nets x outputs x width; null: the deltas themselves
  std::size_t outputs;
  bool sum;
  double gain;
  double* deltas;  // nets x (n chains) x width
  std::size_t n, chains, width;
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t j) const {
    double summed = 0;
    const double* const own = weights == nullptr ? nullptr : weights + net * outputs * width + j;
    for (std::size_t k = 0; own != nullptr && sum && k < outputs; k++) summed += own[k * width];
    double top = 0;
    for (std::size_t row = 0; row < n * chains; row++) {
      const std::size_t i = row / chains, k = row - i * chains;
      double& delta = deltas[(net * n * chains + row) * width + j];
      const double value = own == nullptr ? delta : sum ? gain * summed : gain * own[k * width];
      delta = activations[(net * n + i) * width + j] > 0 ? value : 0;
      const double magnitude = delta < 0 ? -delta : delta;
      if (top < magnitude) top = magnitude;
    }
    if (top > 0) raise(largest + net, top);
  }
};

// By which power of two a net's layer is to be divided.
DEEPNTK_PORTABLE inline std::int64_t excessOf(std::uint64_t largest) {
  const std::int64_t exponent = binaryExponent(fromBits(largest));
  return exponent >= -kNearOne && exponent <= kNearOne ? 0 : exponent;
}

struct DivideNets {
  double* values;
  std::size_t size;  // numbers a net
  const std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t i) const {
    const std::int64_t by = excessOf(largest[net]);
    if (by != 0) values[net * size + i] *= powerOfTwo(-by);
  }
};

// exponents = before + what the layer was divided by; and `largest` ready for the next layer.
struct NoteDivision {
  std::uint64_t* largest;
  const std::int64_t* before;
  std::int64_t* exponents;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t net) const {
    exponents[net] = before[net] + excessOf(largest[net]);
    largest[net] = 0;
  }
};

struct SetExponent {
  std::int64_t *exponents, value;
  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const { exponents[i] = value; }
};

struct AdvanceReplica {
  std::uint64_t *replica, by;
  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t) const { *replica += by; }
};

// A layer's two Gram matrices of every net, and what they stand for.
struct NetGrams {
  const double* activations;  // nets x n x n
  const double* deltas;       // nets x rows x rows; null: the identity (the output layer)
  std::size_t deltaRows;      // n where the sum over outputs is taken, else n chains
  const std::int64_t *activationExponents, *deltaExponents;

  // Of inputs i and j, outputs k and m.
  DEEPNTK_PORTABLE double delta(const SampleView& task, std::size_t net, std::size_t i, std::size_t k,
                                std::size_t j, std::size_t m) const {
    const bool trace = task.form == KernelForm::trace;
    if (deltas == nullptr) return trace ? static_cast<double>(task.chains) : k == m ? 1.0 : 0.0;
    const double* const own = deltas + net * deltaRows * deltaRows;
    return trace ? own[i * deltaRows + j] : own[(i * task.chains + k) * deltaRows + j * task.chains + m];
  }
};

struct FindFactors {
  SampleView task;
  std::size_t layer;
  NetGrams grams;
  TermFactors* factors;     // nets x terms
  std::int64_t* exponents;  // likewise

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t term) const {
    const double* const own = grams.activations + net * task.n * task.n;
    const std::size_t chains = task.form == KernelForm::trace ? 1 : task.chains;
    double activations = 0, deltas = 0;
    for (std::size_t i = 0; i < task.n; i++) {
      if (activations < own[i * task.n + i]) activations = own[i * task.n + i];
      for (std::size_t k = 0; k < chains; k++) {
        const double delta = grams.delta(task, net, i, k, i, k);
        if (deltas < delta) deltas = delta;
      }
    }
    const std::size_t at = net * task.terms + term;
    factors[at] = factorsOf(task, term, layer, activations, grams.activationExponents[net], deltas,
                            grams.deltaExponents[net], exponents[at]);
  }
};

// sums = keep sums + (weight A A' + bias) o D D', into the lower triangle.
struct AddNetTerms {
  SampleView task;
  NetGrams grams;
  const TermFactors* factors;
  double* sums;  // nets x terms x kernelLength

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t number) const {
    const std::size_t net = row / task.terms, pair = number / task.entries,
                      entry = number - pair * task.entries;
    const std::size_t i = pair / task.n, j = pair - i * task.n;
    const bool full = task.form == KernelForm::full;
    const std::size_t k = full ? entry / task.chains : entry, m = full ? entry - k * task.chains : entry;
    if (j > i || (full && i == j && m > k)) return;
    const TermFactors& own = factors[row];
    const double gram = own.weight * grams.activations[(net * task.n + i) * task.n + j] + own.bias;
    double& sum = sums[row * task.kernelLength() + number];
    sum = own.keep * sum + gram * grams.delta(task, net, i, k, j, m);
  }
};

// Both triangles.
struct FinishNets {
  SampleView task;
  const double* sums;
  const std::int64_t* exponents;
  double* kernels;
  std::int32_t* reported;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t number) const {
    const std::size_t pair = number / task.entries, entry = number - pair * task.entries;
    const std::size_t i = pair / task.n, j = pair - i * task.n, base = row * task.kernelLength();
    const bool full = task.form == KernelForm::full;
    if (number == 0) reported[row] = reportedExponent(exponents[row]);
    if (j > i || (full && i == j && entry % task.chains > entry / task.chains)) return;
    kernels[base + number] = sums[base + number];
    kernels[base + mirrored(task, i, j, entry)] = sums[base + number];
  }
};

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
    // Of one net; of the kernels, two batches are on their way to the host.
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
  // A batch of nets: what does not end sooner cannot be cancelled sooner. One net beyond that is watched
  // layer by layer.
  static constexpr double kBatchFlops = 5e11, kFlopsPerNormal = 70;
  bool recordable() const { return flops_ <= kBatchFlops; }

  // All layers of `nets` nets, up and down. Asks for no memory.
  void enqueue(std::size_t nets) {
    forward(nets);
    backward(nets);
    device_.forEach(1, 1, AdvanceReplica{position_.data(), nets});
  }

  std::int64_t* exponents(std::size_t l) const { return exponents_.data() + l * nets_; }
  const double* activations(std::size_t l) const { return l == 0 ? x_.data() : activations_[l].data(); }
  // From one net to the next: the inputs are the same for all.
  std::size_t activationStep(std::size_t l) const { return l == 0 ? 0 : n_ * task_.widths[l]; }

  void draw(std::uint32_t purpose, std::size_t l, double deviation, std::size_t size, std::size_t nets,
            const DeviceArray<Device, double>& to) {
    const std::uint32_t stream = (purpose << 24) | static_cast<std::uint32_t>(l);
    device_.forEach(nets, (size + 1) / 2,
                    DrawLayer{to.data(), size, position_.data(), task_.seed, stream, deviation});
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
    // A replayed batch finds the arrays where the recorded one did: an odd number of changes is undone.
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

  // The term of layer l, whose deltas `above` are; null: the identity.
  void addTerm(std::size_t l, const double* above, std::size_t nets) {
    const std::size_t below = task_.widths[l - 1], width = task_.widths[l];
    gramOf(activations(l - 1), n_, below, activationStep(l - 1), gram_.data(), nets);
    const bool trace = task_.form == KernelForm::trace;
    const std::size_t deltaRows = trace ? n_ : rows_;
    // A trace is one product of inner length chains x width.
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

// `mostNets`: that are under way at once, where memory allows.
template <typename Device>
void sampleDirect(Run& run, Device& device, const DirectTask& task, std::size_t mostNets = 65536) {
  DirectSampling<Device>(run, device, task, mostNets).sample();
}

}  // namespace deepntk::cuda
