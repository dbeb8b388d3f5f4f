// The code that the samplers of kernels share on a device; the counterpart of native/core/kernel_samples.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../core/chi_square.hpp"
#include "../core/kernel_samples.hpp"
#include "device.hpp"
#include "kernels.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// The standard normal numbers of a stream.
struct NormalStream {
  LayerStream at;

  DEEPNTK_PORTABLE NormalStream(std::uint64_t seed, std::uint64_t replica, std::uint32_t stream)
      : at{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
           static_cast<std::uint32_t>(replica), static_cast<std::uint32_t>(replica >> 32), stream} {}

  // Numbers 2 pair and 2 pair + 1.
  DEEPNTK_PORTABLE void pairAt(std::size_t pair, double (&normals)[2]) const {
    boxMuller(at.block(static_cast<std::uint32_t>(pair)), normals);
  }
  DEEPNTK_PORTABLE double operator[](std::size_t index) const {
    double normals[2];
    pairAt(index / 2, normals);
    return normals[index % 2];
  }
};

// The task, with arrays on the device.
struct SampleView {
  const std::uint64_t* widths;  // n_0 .. n_{L+1}
  std::size_t layers, n, outputs, chains, entries, terms;
  KernelForm form;
  const double *weightTerms, *biasTerms;  // terms x layers
  const std::int32_t *weightExponents, *biasExponents;
  std::uint64_t seed;

  std::size_t DEEPNTK_PORTABLE pairs() const { return n * chains; }
  std::size_t DEEPNTK_PORTABLE kernelLength() const { return n * n * entries; }
  DEEPNTK_PORTABLE LayerTerms layerTerms(std::size_t term, std::size_t l) const {
    const std::size_t at = term * layers + l - 1;
    return {weightTerms[at], biasTerms[at], weightExponents[at], biasExponents[at]};
  }
};

// The place of the number that is equal to `entry` of inputs (i, j) by symmetry, among those of (j, i).
DEEPNTK_PORTABLE inline std::size_t mirrored(const SampleView& task, std::size_t i, std::size_t j,
                                             std::size_t entry) {
  return (j * task.n + i) * task.entries + transposedEntry(task.form, task.chains, entry);
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

// Sends the kernels of `count` replicas to the host. The first is number `position` of the task.
template <typename Device>
void sendKernels(Results<Device>& results, const KernelSampleTask& task, std::size_t position,
                 std::size_t count, DeviceArray<Device, double>&& kernels,
                 DeviceArray<Device, std::int32_t>&& exponents) {
  const std::size_t sets = task.terms.size(), length = sets * task.kernelLength();
  results.send(std::move(kernels), task.kernels + position * length, count, length, length);
  results.send(std::move(exponents), task.exponents + position * sets, count, sets, sets);
}

}  // namespace deepntk::cuda
