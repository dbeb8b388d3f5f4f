// What the samplers of kernels have in common on a device; the counterpart of native/core/kernel_samples.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../core/kernel_samples.hpp"
#include "../core/powers.hpp"
#include "device.hpp"
#include "kernels.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// A sum of nothing.
constexpr std::int64_t kNoExponent = -(std::int64_t{1} << 40);

// Normal number `index` of a stream, not scaled.
struct NormalStream {
  std::uint64_t seed, replica;
  std::uint32_t stream;

  // Numbers 2 pair and 2 pair + 1.
  DEEPNTK_PORTABLE void pairAt(std::size_t pair, double* normals) const {
    const PhiloxBlock block =
        philox4x32({{static_cast<std::uint32_t>(pair), stream, static_cast<std::uint32_t>(replica),
                     static_cast<std::uint32_t>(replica >> 32)}},
                   static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
    boxMuller(uniform(block.words[0], block.words[1]), uniform(block.words[2], block.words[3]), normals[0],
              normals[1]);
  }
  DEEPNTK_PORTABLE double at(std::size_t index) const {
    double normals[2];
    pairAt(index / 2, normals);
    return normals[index % 2];
  }
};

// The task as kernels of the device read it.
struct SampleView {
  const std::uint64_t* widths;  // n_0 .. n_{L+1}
  std::size_t layers, n, outputs, chains, entries, terms;
  KernelForm form;
  const double *weightTerms, *biasTerms;  // terms x layers
  const std::int32_t *weightExponents, *biasExponents;
  std::uint64_t seed;

  std::size_t DEEPNTK_PORTABLE pairs() const { return n * chains; }
  std::size_t DEEPNTK_PORTABLE kernelLength() const { return n * n * entries; }
};

// What a layer's term and the sum so far are multiplied by, so that both are over 2^exponent.
struct TermFactors {
  double keep, weight, bias;
};

// Of set `term` and layer l. `activations`, `deltas`: the largest diagonal entries of the layer's two Gram
// matrices, over 4^activationExponent and 4^deltaExponent.
DEEPNTK_PORTABLE inline TermFactors factorsOf(const SampleView& task, std::size_t term, std::size_t l,
                                              double activations, std::int64_t activationExponent,
                                              double deltas, std::int64_t deltaExponent,
                                              std::int64_t& exponent) {
  const std::size_t at = term * task.layers + l - 1;
  const double weights = task.weightTerms[at], biases = task.biasTerms[at];
  const std::int64_t weightExponent = task.weightExponents[at] + 2 * activationExponent + 2 * deltaExponent;
  const std::int64_t biasExponent = task.biasExponents[at] + 2 * deltaExponent;
  const double largestWeight = weights * activations * deltas, largestBias = biases * deltas;
  const std::int64_t ofWeight =
      largestWeight == 0 ? kNoExponent : weightExponent + binaryExponent(largestWeight);
  const std::int64_t ofBias = largestBias == 0 ? kNoExponent : biasExponent + binaryExponent(largestBias);
  std::int64_t highest = ofWeight < ofBias ? ofBias : ofWeight;
  if (highest < exponent) highest = exponent;
  // A term of zeros has no exponent that the sum's could be compared with.
  const TermFactors factors{powerOfTwo(exponent - highest),
                            largestWeight == 0 ? 0 : weights * powerOfTwo(weightExponent - highest),
                            largestBias == 0 ? 0 : biases * powerOfTwo(biasExponent - highest)};
  exponent = highest;
  return factors;
}

// clampedExponent, of a sum of nothing 0.
DEEPNTK_PORTABLE inline std::int32_t reportedExponent(std::int64_t exponent) {
  constexpr std::int64_t kLimit = 1 << 30;
  if (exponent == kNoExponent) return 0;
  return static_cast<std::int32_t>(exponent < -kLimit ? -kLimit : exponent > kLimit ? kLimit : exponent);
}

// Of one entry of one pair of inputs, the place of the same number from the other side.
DEEPNTK_PORTABLE inline std::size_t mirrored(const SampleView& task, std::size_t i, std::size_t j,
                                             std::size_t entry) {
  const bool full = task.form == KernelForm::full;
  return (j * task.n + i) * task.entries +
         (full ? entry % task.chains * task.chains + entry / task.chains : entry);
}

// The task's arrays on the device.
template <typename Device>
class ResidentSamples {
 public:
  ResidentSamples(Device& device, const KernelSampleTask& task) {
    const std::size_t layers = task.layers();
    std::vector<double> weights, biases;
    std::vector<std::int32_t> weightExponents, biasExponents;
    for (const KernelTerms& terms : task.terms) {
      weights.insert(weights.end(), terms.weights, terms.weights + layers);
      biases.insert(biases.end(), terms.biases, terms.biases + layers);
      weightExponents.insert(weightExponents.end(), terms.weightExponents, terms.weightExponents + layers);
      biasExponents.insert(biasExponents.end(), terms.biasExponents, terms.biasExponents + layers);
    }
    widths_ = {device, std::vector<std::uint64_t>(task.widths.begin(), task.widths.end())};
    weights_ = {device, weights};
    biases_ = {device, biases};
    weightExponents_ = {device, weightExponents};
    biasExponents_ = {device, biasExponents};
    view_ = {widths_.data(),
             layers,
             task.n,
             task.outputs(),
             task.chains(),
             task.entries(),
             task.terms.size(),
             task.form,
             weights_.data(),
             biases_.data(),
             weightExponents_.data(),
             biasExponents_.data(),
             task.seed};
  }

  const SampleView& view() const { return view_; }

 private:
  DeviceArray<Device, std::uint64_t> widths_;
  DeviceArray<Device, double> weights_, biases_;
  DeviceArray<Device, std::int32_t> weightExponents_, biasExponents_;
  SampleView view_{};
};

// Sends the kernels of `count` replicas, from number `position` of the task on.
template <typename Device>
void sendKernels(Results<Device>& results, const KernelSampleTask& task, std::size_t position,
                 std::size_t count, DeviceArray<Device, double>&& kernels,
                 DeviceArray<Device, std::int32_t>&& exponents) {
  const std::size_t sets = task.terms.size(), length = sets * task.kernelLength();
  results.send(std::move(kernels), task.kernels + position * length, count, length, length);
  results.send(std::move(exponents), task.exponents + position * sets, count, sets, sets);
}

}  // namespace deepntk::cuda
