// The samplers of kernels of native/cuda against native/core.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../cuda/conditional.hpp"
#include "../cuda/direct.hpp"
#include "compare.hpp"
#include "sample_setting.hpp"

namespace deepntk::cuda {

// Kernels of two sets of terms. The second set has other exponents, and one layer has no term.
struct SampledKernels {
  std::vector<double> kernels;
  std::vector<std::int32_t> exponents;

  template <typename Task, typename Sampler>
  SampledKernels(Setting& setting, Task task, const Sampler& sampler) {
    const std::size_t layers = setting.widths.size() - 1, sets = 2 * setting.count;
    std::vector<double> weights(layers, 0.75), biases(layers, 1.5);
    weights[layers / 2] = biases[layers - 1] = 0;
    std::vector<std::int32_t> weightExponents(layers, -2000), biasExponents(layers, -1990);
    task.terms.push_back({weights.data(), biases.data(), weightExponents.data(), biasExponents.data()});
    kernels.assign(sets * setting.length(), -1.0);
    exponents.assign(sets, 77);
    task.kernels = kernels.data();
    task.exponents = exponents.data();
    Run run;
    sampler(run, task);
  }
};

inline std::vector<Setting> sampleSettings() {
  std::vector<Setting> settings;
  for (const KernelForm form : kForms) {
    settings.push_back({{6, 13, 1, 17, 2}, 5, 11, form, 2, 0.1});
    settings.push_back({{6, 13, 9, 33, 3}, 4, 11, form, 2, 0});
    settings.push_back({{5, 3}, 3, 11, form, 2, 0.3});
    settings.push_back({{4, 2, 2, 2, 2, 2, 2}, 3, 40, form, 1, 0});  // most of these nets are dead
  }
  settings.push_back({{5, 40, 33, 1}, 1, 9, KernelForm::trace, 2, 0.4});
  // Two inputs are equal, so the preactivations have rank three.
  Setting twice({6, 20, 20, 2}, 4, 9, KernelForm::trace, 2, 0);
  std::copy_n(twice.x.begin(), 6, twice.x.begin() + 12);
  for (std::size_t i = 0; i < 4; i++) twice.gram[8 + i] = twice.gram[i];
  for (std::size_t i = 0; i < 4; i++) twice.gram[4 * i + 2] = twice.gram[4 * i];
  settings.push_back(twice);
  std::vector<std::size_t> deep(302, 24);
  deep.back() = 1;
  settings.push_back({deep, 2, 3, KernelForm::trace, 4, 0});
  settings.push_back({deep, 2, 3, KernelForm::trace, 1, 0.01});
  settings.push_back(
      {{10, 20, 20, 5}, 20, 2, KernelForm::trace, 2, 0.1});  // more than fits the memory of a block
  return settings;
}

// The same bits, for any number of replicas at once.
template <typename Device>
void checkConditional(Device& device) {
  for (Setting& setting : sampleSettings()) {
    const SampledKernels expected(setting, setting.conditional(0), [](Run& run, const ConditionalTask& task) {
      deepntk::sampleConditional(run, 1, task);
    });
    for (const std::size_t most : {65536, 4}) {
      const SampledKernels actual(
          setting, setting.conditional(0),
          [&](Run& run, const ConditionalTask& task) { cuda::sampleConditional(run, device, task, most); });
      CHECK(actual.kernels == expected.kernels);
      CHECK(actual.exponents == expected.exponents);
    }
  }
}

template <typename Device>
void checkDirect(Device& device) {
  for (Setting& setting : sampleSettings()) {
    const SampledKernels expected(setting, setting.direct(0), [](Run& run, const DirectTask& task) {
      deepntk::sampleDirect(run, 1, task);
    });
    for (const std::size_t most : {65536, 4}) {
      const SampledKernels actual(setting, setting.direct(0), [&](Run& run, const DirectTask& task) {
        cuda::sampleDirect(run, device, task, most);
      });
      const std::size_t length = setting.length();
      for (std::size_t set = 0; set < expected.exponents.size(); set++) {
        std::vector<double> left, right;
        for (std::size_t i = set * length; i < (set + 1) * length; i++) {
          left.push_back(std::ldexp(actual.kernels[i], actual.exponents[set] - expected.exponents[set]));
          right.push_back(expected.kernels[i]);
        }
        checkClose(left, right, setting.widths.size() > 100 ? 1e-10 : kRounding);
      }
    }
  }
}

}  // namespace deepntk::cuda
