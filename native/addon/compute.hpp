// What computes behind the addon's functions: native/core in the addon deepntk (compute.cpp), the GPU in the
// addon deepntk_cuda (native/cuda/compute.cpp). One of the two is linked.
#pragma once

#include <napi.h>

#include "../core/chain.hpp"
#include "../core/conditional.hpp"
#include "../core/direct.hpp"
#include "../core/features.hpp"
#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/mlp.hpp"
#include "../core/training.hpp"

namespace deepntk::compute {

// Empty where this addon can compute here; else the reason.
std::string whyUnavailable();
// What computes, for src/backend/native/addon.ts and src/backend/cuda/.
void describe(Napi::Object result);

void forward(Run& run, std::size_t threads, const Network& network, const double* x, std::size_t n,
             std::size_t rowBlock, double* out);
void jacobian(Run& run, std::size_t threads, const JacobianTask& task);
void kernel(Run& run, std::size_t threads, const KernelTask& task);
void chain(Run& run, std::size_t threads, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first,
           std::size_t count, const ChainReplicas& out);
void conditional(Run& run, std::size_t threads, const ConditionalTask& task);
void direct(Run& run, std::size_t threads, const DirectTask& task);
void training(Run& run, std::size_t threads, const TrainTask& task);
// As in core/features.hpp; T and Out are float or double.
template <typename T>
void features(Run& run, std::size_t threads, const FeatureShape& shape, const double* x,
              FeatureBlock<T> block);
template <typename T, typename Out>
void gramTile(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> a,
              FeatureBlock<const T> b, std::size_t edge, double scale, Out* tile, Out* mirror);
template <typename T>
void addGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients);
template <typename T>
void contractGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products);

double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single);

// What a compute.cpp ends with.
#define DEEPNTK_INSTANTIATE_COMPUTE(T)                                                                   \
  template void features(Run&, std::size_t, const FeatureShape&, const double*, FeatureBlock<T>);        \
  template void gramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const T>,                  \
                         FeatureBlock<const T>, std::size_t, double, double*, double*);                  \
  template void gramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const T>,                  \
                         FeatureBlock<const T>, std::size_t, double, float*, float*);                    \
  template void addGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const T>, std::size_t, \
                             const double*, double*);                                                    \
  template void contractGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const T>,         \
                                  std::size_t, const double*, double*);

}  // namespace deepntk::compute
