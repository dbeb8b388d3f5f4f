// native/cuda without its launches, on the host, against native/core.
#include "device_checks.hpp"
#include "host_device.hpp"

using namespace deepntk;
using namespace deepntk::cuda;

namespace {

// The host neither reads nor writes the device's memory.
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
  TrainProblem problem({6, 17, 9, 12, 3}, 50);
  problem.optimizer.name = Optimizer::Name::adam;
  Run run;
  problem.takeBy([&](const TrainTask& task) { cuda::takeSteps(run, device, task); }, {.01, .01, .01},
                 {20, 20, 10}, std::vector<std::int32_t>(50, 7));
  checkForward(device);
  checkFeaturesInPieces(device, 400'000);
  checkConditional(device);
  checkDirect(device);
}

// A kernel that does not fit the memory in one block is computed in several, within the memory.
void blocksStayWithinTheMemory() {
  const RandomNet net({40, 50, 60, 30, 50, 3}, 3);
  for (const KernelForm form : kForms) {
    for (const bool parts : {false, true}) {
      KernelProblem problem(net, 67, 0, form);
      problem.parts = parts;
      HostDevice all;
      const std::vector<double> expected = problem.on(all);
      HostDevice some(all.peak() / 2);  // refuses to allocate more
      checkClose(problem.on(some), expected, kRounding);
      CHECK(all.used() == 0 && some.used() == 0);
    }
  }
}

// So are features, tiles, products and replicas of kernels.
void piecesStayWithinTheMemory() {
  HostDevice all;
  checkFeaturesInPieces(all, std::size_t{1} << 40);
  HostDevice some(all.peak() / 2);
  checkFeaturesInPieces(some, all.peak() / 2);
  Setting setting({10, 30, 30, 2}, 5, 40, KernelForm::full, 2, 0.1);
  for (const bool conditional : {true, false}) {
    const auto sample = [&](HostDevice& device) {
      return conditional ? setting.sampleBy([&](Run& run, const ConditionalTask& task) {
        cuda::sampleConditional(run, device, task);
      })
                         : setting.sampleBy([&](Run& run, const DirectTask& task) {
                             cuda::sampleDirect(run, device, task);
                           });
    };
    HostDevice whole;
    const std::vector<double> expected = sample(whole);
    HostDevice half(whole.peak() / 2);
    checkClose(sample(half), expected, conditional ? 0 : kRounding);
    CHECK(whole.used() == 0 && half.used() == 0);
  }
}

// A batch of nets is recorded once, after the first batch, and allocates no memory.
void batchesOfNetsAreReplayed() {
  HostDevice device;
  Setting setting({6, 13, 9, 17, 3}, 4, 23, KernelForm::full, 2, 0.3);
  const std::vector<double> expected = setting.sample(false, 1);
  const std::vector<double> actual =
      setting.sampleBy([&](Run& run, const DirectTask& task) { cuda::sampleDirect(run, device, task, 4); });
  checkClose(actual, expected, kRounding);
  CHECK(device.captures() == 1 && device.replays() == 4);  // 4 nets, then four times 4 of them, then 3
}

// A step is recorded once for each size of a batch, after the first of that size, and allocates no memory.
void stepsAreReplayed() {
  HostDevice device;
  TrainProblem problem({6, 17, 9, 12, 3}, 50);
  Run run;
  problem.takeBy([&](const TrainTask& task) { cuda::takeSteps(run, device, task); },
                 std::vector<double>(5, .01), std::vector<std::int32_t>(5, 50));
  CHECK(device.replays() == 4 && device.captures() == 1);
}

}  // namespace

int main() {
  HostDevice device;
  checkEverything(device, 200'000, 30'000, 400'000);
  CHECK(device.used() == 0);
  theHostStaysOnItsSide();
  blocksStayWithinTheMemory();
  piecesStayWithinTheMemory();
  batchesOfNetsAreReplayed();
  stepsAreReplayed();
}
