// The CUDA backend as the addon sees it: plain C++, no header of CUDA. Every function throws std::bad_alloc
// where the device's or the host's memory does not suffice, Cancelled, or a std::runtime_error that says what
// the device reported. One job at a time has the device; others wait, cancellably.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "../core/chain.hpp"
#include "../core/conditional.hpp"
#include "../core/direct.hpp"
#include "../core/features.hpp"
#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/mlp.hpp"
#include "../core/training.hpp"

namespace deepntk::cuda {

struct Description {
  std::string device;                   // e.g. "NVIDIA H100 80GB HBM3"
  std::string capability;               // e.g. "9.0"
  std::size_t memory;                   // bytes
  std::string driver, runtime, cublas;  // versions
  std::string mixed;                    // how `mixed` precision is computed
};

// Empty where there is a device, a driver and cuBLAS that fit; else what is missing, and what would help.
std::string whyUnavailable();
Description describe();

void forward(Run& run, const Network& network, const double* x, std::size_t n, double* out);
void computeJacobian(Run& run, const JacobianTask& task);
void computeKernel(Run& run, const KernelTask& task);
void sampleChain(Run& run, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first, std::size_t count,
                 const ChainReplicas& out);
void sampleConditional(Run& run, const ConditionalTask& task);
void sampleDirect(Run& run, const DirectTask& task);
void takeSteps(Run& run, const TrainTask& task);

// T and Out: float or double; in float as `mixed` precision is computed.
template <typename T>
void computeFeatures(Run& run, const FeatureShape& shape, const double* x, FeatureBlock<T> block);
template <typename T, typename Out>
void computeGramTile(Run& run, const FeatureShape& shape, FeatureBlock<const T> a, FeatureBlock<const T> b,
                     double scale, Out* tile, Out* mirror);
template <typename T>
void addGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block, std::size_t directions,
                  const double* coefficients, double* gradients);
template <typename T>
void contractGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products);

// What defines them ends with this, for double and for float.
#define DEEPNTK_INSTANTIATE_FEATURES(T)                                                                    \
  template void computeFeatures(Run&, const FeatureShape&, const double*, FeatureBlock<T>);                \
  template void computeGramTile(Run&, const FeatureShape&, FeatureBlock<const T>, FeatureBlock<const T>,   \
                                double, double*, double*);                                                 \
  template void computeGramTile(Run&, const FeatureShape&, FeatureBlock<const T>, FeatureBlock<const T>,   \
                                double, float*, float*);                                                   \
  template void addGradients(Run&, const FeatureShape&, FeatureBlock<const T>, std::size_t, const double*, \
                             double*);                                                                     \
  template void contractGradients(Run&, const FeatureShape&, FeatureBlock<const T>, std::size_t,           \
                                  const double*, double*);

// Gives back all that is held of the device between jobs; the next job takes it anew.
void close();

// Seconds of one product A B' of random matrices, by the device's own clock: what benchmarks compare with.
double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single);

}  // namespace deepntk::cuda
