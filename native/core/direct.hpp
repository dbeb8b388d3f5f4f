// The direct sampler: replicas of the kernel of N inputs from nets drawn in whole, those that Mlp.random
// draws; one net a thread. The twin is src/backend/typescript/direct.ts.
#pragma once

#include "kernel_samples.hpp"

namespace deepntk {

struct DirectTask : KernelSampleTask {
  const double* x;  // n x n_0, the inputs over 2^inputExponent
  std::int64_t inputExponent;
  // Standard deviations that weights and biases are drawn with, and what they are multiplied by (mlp.hpp); L
  // + 1 numbers.
  const double *weightDeviations, *biasDeviations, *weightGains, *biasGains;
};

void sampleDirect(Run& run, std::size_t threads, const DirectTask& task);

}  // namespace deepntk
