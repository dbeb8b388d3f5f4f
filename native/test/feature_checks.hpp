// Features, tiles and products with the Jacobian of native/cuda against native/core.
#pragma once

#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <vector>

#include "../core/features.hpp"
#include "../cuda/features.hpp"
#include "../cuda/gradients.hpp"
#include "../cuda/gram_tile.hpp"
#include "compare.hpp"

namespace deepntk::cuda {

// A shape of features, and blocks of type T with this shape.
template <typename T>
struct FeatureProblem {
  static constexpr bool kMixed = std::is_same_v<T, float>;

  struct Block {
    std::size_t n;
    std::vector<double> x;
    std::vector<T> values;
    std::vector<std::int32_t> exponents;
    FeatureBlock<T> room() { return {values.data(), n, exponents.data()}; }
    FeatureBlock<const T> view() const { return {values.data(), n, exponents.data()}; }
  };

  RandomNet net;
  Network network;
  std::vector<double> weightTerms, biasTerms;
  FeatureShape shape;

  // With `frozen`, the first layer, the weights of the third and the biases of the second are frozen.
  FeatureProblem(const RandomNet& of, KernelForm form, bool frozen)
      : net(of),
        network(net.network()),
        weightTerms(network.layers(), 0.5),
        biasTerms(network.layers(), 0.25),
        shape{network, form, {nullptr, 0}, {nullptr, 0}, 4} {
    if (frozen) {
      weightTerms[0] = biasTerms[0] = 0;
      if (network.layers() > 2) weightTerms[2] = biasTerms[1] = 0;
    }
    shape.weightTerms = {weightTerms.data(), network.layers()};
    shape.biasTerms = {biasTerms.data(), network.layers()};
  }
  FeatureProblem(const FeatureProblem&) = delete;

  Block block(std::size_t n, std::uint64_t seed) const {
    return {n, net.inputs(n, seed), std::vector<T>(n * shape.offset(network.layers() + 1), T(-1)),
            std::vector<std::int32_t>(shape.exponents(n), 77)};
  }
  Block onCore(std::size_t n, std::uint64_t seed) const {
    Block result = block(n, seed);
    Run run;
    computeFeatures<T>(run, 1, shape, result.x.data(), result.room());
    return result;
  }

