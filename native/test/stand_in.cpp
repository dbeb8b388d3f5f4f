// The operations of native/addon/compute.hpp over HostDevice. The addon with these replaces the one that
// computes on a GPU, so that the suite of the package tests everything but the GPU (scripts/cuda.sh
// stand-in).
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "../addon/compute.hpp"
#include "../cuda/chain.hpp"
#include "../cuda/conditional.hpp"
#include "../cuda/direct.hpp"
#include "../cuda/features.hpp"
#include "../cuda/forward.hpp"
#include "../cuda/gradients.hpp"
#include "../cuda/gram_tile.hpp"
#include "../cuda/jacobian.hpp"
#include "../cuda/kernel.hpp"
#include "../cuda/training.hpp"
#include "host_device.hpp"

namespace deepntk::compute {

using namespace cuda;

namespace {

constexpr std::size_t kMemory = std::size_t{4} << 30;

// The limit of DEEPNTK_CUDA_MEMORY.
std::size_t memory() {
  const char* const text = std::getenv("DEEPNTK_CUDA_MEMORY");
  return text == nullptr ? kMemory : std::min(kMemory, static_cast<std::size_t>(std::strtod(text, nullptr)));
}

}  // namespace

void forward(Run& run, std::size_t, const ForwardTask& task) {
  HostDevice device(memory());
  cuda::forward(run, device, task.network, task.x, task.n, task.outputs);
}

void jacobian(Run& run, std::size_t, const JacobianTask& task) {
  HostDevice device(memory());
  computeJacobian(run, device, task);
}

void kernel(Run& run, std::size_t, const KernelTask& task) {
  HostDevice device(memory());
  computeKernel(run, device, mixedMode(), task);
}

void features(Run& run, std::size_t, const AnyFeaturesTask& any) {
  HostDevice device(memory());
  std::visit(
      [&](const auto& task) {
        computeFeatures(run, device, mixedMode().arithmetic, task.shape, task.x, task.block);
      },
      any);
}

void gramTile(Run& run, std::size_t, const AnyGramTileTask& any) {
  HostDevice device(memory());
  std::visit(
      [&](const auto& task) {
        computeGramTile(run, device, mixedMode().arithmetic, task.shape, task.a, task.b, task.scale,
                        task.tile, task.mirror);
      },
      any);
}

void products(Run& run, std::size_t, const AnyProductsTask& any) {
  HostDevice device(memory());
  const Arithmetic arithmetic = mixedMode().arithmetic;
  std::visit(
      [&](const auto& task) {
        GradientProducts products(run, device, arithmetic, task.shape, task.block, task.directions);
        if (task.transposed) {
          products.addGradients(task.rows, task.columns);
        } else {
          products.contractGradients(task.columns, task.rows);
        }
      },
      any);
}

void sampleChain(Run& run, std::size_t, const ChainTask& task) {
  HostDevice device(memory());
  cuda::sampleChain(run, device, task.plan, task.seed, task.first, task.count, task.replicas,
                    1000);  // cancelled more often than on a GPU
}

void sampleKernels(Run& run, std::size_t, const AnySampleTask& any) {
  HostDevice device(memory());
  if (const auto* direct = std::get_if<DirectTask>(&any)) {
    sampleDirect(run, device, *direct, 32);
  } else {
    sampleConditional(run, device, std::get<ConditionalTask>(any), 32);
  }
}

void train(Run& run, std::size_t, const TrainTask& task) {
  HostDevice device(memory());
  takeSteps(run, device, task);
}

std::string whyUnavailable() {
  return "";
}

Description describe() {
  std::string mixed;
  mixedMode(mixed);
  return {{"device", "the CPU, in place of a GPU"},
          {"capability", "0.0"},
          {"memory", static_cast<double>(kMemory)},
          {"driver", "0.0"},
          {"runtime", "0.0"},
          {"cublas", "0.0.0"},
          {"mixed", mixed}};
}

double secondsOfGemm(std::size_t, std::size_t, std::size_t, bool) {
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace deepntk::compute
