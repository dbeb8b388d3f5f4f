// The conditional sampler on a device, a block of threads a replica; the counterpart of
// native/core/conditional.*, to the last bit: every sum is taken in the same order.
//
// What a replica works on lies in the block's own memory, a few units of a layer at a time. Units are drawn
// when they are needed, and drawn again on the way back: a GPU draws about as fast as it reads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../core/conditional.hpp"
#include "conditional_replica.hpp"

namespace deepntk::cuda {

struct SampleConditional {
  ConditionalView view;

  template <typename Team>
  DEEPNTK_PORTABLE void operator()(const Team& team, std::size_t index, double* scratch) const {
    ConditionalReplica<Team>(team, view, index, scratch).sample();
  }
};

// Operations of a replica, roughly, a normal counted as seventy.
inline double conditionalFlops(const ConditionalTask& task) {
  const double n = task.n, pairs = n * task.chains();
  double flops = 0;
  for (std::size_t l = 1; l < task.layers(); l++)
    flops += task.widths[l] * (70 * (3 * n + 2 * pairs) + 4 * n * n + 2 * pairs * pairs + 6 * n * pairs);
  return flops;
}

// `mostReplicas`: that are under way at once, where memory allows.
template <typename Device>
void sampleConditional(Run& run, Device& device, const ConditionalTask& task,
                       std::size_t mostReplicas = 65536) {
  // Of one launch: what does not end sooner cannot be cancelled sooner. With fewer replicas than an H100 has
  // multiprocessors some would be idle.
  constexpr double kLaunchFlops = 2e11, kFewestReplicas = 132;
  const double flops = conditionalFlops(task);
  run.expect(flops * task.count);
  const ResidentSamples<Device> resident(device, task);
  const DeviceArray<Device, double> inputGram(device, task.inputGram, task.n * task.n);
  const DeviceArray<Device, double> weightScale(device, task.weightScale, task.layers());
  const ConditionalLayout layout(task.n, task.chains(), task.outputs(), task.layers(), task.terms.size());
  const std::size_t sets = task.terms.size(), length = sets * task.kernelLength();
  const double bytes =
      8.0 * (layout.state + 3.0 * length + sets) + 12.0 * sets + device.blockMemory(layout.scratch);
  const double fitting = 0.8 * static_cast<double>(device.freeMemory()) / bytes;
  const double wanted = std::min({std::max(kLaunchFlops / flops, kFewestReplicas),
                                  static_cast<double>(mostReplicas), static_cast<double>(task.count)});
  const auto batch = static_cast<std::size_t>(std::clamp(fitting, 1.0, wanted));
  const DeviceArray<Device, double> states(device, batch * layout.state);
  const DeviceArray<Device, std::int64_t> exponents(device, batch * sets);
  Results<Device> results(device, 4);
  for (std::size_t first = 0; first < task.count; first += batch) {
    const std::size_t size = std::min(batch, task.count - first);
    DeviceArray<Device, double> kernels(device, size * length);
    DeviceArray<Device, std::int32_t> reported(device, size * sets);
    device.forEachBlock(
        size, layout.scratch,
        SampleConditional{{resident.view(), layout, inputGram.data(), task.inputExponent, weightScale.data(),
                           task.biasVariance, task.first + first, states.data(), kernels.data(),
                           exponents.data(), reported.data()}});
    sendKernels(results, task, first, size, std::move(kernels), std::move(reported));
    device.pace(run, flops * size);
  }
  results.finish();
}

}  // namespace deepntk::cuda