  // The true numbers, layer by layer.
  std::vector<std::vector<double>> trueValues(const Block& block) const {
    std::vector<std::vector<double>> layers;
    const auto add = [&](const T* values, std::size_t perInput, std::size_t l, std::size_t which) {
      std::vector<double> layer;
      for (std::size_t i = 0; i < block.n * perInput; i++) {
        const std::size_t group = i / perInput / shape.group;
        layer.push_back(std::ldexp(static_cast<double>(values[i]),
                                   block.exponents[(group * network.layers() + l - 1) * 2 + which]));
      }
      layers.push_back(layer);
    };
    for (std::size_t l = 1; l <= network.layers(); l++) {
      if (shape.hasActivations(l)) add(block.view().activations(shape, l), network.width(l - 1), l, 0);
      if (shape.hasDeltas(l)) add(block.view().deltas(shape, l), shape.chains() * network.width(l), l, 1);
    }
    return layers;
  }
};

template <typename T>
constexpr double kFeatureTolerance = std::is_same_v<T, double> ? kRounding : 3e-6;

template <typename Device, typename T, typename Out>
void checkTile(Device& device, Arithmetic arithmetic, const FeatureProblem<T>& problem, std::size_t n,
               std::size_t n2) {
  const auto a = problem.onCore(n, 11), b = problem.onCore(n2, 12);
  const std::size_t outputs = problem.network.outputs();
  const std::size_t entries = entriesOf(problem.shape.form, outputs);
  const auto compare = [&](const std::vector<Out>& actual, const std::vector<Out>& expected) {
    checkClose(std::vector<double>(actual.begin(), actual.end()),
               std::vector<double>(expected.begin(), expected.end()),
               std::is_same_v<Out, double> ? kFeatureTolerance<T> : 3e-6);
  };
  for (const bool symmetric : {true, false}) {
    const auto& second = symmetric ? a : b;
    const std::size_t size = n * second.n * entries;
    for (const bool mirrored : {false, true}) {
      if (mirrored && symmetric) continue;
      std::vector<Out> expected(size, Out(-1)), actual(size, Out(-1)), mirror(size), actualMirror(size);
      Run run;
      computeGramTile<T, Out>(run, 1, problem.shape, a.view(), second.view(), 2, 0.5, expected.data(),
                              mirrored ? mirror.data() : nullptr);
      cuda::computeGramTile<Device, T, Out>(run, device, arithmetic, problem.shape, a.view(), second.view(),
                                            0.5, actual.data(), mirrored ? actualMirror.data() : nullptr);
      compare(actual, expected);
      if (mirrored) compare(actualMirror, mirror);
    }
  }
}

template <typename Device, typename T>
void checkProducts(Device& device, Arithmetic arithmetic, const FeatureProblem<T>& problem, std::size_t n,
                   std::initializer_list<std::size_t> batches = {1, 3}) {
  const auto block = problem.onCore(n, 11);
  const std::size_t chains = problem.shape.chains(), parameters = problem.net.parameters.size();
  for (const std::size_t directions : batches) {
    std::vector<double> rows(n * chains * directions), columns(directions * parameters);
    fillNormals({rows.data(), rows.size()}, {31, 0, 0}, 2);
    fillNormals({columns.data(), columns.size()}, {32, 0, 0}, 0.01);
    std::vector<double> expected = columns, actual = columns;
    Run run;
    addGradients<T>(run, 1, problem.shape, block.view(), directions, rows.data(), expected.data());
    cuda::GradientProducts<Device, T> products(run, device, arithmetic, problem.shape, block.view(),
                                               directions);
    products.addGradients(rows.data(), actual.data());
    checkClose(actual, expected, kFeatureTolerance<T>);
    std::vector<double> expectedRows(rows.size(), -1.0), actualRows(rows.size(), -1.0);
    contractGradients<T>(run, 1, problem.shape, block.view(), directions, columns.data(),
                         expectedRows.data());
    products.contractGradients(columns.data(), actualRows.data());
    checkClose(actualRows, expectedRows, kFeatureTolerance<T>);
  }
}

template <typename Device, typename T>
void checkFeaturesIn(Device& device, Arithmetic arithmetic) {
  for (const NetCase& shape : netCases()) {
    const RandomNet net(shape.widths, 7, 2, shape.gains);
    for (const KernelForm form : kForms) {
      for (const bool frozen : {false, true}) {
        const FeatureProblem<T> problem(net, form, frozen);
        const auto expected = problem.onCore(shape.n + 1, 11);
        auto actual = problem.block(shape.n + 1, 11);
        Run run;
        cuda::computeFeatures<Device, T>(run, device, arithmetic, problem.shape, actual.x.data(),
                                         actual.room());
        const auto left = problem.trueValues(actual), right = problem.trueValues(expected);
        for (std::size_t i = 0; i < left.size(); i++) checkClose(left[i], right[i], kFeatureTolerance<T>);
        if (problem.shape.lowest() > problem.network.layers()) continue;  // blocks of nothing
        checkTile<Device, T, double>(device, arithmetic, problem, shape.n, shape.n + 3);
        checkTile<Device, T, float>(device, arithmetic, problem, shape.n, 2);
        if (form != KernelForm::sumOfLogits) checkProducts<Device, T>(device, arithmetic, problem, shape.n);
      }
    }
  }
}

// Features far beyond the range of float32 are correct, e.g. 4^400 at weight variance 4.
template <typename Device>
void checkScaledFeatures(Device& device) {
  for (const double weightVariance : {1.0, 4.0}) {
    std::vector<std::size_t> widths(402, 24);
    widths.back() = 2;
    const FeatureProblem<float> problem(RandomNet(widths, 17, weightVariance), KernelForm::trace, false);
    const auto expected = problem.onCore(6, 11);
    auto actual = problem.block(6, 11);
    Run run;
    cuda::computeFeatures<Device, float>(run, device, Arithmetic::single, problem.shape, actual.x.data(),
                                         actual.room());
    const auto left = problem.trueValues(actual), right = problem.trueValues(expected);
    for (std::size_t i = 0; i < left.size(); i++) checkClose(left[i], right[i], 1e-4);
    std::vector<double> tile(36), reference(36);
    computeGramTile<float, double>(run, 1, problem.shape, expected.view(), expected.view(), 4, 1,
                                   reference.data(), nullptr);
    cuda::computeGramTile<Device, float, double>(run, device, Arithmetic::single, problem.shape,
                                                 actual.view(), actual.view(), 1, tile.data(), nullptr);
    checkClose(tile, reference, 1e-4);
    if (weightVariance < 4) continue;
    bool refused = false;
    try {
      std::vector<float> narrow(36);
      cuda::computeGramTile<Device, float, float>(run, device, Arithmetic::single, problem.shape,
                                                  actual.view(), actual.view(), 1, narrow.data(), nullptr);
    } catch (const std::runtime_error&) {
      refused = true;
    }
    CHECK(refused);
  }
}

// Directions and inputs are handled in parts that fit the memory. The parts change with the size of the
// memory, and the memory is never exceeded.
template <typename Device, typename T>
void checkManyDirections(Device& device, Arithmetic arithmetic) {
  const FeatureProblem<T> problem(RandomNet({40, 40, 1}, 3), KernelForm::trace, false);
  for (std::size_t memory = 1'600'000; memory < 2'400'000; memory += memory / 16) {
    device.limitMemory(memory);
    checkProducts<Device, T>(device, arithmetic, problem, 400, {20});
  }
  device.limitMemory(std::size_t{1} << 40);
}

// Work that does not fit the memory is done in pieces, with the same result.
template <typename Device>
void checkFeaturesInPieces(Device& device, std::size_t memory) {
  device.limitMemory(memory);
  const RandomNet net({40, 50, 60, 30, 50, 3}, 3);
  for (const KernelForm form : kForms) {
    const FeatureProblem<double> exact(net, form, false);
    const FeatureProblem<float> mixed(net, form, false);
    const auto expected = exact.onCore(67, 11);
    auto actual = exact.block(67, 11);
    Run run;
    cuda::computeFeatures<Device, double>(run, device, Arithmetic::single, exact.shape, actual.x.data(),
                                          actual.room());
    checkClose(actual.values, expected.values, kRounding);
    checkTile<Device, double, double>(device, Arithmetic::single, exact, 67, 41);
    checkTile<Device, float, float>(device, Arithmetic::tf32x3, mixed, 67, 41);
    if (form == KernelForm::sumOfLogits) continue;
    checkProducts<Device, double>(device, Arithmetic::single, exact, 67);
    checkProducts<Device, float>(device, Arithmetic::tf32x3, mixed, 67);
  }
  device.limitMemory(std::size_t{1} << 40);
}

template <typename Device>
void checkFeatures(Device& device, std::size_t memory) {
  checkFeaturesIn<Device, double>(device, Arithmetic::single);
  checkFeaturesIn<Device, float>(device, Arithmetic::single);
  checkFeaturesIn<Device, float>(device, Arithmetic::tf32x3);
  checkScaledFeatures(device);
  checkFeaturesInPieces(device, memory);
  checkManyDirections<Device, double>(device, Arithmetic::single);
  checkManyDirections<Device, float>(device, Arithmetic::tf32x3);
}

}  // namespace deepntk::cuda
