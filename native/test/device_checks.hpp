// Every operation of native/cuda against native/core. The device is CudaDevice, or HostDevice on a machine
// without a GPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "../core/chain.hpp"
#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/normal.hpp"
#include "../core/training.hpp"
#include "../cuda/chain.hpp"
#include "../cuda/forward.hpp"
#include "../cuda/jacobian.hpp"
#include "../cuda/kernel.hpp"
#include "../cuda/training.hpp"
#include "compare.hpp"
#include "feature_checks.hpp"
#include "sample_checks.hpp"
#include "train_problem.hpp"

namespace deepntk::cuda {

template <typename Device>
void checkNormals(Device& device) {
  for (const std::size_t size : {1u, 2u, 1001u, 40000u}) {
    const StreamKey key{(std::uint64_t{5} << 33) + 7, (std::uint64_t{3} << 32) + 11, 0x02000003};
    std::vector<double> expected(size);
    fillNormals({expected.data(), size}, key, 0.3);
    DeviceArray<Device, double> normals(device, size);
    device.forEach(1, (size + 1) / 2,
                   FillNormals{normals.data(), size, key.seed, key.replica, key.stream, 0.3});
    CHECK(normals.toHost() == expected);
  }
}

template <typename Device>
void checkForward(Device& device) {
  for (const NetCase& shape : netCases()) {
    const RandomNet net(shape.widths, 7, 2, shape.gains);
    const Network network = net.network();
    const std::vector<double> x = net.inputs(shape.n, 11);
    std::vector<double> expected(shape.n * network.outputs()), actual(expected.size());
    Run run;
    deepntk::forward(run, 1, network, x.data(), shape.n, 64, expected.data());
    cuda::forward(run, device, network, x.data(), shape.n, actual.data());
    checkClose(actual, expected, kRounding);
  }
}

template <typename Device>
void checkJacobian(Device& device) {
  for (const NetCase& shape : netCases()) {
    const RandomNet net(shape.widths, 7, 2, shape.gains);
    const Network network = net.network();
    const std::vector<double> x = net.inputs(shape.n, 11);
    for (int selection = 0; selection < 3; selection++) {
      std::vector<unsigned char> weights(network.layers(), selection != 1),
          biases(network.layers(), selection != 2);
      if (selection == 2) weights[0] = 0;
      JacobianTask task{
          network, x.data(), shape.n, 8, {weights.data(), weights.size()}, {biases.data(), biases.size()},
          nullptr};
      std::vector<double> expected(shape.n * network.outputs() * task.columns()), actual(expected.size(), -1);
      Run run;
      task.jacobian = expected.data();
      deepntk::computeJacobian(run, 1, task);
      task.jacobian = actual.data();
      cuda::computeJacobian(run, device, task);
      if (!expected.empty()) checkClose(actual, expected, kRounding);
    }
  }
}

// A kernel followed by its parts, if they are wanted.
struct KernelProblem {
  const RandomNet& net;
  Network network;
  std::vector<double> x, x2, weightTerms, biasTerms;
  std::size_t n, n2;
  KernelForm form;
  bool mixed = false, parts = false;
  Compaction compaction = Compaction::whereItPays;

  KernelProblem(const RandomNet& of, std::size_t rows, std::size_t rows2, KernelForm outputs)
      : net(of),
        network(of.network()),
        x(of.inputs(rows, 11)),
        n(rows),
        n2(rows2 == 0 ? rows : rows2),
        form(outputs) {
    if (rows2 != 0) x2 = of.inputs(rows2, 12);
    for (std::size_t l = 0; l < network.layers(); l++) {
      weightTerms.push_back(net.weightGains[l] * net.weightGains[l]);
      biasTerms.push_back(net.biasGains[l] * net.biasGains[l]);
    }
  }

  template <typename Compute>
  std::vector<double> solve(const Compute& compute) const {
    const std::size_t outputs = network.outputs(), layers = network.layers();
    const std::size_t entries = entriesOf(form, outputs);
    const std::size_t length = n * n2 * entries;
    std::vector<double> results(length * (parts ? 1 + 2 * layers : 1), 0.0);
    KernelTask task{network,
                    x.data(),
                    n,
                    x2.empty() ? nullptr : x2.data(),
                    n2,
                    form,
                    {weightTerms.data(), layers},
                    {biasTerms.data(), layers},
                    mixed,
                    64,
                    64,
                    results.data(),
                    {},
                    {},
                    compaction};
    for (std::size_t l = 0; parts && l < layers; l++) {
      task.weights.push_back(results.data() + (1 + l) * length);
      task.biases.push_back(results.data() + (1 + layers + l) * length);
    }
    compute(task);
    return results;
  }

