// The functions of native/cuda/cuda.hpp on HostDevice. An addon with these functions replaces the one for
// GPUs, so that the suite of the package tests everything except the GPU (scripts/cuda.sh stand-in).
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "../cuda/chain.hpp"
#include "../cuda/conditional.hpp"
#include "../cuda/cuda.hpp"
#include "../cuda/direct.hpp"
#include "../cuda/features.hpp"
#include "../cuda/forward.hpp"
#include "../cuda/gradients.hpp"
#include "../cuda/gram_tile.hpp"
#include "../cuda/jacobian.hpp"
#include "../cuda/kernel.hpp"
#include "../cuda/training.hpp"
#include "host_device.hpp"

namespace deepntk::cuda {

namespace {

constexpr std::size_t kMemory = std::size_t{4} << 30;

// The limit that DEEPNTK_CUDA_MEMORY sets.
std::size_t memory() {
  const char* const text = std::getenv("DEEPNTK_CUDA_MEMORY");
  return text == nullptr ? kMemory : std::min(kMemory, static_cast<std::size_t>(std::strtod(text, nullptr)));
}

}  // namespace

std::string whyUnavailable() {
  return "";
}

Description describe() {
  Description description{"the CPU, in place of a GPU", "0.0", kMemory, "0.0", "0.0", "0.0.0", ""};
  mixedMode(description.mixed);
  return description;
}

void forward(Run& run, const Network& network, const double* x, std::size_t n, double* out) {
  HostDevice device(memory());
  forward(run, device, network, x, n, out);
}

void computeJacobian(Run& run, const JacobianTask& task) {
  HostDevice device(memory());
  computeJacobian(run, device, task);
}

void computeKernel(Run& run, const KernelTask& task) {
  HostDevice device(memory());
  computeKernel(run, device, mixedMode(), task);
}

void sampleChain(Run& run, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first, std::size_t count,
                 const ChainReplicas& out) {
  HostDevice device(memory());
  sampleChain(run, device, plan, seed, first, count, out,
              1000);  // smaller batches than on a GPU, so that cancelling is tested
}

void sampleConditional(Run& run, const ConditionalTask& task) {
  HostDevice device(memory());
  sampleConditional(run, device, task, 32);
}

void sampleDirect(Run& run, const DirectTask& task) {
  HostDevice device(memory());
  sampleDirect(run, device, task, 32);
}

void takeSteps(Run& run, const TrainTask& task) {
  HostDevice device(memory());
  takeSteps(run, device, task);
}

template <typename T>
void computeFeatures(Run& run, const FeatureShape& shape, const double* x, FeatureBlock<T> block) {
  HostDevice device(memory());
  computeFeatures(run, device, mixedMode().arithmetic, shape, x, block);
}

template <typename T, typename Out>
void computeGramTile(Run& run, const FeatureShape& shape, FeatureBlock<const T> a, FeatureBlock<const T> b,
                     double scale, Out* tile, Out* mirror) {
  HostDevice device(memory());
  computeGramTile(run, device, mixedMode().arithmetic, shape, a, b, scale, tile, mirror);
}

template <typename T>
void addGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block, std::size_t directions,
                  const double* coefficients, double* gradients) {
  HostDevice device(memory());
  GradientProducts(run, device, mixedMode().arithmetic, shape, block, directions)
      .addGradients(coefficients, gradients);
}

template <typename T>
void contractGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  HostDevice device(memory());
  GradientProducts(run, device, mixedMode().arithmetic, shape, block, directions)
      .contractGradients(vectors, products);
}

DEEPNTK_INSTANTIATE_FEATURES(double)
DEEPNTK_INSTANTIATE_FEATURES(float)

void close() {}

double secondsOfGemm(std::size_t, std::size_t, std::size_t, bool) {
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace deepntk::cuda
