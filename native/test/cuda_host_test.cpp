// All of native/cuda but its launches, on the host, against native/core.
#include "device_checks.hpp"
#include "host_device.hpp"

using namespace deepntk;
using namespace deepntk::cuda;

namespace {

// Nothing on the host reads or writes the device's memory.
void theHostStaysOnItsSide() {
  HostDevice device;
  device.beStrict();
  const RandomNet net({6, 8, 5, 2}, 7, 2, true);
  for (const KernelForm form : kForms) {
    KernelProblem problem(net, 5, 3, form);
    problem.parts = true;
    problem.compaction = Compaction::always;
    const std::vector<double> expected = problem.onCore();
    checkClose(problem.on(device), expected, kRounding);
    problem.mixed = true;
    for (const Arithmetic arithmetic : {Arithmetic::single, Arithmetic::tf32x3})
      for (const bool singleForward : {false, true})
        checkClose(problem.on(device, {arithmetic, singleForward}), expected, 4e-6);
  }
  checkNormals(device);
  TrainProblem problem;
  problem.optimizer.name = Optimizer::Name::adam;
  problem.take({20, 20, 10}, std::vector<std::int32_t>(50, 7),
               [&](Run& run, const TrainTask& task) { cuda::takeSteps(run, device, task); });
  checkForward(device);
}

// A kernel that does not fit in one block stays within the memory that there is.
void blocksStayWithinTheMemory() {
  const RandomNet net({40, 50, 60, 30, 50, 3}, 3);
  for (const KernelForm form : kForms) {
    for (const bool parts : {false, true}) {
      KernelProblem problem(net, 67, 0, form);
      problem.parts = parts;
      HostDevice all;
      const std::vector<double> expected = problem.on(all);
      HostDevice some(all.peak() / 2);  // which refuses more
      checkClose(problem.on(some), expected, kRounding);
      CHECK(all.used() == 0 && some.used() == 0);
    }
  }
}

// A step is recorded once for every size of batches, after the first of that size, and asks for no memory.
void stepsAreReplayed() {
  HostDevice device;
  TrainProblem problem;
  problem.take({50, 50, 50, 50, 50}, {},
               [&](Run& run, const TrainTask& task) { cuda::takeSteps(run, device, task); });
  CHECK(device.replays() == 4 && device.captures() == 1);
}

}  // namespace

int main() {
  HostDevice device;
  checkEverything(device, 200'000, 30'000, 400'000);
  CHECK(device.used() == 0);
  theHostStaysOnItsSide();
  blocksStayWithinTheMemory();
  stepsAreReplayed();
}