  std::vector<double> onCore() const {
    return solve([](const KernelTask& task) {
      Run run;
      deepntk::computeKernel(run, 1, task);
    });
  }
  template <typename Device>
  std::vector<double> on(Device& device, MixedMode mode = {}) const {
    return solve([&](const KernelTask& task) {
      Run run;
      cuda::computeKernel(run, device, mode, task);
    });
  }
};

template <typename Device>
void checkKernel(Device& device) {
  for (const NetCase& shape : netCases()) {
    const RandomNet net(shape.widths, 7, 2, shape.gains);
    for (const KernelForm form : kForms) {
      KernelProblem problem(net, shape.n, shape.n2, form);
      problem.parts = shape.gains;
      const std::vector<double> expected = problem.onCore();
      for (const Compaction compaction : {Compaction::whereItPays, Compaction::always, Compaction::never}) {
        problem.compaction = compaction;
        checkClose(problem.on(device), expected, kRounding);
      }
      problem.mixed = true;
      checkClose(problem.on(device), expected, 2e-6);
    }
    // Frozen layers at the bottom, in the middle, and everywhere.
    KernelProblem frozen(net, shape.n, shape.n2, KernelForm::trace);
    frozen.weightTerms[0] = frozen.biasTerms[0] = 0;
    if (frozen.network.layers() > 2) frozen.weightTerms[2] = 0;
    checkClose(frozen.on(device), frozen.onCore(), kRounding);
    std::fill(frozen.weightTerms.begin(), frozen.weightTerms.end(), 0.0);
    std::fill(frozen.biasTerms.begin(), frozen.biasTerms.end(), 0.0);
    CHECK(largestOf(frozen.on(device)) == 0);
  }
}

// No input activates one layer, so its deltas and the weights below it have no columns.
template <typename Device>
void checkDeadLayer(Device& device) {
  RandomNet net({6, 8, 5, 7, 2}, 7);
  const auto layer = net.parameters.begin() + 8 * 7;  // the second: weights, then biases
  std::fill_n(layer, 5 * 8, 0.0);
  std::fill_n(layer + 5 * 8, 5, -1.0);
  for (const KernelForm form : kForms) {
    for (const bool mixed : {false, true}) {
      for (const std::size_t n2 : {0, 3}) {
        KernelProblem problem(net, 5, n2, form);
        problem.mixed = mixed;
        problem.compaction = Compaction::always;
        checkClose(problem.on(device), problem.onCore(), mixed ? 2e-6 : kRounding);
      }
    }
  }
}

// Blocks of inputs that fit a small memory give the kernel that one block gives.
template <typename Device>
void checkBlocks(Device& device, std::size_t memory) {
  const RandomNet net({40, 50, 60, 30, 50, 3}, 3);
  for (const std::size_t n2 : {std::size_t{0}, std::size_t{41}}) {
    for (const KernelForm form : kForms) {
      for (const bool mixed : {false, true}) {
        KernelProblem problem(net, 67, n2, form);
        problem.mixed = mixed;
        problem.parts = form == KernelForm::full;
        const std::vector<double> expected = problem.onCore();
        device.limitMemory(memory);
        const std::vector<double> actual = problem.on(device);
        device.limitMemory(std::size_t{1} << 40);
        checkClose(actual, expected, mixed ? 2e-6 : kRounding);
        for (std::size_t i = 0; n2 == 0 && form == KernelForm::trace && i < 67; i++) {
          for (std::size_t j = 0; j < i; j++) CHECK(actual[i * 67 + j] == actual[j * 67 + i]);
        }
      }
    }
  }
}

// Activations and deltas reach 2^500 at weight variance 4 and 2^-400 at 1, far beyond the range of float32.
// With a forward pass in float32, gates flip at such depths, so only the magnitude is compared.
template <typename Device>
void checkMixedInEveryPhase(Device& device) {
  const struct {
    double weightVariance;
    std::size_t depth;
  } cases[] = {{1, 400}, {2, 300}, {4, 400}};
  for (const auto& c : cases) {
    std::vector<std::size_t> widths(c.depth + 2, 48);
    widths.back() = 2;
    const RandomNet net(widths, 17, c.weightVariance);
    KernelProblem problem(net, 5, 0, KernelForm::trace);
    const std::vector<double> expected = problem.onCore();
    problem.mixed = true;
    CHECK(largestOf(expected) > 0 && std::isfinite(largestOf(expected)));
    checkClose(problem.on(device), expected, 1e-4);
    checkClose(problem.on(device, {Arithmetic::tf32x3, false}), expected, 1e-4);
    checkClose(problem.on(device, {Arithmetic::single, true}), expected, 0.05);
  }
}

// Prints the error of each way to compute the mixed kernel, relative to the largest entry of the float64
// kernel.
template <typename Device>
void checkArithmetics(Device& device) {
  std::vector<std::size_t> widths(22, 200);
  widths.front() = 100;
  widths.back() = 3;
  const RandomNet net(widths, 23);
  KernelProblem problem(net, 40, 0, KernelForm::trace);
  const std::vector<double> expected = problem.onCore();
  problem.mixed = true;
  const double single = distance(problem.on(device, {Arithmetic::single, false}), expected);
  const double split = distance(problem.on(device, {Arithmetic::tf32x3, false}), expected);
  const double tf32 = distance(problem.on(device, {Arithmetic::tf32, false}), expected);
  const double all = distance(problem.on(device, {Arithmetic::single, true}), expected);
  std::printf(
      "mixed kernel, N=40 L=20 M=200 K=3, largest error over largest entry: float32 %.1e, tf32x3 %.1e, "
      "tf32 %.1e, float32 forward too %.1e\n",
      single, split, tf32, all);
  CHECK(single < 2e-6);
  CHECK(split < 4e-6);
  CHECK(tf32 > 1e-5 && tf32 < 1e-2);  // TF32 was used, and the error is not larger than its rounding
  CHECK(all < 1e-2);
}

// A batch of products gives the same as its products one by one, in each arithmetic.
template <typename Device>
void checkBatches(Device& device) {
  constexpr std::size_t kCount = 5, kRows = 7, kColumns = 9, kInner = 33, kStride = kCount * kInner;
  const auto randomFloats = [&](std::size_t size, std::uint64_t seed) {
    std::vector<double> numbers(size);
    fillNormals({numbers.data(), size}, {seed, 0, 0}, 1);
    return std::vector<float>(numbers.begin(), numbers.end());
  };
  // Matrices that are neighbours in memory, as the deltas of the outputs are.
  const std::vector<float> left = randomFloats(kRows * kStride, 1),
                           right = randomFloats(kColumns * kStride, 2);
  std::vector<double> expected(kCount * kRows * kColumns, 0.0);
  for (std::size_t m = 0; m < kCount; m++) {
    for (std::size_t i = 0; i < kRows; i++) {
      for (std::size_t j = 0; j < kColumns; j++) {
        double& sum = expected[(m * kRows + i) * kColumns + j];
        for (std::size_t t = 0; t < kInner; t++)
          sum +=
              static_cast<double>(left[i * kStride + m * kInner + t]) * right[j * kStride + m * kInner + t];
      }
    }
  }
  const DeviceArray<Device, float> a(device, left), b(device, right);
  const auto errorOf = [&](Arithmetic arithmetic) {
    DeviceArray<Device, float> c(device, expected.size());
    Products<Device>(device, arithmetic)
        .template multiplyBatched<float>(
            Transpose::no, Transpose::yes, device.template one<float>(), {a.data(), kRows, kInner, kStride},
            {b.data(), kColumns, kInner, kStride}, device.template zero<float>(),
            {c.data(), kRows, kColumns, kColumns}, {kInner, kInner, kRows * kColumns, kCount});
    const std::vector<float> values = c.toHost();
    return distance(std::vector<double>(values.begin(), values.end()), expected);
  };
  CHECK(errorOf(Arithmetic::single) < 1e-6);
  CHECK(errorOf(Arithmetic::tf32x3) < 2e-6);
  const double tf32 = errorOf(Arithmetic::tf32);
  CHECK(tf32 > 1e-5 && tf32 < 1e-2);
}

inline ChainPlan chainPlan(double biasVariance, bool tilted) {
  ChainPlan plan;
  plan.depth = 37;
  plan.inputNorm2 = 1.5;
  plan.biasVariance = biasVariance;
  plan.rescaleEvery = 8;
  for (std::size_t l = 0; l < plan.depth + 2; l++) {
    const double width = l % 2 == 0 ? 6 : 9;
    plan.weightScale.push_back(2.1 / width);
    plan.weightTerms.push_back(l == 5 ? 0 : 1);
    plan.biasTerms.push_back(1);
    plan.signalScale.push_back(biasVariance > 0 ? 1.9 / width : 2.1 / width);
    plan.noiseScale.push_back(biasVariance > 0 ? 0.02 : 0);
    plan.widthClass.push_back(static_cast<std::int32_t>(l % 2));
  }
  // Two widths with six laws each. Any table is good for the comparison. The widths are small, so that some
  // replicas die.
  for (std::int32_t table = 0; table < 12; table++) {
    const std::int32_t bits = table < 6 ? 2 : 3;
    plan.gateBits.push_back(bits);
    plan.gateLow.push_back(table % 3);
    plan.gateStart.push_back(static_cast<std::int32_t>(plan.gateKeep.size()));
    for (std::int32_t row = 0; row < 1 << bits; row++) {
      plan.gateKeep.push_back(0.2 + 0.7 * ((row * 5 + table) % 7) / 7.0);
      plan.gateOther.push_back((row * 3 + table) % (1 << bits));
    }
  }
  if (!tilted) return plan;
  plan.tilted = true;
  plan.mixture.shares[0] = 0.5;
  plan.mixture.shares[1] = 0.3;
  plan.mixture.shares[2] = 0.2;
  plan.mixture.inverseMean = {1.25, -5};
  plan.mixture.inverseSecondMoment = {1.75, -9};
  for (PathTables* paths : {&plan.mixture.first, &plan.mixture.second}) {
    paths->states = 2;
    paths->top = {0.4, 1};
    paths->topState = {0, 1};
    paths->topDof = {1, 3};
    for (std::size_t i = 0; i <= 2 * (plan.depth + 1); i++) {
      paths->start.push_back(static_cast<std::int32_t>(paths->cumulative.size()));
      if (i == 2 * (plan.depth + 1)) break;
      for (std::size_t option = 0; option < 3; option++) {
        paths->cumulative.push_back(option == 2 ? 1 : 0.3 * (option + 1));
        paths->source.push_back((i + option) % 2);
        paths->law.push_back((i + 2 * option) % 6);
      }
    }
  }
  return plan;
}

struct ChainResult {
  std::vector<double> thetas, weights;
  std::vector<std::int32_t> exponents, weightExponents;
  std::vector<unsigned char> parts;
  explicit ChainResult(std::size_t count)
      : thetas(count), weights(count), exponents(count), weightExponents(count), parts(count) {}
  ChainReplicas view() {
    return {thetas.data(), exponents.data(), weights.data(), weightExponents.data(), parts.data()};
  }
  bool operator==(const ChainResult& other) const {
    return thetas == other.thetas && weights == other.weights && exponents == other.exponents &&
           weightExponents == other.weightExponents && parts == other.parts;
  }
};

// The same bits, for any number of replicas at once.
template <typename Device>
void checkChain(Device& device) {
  constexpr std::size_t kCount = 3001;
  for (const double biasVariance : {0.0, 0.05}) {
    for (const bool tilted : {false, true}) {
      if (tilted && biasVariance > 0) continue;  // chain-plan.ts tilts chains without biases only
      const ChainPlan plan = chainPlan(biasVariance, tilted);
      CHECK(plan.fault() == nullptr);
      const std::uint64_t seed = (std::uint64_t{9} << 32) + 1, first = (std::uint64_t{1} << 32) - 1000;
      ChainResult expected(kCount);
      Run run;
      deepntk::sampleChain(run, 1, plan, seed, first, kCount, expected.view());
      std::size_t dead = 0;
      for (const double theta : expected.thetas) dead += theta == 0;
      for (const std::size_t lanes : {std::size_t{1} << 20, std::size_t{500}}) {
        ChainResult actual(kCount);
        cuda::sampleChain(run, device, plan, seed, first, kCount, actual.view(), lanes);
        CHECK(actual == expected);
      }
    }
  }
}

template <typename Device>
void checkTraining(Device& device, std::size_t memory) {
  std::vector<std::int32_t> listed;
  for (std::int32_t i = 0; i < 3 * 50; i++) listed.push_back((7 * i + 3) % 50);
  const struct {
    std::vector<std::int32_t> sizes, rows;
  } batches[] = {{{50, 50, 50, 50}, {}}, {{20, 20, 10, 20, 20, 10, 20, 20, 10}, listed}};
  for (const auto& batch : batches) {
    for (const Loss loss : {Loss::meanSquared, Loss::crossEntropy}) {
      for (const auto name :
           {Optimizer::Name::gradientDescent, Optimizer::Name::momentum, Optimizer::Name::adam}) {
        for (const bool small : {false, true}) {
          const std::vector<std::size_t> widths{6, 17, 9, 12, 3};
          TrainProblem core(widths, 50), here(widths, 50);
          for (TrainProblem* problem : {&core, &here}) {
            problem->loss = loss;
            problem->optimizer.name = name;
            problem->biasGradients = !small;
            problem->slots = 1;
            problem->rowBlock = 64;
            if (name == Optimizer::Name::gradientDescent) problem->first.clear();
            if (name != Optimizer::Name::adam) problem->second.clear();
          }
          std::vector<double> rates;
          for (std::size_t step = 0; step < batch.sizes.size(); step++) rates.push_back(0.01 / (1.0 + step));
          core.take(rates, batch.sizes, batch.rows);
          if (small) device.limitMemory(memory);
          Run run;
          here.takeBy([&](const TrainTask& task) { cuda::takeSteps(run, device, task); }, rates, batch.sizes,
                      batch.rows);
          device.limitMemory(std::size_t{1} << 40);
          checkClose(here.losses, core.losses, 1e-12);
          // Adam's first steps divide two numbers that may both be rounding errors.
          checkClose(here.net.parameters, core.net.parameters, name == Optimizer::Name::adam ? 1e-8 : 1e-12);
          if (!core.first.empty()) checkClose(here.first, core.first, 1e-12);
        }
      }
    }
  }
}

// A batch of more matrices than a grid of a GPU has blocks on its third side (65,535).
template <typename Device, typename T>
void checkLongBatch(Device& device) {
  constexpr std::size_t count = 65537;
  std::vector<T> a, b, expected;
  for (std::size_t i = 0; i < count; i++) {
    const T x = static_cast<T>(i % 251), y = static_cast<T>(i % 127);
    a.insert(a.end(), {x, 1, 2, y});
    b.insert(b.end(), {1, x, y, 3});
    expected.insert(expected.end(), {x + y, x * x + 3, 2 + y * y, 2 * x + 3 * y});
  }
  const DeviceArray<Device, T> left(device, a), right(device, b), product(device, 4 * count);
  device.template gemmBatched<T>(Transpose::no, Transpose::no, device.template one<T>(),
                                 {left.data(), 2, 2, 2}, {right.data(), 2, 2, 2}, device.template zero<T>(),
                                 {product.data(), 2, 2, 2}, {4, 4, 4, count});
  CHECK(product.toHost() == expected);  // whole numbers: every sum is exact
}

// If an operation is cancelled or needs too much memory, it throws an exception, and the device still works.
template <typename Device>
void checkEndings(Device& device) {
  const RandomNet net({20, 64, 64, 3}, 3);
  const KernelProblem problem(net, 30, 0, KernelForm::trace);
  const std::vector<double> expected = problem.on(device);
  bool cancelled = false;
  try {
    problem.solve([&](const KernelTask& task) {
      Run run;
      run.cancel();
      cuda::computeKernel(run, device, {}, task);
    });
  } catch (const Cancelled&) {
    cancelled = true;
  }
  CHECK(cancelled);
  bool refused = false;
  try {
    const DeviceArray<Device, double> impossible(device, std::size_t{1} << 50);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused);
  CHECK(problem.on(device) == expected);
}

// `kernelMemory`, `trainingMemory` and `featureMemory` are too few bytes for checkBlocks, checkTraining and
// checkFeatures to compute everything at once.
template <typename Device>
void checkEverything(Device& device, std::size_t kernelMemory, std::size_t trainingMemory,
                     std::size_t featureMemory) {
  checkNormals(device);
  checkForward(device);
  checkJacobian(device);
  checkKernel(device);
  checkDeadLayer(device);
  checkBlocks(device, kernelMemory);
  checkMixedInEveryPhase(device);
  checkArithmetics(device);
  checkBatches(device);
  checkLongBatch<Device, double>(device);
  checkLongBatch<Device, float>(device);
  checkChain(device);
  checkTraining(device, trainingMemory);
  checkFeatures(device, featureMemory);
  checkConditional(device);
  checkDirect(device);
  checkEndings(device);
}

}  // namespace deepntk::cuda
