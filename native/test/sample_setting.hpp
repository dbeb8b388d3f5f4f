// A law of nets and inputs, for the tests of the samplers of kernels.
#pragma once

#include <cmath>
#include <type_traits>
#include <vector>

#include "../core/conditional.hpp"
#include "../core/direct.hpp"
#include "../core/normal.hpp"

namespace deepntk {

inline constexpr std::uint64_t kSeed = (std::uint64_t{1} << 40) + 3;
inline constexpr std::uint64_t kFirst = (std::uint64_t{1} << 32) - 4;

// A law, inputs and room for results.
struct Setting {
  std::vector<std::size_t> widths;
  std::size_t n, count;
  KernelForm form;
  double weightVariance, biasVariance;
  std::vector<double> x, gram, terms, deviations, biasDeviations, gains, scale, kernels;
  std::vector<std::int32_t> zeros, exponents;

  Setting(std::vector<std::size_t> sizes, std::size_t inputs, std::size_t replicas, KernelForm kernelForm,
          double sw2, double sb2)
      : widths(std::move(sizes)),
        n(inputs),
        count(replicas),
        form(kernelForm),
        weightVariance(sw2),
        biasVariance(sb2) {
    const std::size_t layers = widths.size() - 1, size = widths.front();
    x.resize(n * size);
    fillNormals({x.data(), x.size()}, {5, 0, 0}, 1 / std::sqrt(static_cast<double>(size)));
    gram.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; i++) {
      for (std::size_t j = 0; j < n; j++) {
        for (std::size_t k = 0; k < size; k++) gram[i * n + j] += x[i * size + k] * x[j * size + k];
      }
    }
    terms.assign(layers, 1.0);
    gains.assign(layers, 1.0);
    zeros.assign(layers, 0);
    biasDeviations.assign(layers, std::sqrt(biasVariance));
    for (std::size_t l = 0; l < layers; l++) {
      scale.push_back(weightVariance / static_cast<double>(widths[l]));
      deviations.push_back(std::sqrt(scale.back()));
    }
  }

  std::size_t entries() const { return entriesOf(form, widths.back()); }
  std::size_t length() const { return n * n * entries(); }

  std::vector<double> sample(bool conditional, std::size_t threads, std::size_t skip = 0) {
    return conditional
               ? sampleBy(
                     [&](Run& run, const ConditionalTask& task) { sampleConditional(run, threads, task); },
                     skip)
               : sampleBy([&](Run& run, const DirectTask& task) { sampleDirect(run, threads, task); }, skip);
  }

  // By a function of a Run and of either task.
  template <typename Sampler>
  std::vector<double> sampleBy(const Sampler& sampler, std::size_t skip = 0) {
    kernels.assign((count - skip) * length(), -1.0);
    exponents.assign(count - skip, 0);
    Run run;
    if constexpr (std::is_invocable_v<Sampler, Run&, const ConditionalTask&>) {
      sampler(run, conditional(skip));
    } else {
      sampler(run, direct(skip));
    }
    std::vector<double> values(kernels);
    for (std::size_t i = 0; i < values.size(); i++) {
      values[i] = std::ldexp(values[i], exponents[i / length()]);
    }
    return values;
  }

  ConditionalTask conditional(std::size_t skip) {
    ConditionalTask task;
    fill(task, skip);
    task.inputGram = gram.data();
    task.inputExponent = 0;
    task.weightScale = scale.data();
    task.biasVariance = biasVariance;
    return task;
  }

  DirectTask direct(std::size_t skip) {
    DirectTask task;
    fill(task, skip);
    task.x = x.data();
    task.inputExponent = 0;
    task.weightDeviations = deviations.data();
    task.biasDeviations = biasDeviations.data();
    task.weightGains = gains.data();
    task.biasGains = gains.data();
    return task;
  }

 private:
  void fill(KernelSampleTask& task, std::size_t skip) {
    task.widths = widths;
    task.n = n;
    task.form = form;
    task.terms = {{terms.data(), terms.data(), zeros.data(), zeros.data()}};
    task.seed = kSeed;
    task.first = kFirst + skip;
    task.count = count - skip;
    task.kernels = kernels.data();
    task.exponents = exponents.data();
  }
};

}  // namespace deepntk
