// The direct sampler: replicas of the kernel of N inputs. It draws all weights of a net, the same as
// Mlp.random, and each thread computes one net. The twin is src/backend/typescript/direct.ts.
#pragma once

#include "kernel_samples.hpp"

namespace deepntk {

struct DirectTask : KernelSampleTask {
  const double* x;  // n x n_0, the inputs over 2^inputExponent
  std::int64_t inputExponent;
  // The standard deviations of weights and biases, and their factors (mlp.hpp). Each array has L + 1 numbers.
  const double *weightDeviations, *biasDeviations, *weightGains, *biasGains;
};

// Layers are brought back to near 1 if their largest number leaves 2^-kNearOne .. 2^kNearOne.
constexpr std::int64_t kNearOne = 100;

// The exponent by which a layer with this largest number is divided.
DEEPNTK_PORTABLE inline std::int64_t excessExponent(double largest) {
  const std::int64_t exponent = binaryExponent(largest);
  return exponent >= -kNearOne && exponent <= kNearOne ? 0 : exponent;
}

// A layer's D D', of input i and output k with input j and output m. For traces it is summed over outputs.
struct DeltaGram {
  const double* entries;  // n x n for traces, else (n chains) x (n chains); null: deltas are the identity
  KernelForm form;
  std::size_t n, chains;

  DEEPNTK_PORTABLE double operator()(std::size_t i, std::size_t k, std::size_t j, std::size_t m) const {
    const bool trace = form == KernelForm::trace;
    if (entries == nullptr) return trace ? static_cast<double>(chains) : k == m ? 1.0 : 0.0;
    return trace ? entries[i * n + j] : entries[(i * chains + k) * n * chains + j * chains + m];
  }

  DEEPNTK_PORTABLE double largestOnDiagonal() const {
    double largest = 0;
    for (std::size_t i = 0; i < n; i++) {
      for (std::size_t k = 0; k < (form == KernelForm::trace ? 1 : chains); k++) {
        const double entry = (*this)(i, k, i, k);
        if (largest < entry) largest = entry;
      }
    }
    return largest;
  }
};

void sampleDirect(Run& run, std::size_t threads, const DirectTask& task);

}  // namespace deepntk
