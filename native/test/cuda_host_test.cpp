// All of native/cuda but its launches, on the host, against native/core.
#include "device_checks.hpp"
#include "host_device.hpp"

using namespace deepntk;
using namespace deepntk::cuda;

namespace {

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

// A step is recorded once for every size of batches, and asks for no memory.
void stepsAreReplayed() {
  HostDevice device;
  TrainProblem problem;
  problem.take({50, 50, 50, 50, 50}, {},
               [&](Run& run, const TrainTask& task) { cuda::takeSteps(run, device, task); });
  CHECK(device.replays() == 5 && device.captures() == 1);
}

}  // namespace

int main() {
  HostDevice device;
  checkEverything(device, 200'000, 30'000);
  CHECK(device.used() == 0);
  blocksStayWithinTheMemory();
  stepsAreReplayed();
}
