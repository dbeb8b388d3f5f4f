// What computes behind the addon's functions: native/core in the addon deepntk (compute.cpp), the GPU in the
// addon deepntk_cuda (native/cuda/compute.cpp). One of the two is linked.
#pragma once

#include <napi.h>

#include "../core/chain.hpp"
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
void training(Run& run, std::size_t threads, const TrainTask& task);
double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single);

}  // namespace deepntk::compute
