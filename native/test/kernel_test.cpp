// The structured kernel against J J', and against itself with other options that must not change it.
#include "../core/kernel.hpp"

#include <algorithm>
#include <vector>

#include "../core/jacobian.hpp"
#include "cancel.hpp"
#include "compare.hpp"

using namespace deepntk;

namespace {

std::vector<double> jacobianOf(const Network& network, const std::vector<double>& x, std::size_t n) {
  const std::vector<unsigned char> all(network.layers(), 1);
  JacobianTask task{network, x.data(), n, 3, {all.data(), all.size()}, {all.data(), all.size()}, nullptr};
  std::vector<double> jacobian(n * network.outputs() * task.columns());
  task.jacobian = jacobian.data();
  Run run;
  computeJacobian(run, 2, task);
  return jacobian;
}

struct Options {
  bool mixed = false;
  Compaction compaction = Compaction::whereItPays;
  std::size_t rows = 5, edge = 3, threads = 2;
};

std::vector<double> kernelOf(const Network& network, const RandomNet& net, const std::vector<double>& x,
                             std::size_t n, const std::vector<double>& x2, std::size_t n2, KernelForm form,
                             Options options = {}) {
  std::vector<double> weightTerms, biasTerms;
  for (std::size_t l = 0; l < network.layers(); l++) {
    weightTerms.push_back(net.weightGains[l] * net.weightGains[l]);
    biasTerms.push_back(net.biasGains[l] * net.biasGains[l]);
  }
  const std::size_t outputs = network.outputs(), columns = n2 == 0 ? n : n2;
  const std::size_t entries = entriesOf(form, outputs);
  std::vector<double> kernel(n * columns * entries, 0.0);
  const KernelTask task{network,
                        x.data(),
                        n,
                        n2 == 0 ? nullptr : x2.data(),
                        columns,
                        form,
                        {weightTerms.data(), weightTerms.size()},
                        {biasTerms.data(), biasTerms.size()},
                        options.mixed,
                        options.rows,
                        options.edge,
                        kernel.data(),
                        {},
                        {},
                        options.compaction};
  Run run;
  computeKernel(run, options.threads, task);
  return kernel;
}

void kernelIsTheProductOfJacobians() {
  for (const NetCase& shape : netCases()) {
    const RandomNet net(shape.widths, 7, 2, shape.gains);
    const Network network = net.network();
    const std::size_t n2 = shape.n2 == 0 ? shape.n : shape.n2, outputs = network.outputs();
    const std::vector<double> x = net.inputs(shape.n, 11), x2 = shape.n2 == 0 ? x : net.inputs(n2, 12);
    const std::vector<double> left = jacobianOf(network, x, shape.n), right = jacobianOf(network, x2, n2);
    const std::size_t columns = left.size() / (shape.n * outputs);
    std::vector<double> full, diagonal, trace, sum;
    for (std::size_t i = 0; i < shape.n; i++) {
      for (std::size_t j = 0; j < n2; j++) {
        double onDiagonal = 0, all = 0;
        for (std::size_t k1 = 0; k1 < outputs; k1++) {
          for (std::size_t k2 = 0; k2 < outputs; k2++) {
            double product = 0;
            for (std::size_t p = 0; p < columns; p++) {
              product += left[(i * outputs + k1) * columns + p] * right[(j * outputs + k2) * columns + p];
            }
            full.push_back(product);
            all += product;
            if (k1 == k2) {
              diagonal.push_back(product);
              onDiagonal += product;
            }
          }
        }
        trace.push_back(onDiagonal);
        sum.push_back(all / static_cast<double>(outputs));
      }
    }
    // Sums of some thousand products in another order differ by a few hundred roundings of the largest entry.
    const double rounding = 1e-13;
    checkClose(kernelOf(network, net, x, shape.n, x2, shape.n2, KernelForm::full), full, rounding);
    checkClose(kernelOf(network, net, x, shape.n, x2, shape.n2, KernelForm::diagonal), diagonal, rounding);
    checkClose(kernelOf(network, net, x, shape.n, x2, shape.n2, KernelForm::trace), trace, rounding);
    checkClose(kernelOf(network, net, x, shape.n, x2, shape.n2, KernelForm::sumOfLogits), sum, rounding);
  }
}

void compactionAndBlocksChangeNothing() {
  const RandomNet net({40, 50, 60, 30, 50, 3}, 3);
  const Network network = net.network();
  const std::vector<double> x = net.inputs(11, 5);
  for (KernelForm form :
       {KernelForm::trace, KernelForm::full, KernelForm::diagonal, KernelForm::sumOfLogits}) {
    Options dense;
    dense.compaction = Compaction::never;
    const std::vector<double> expected = kernelOf(network, net, x, 11, x, 0, form, dense);
    for (bool mixed : {false, true}) {
      for (Compaction compaction : {Compaction::always, Compaction::whereItPays}) {
        for (std::size_t edge : {std::size_t{1}, std::size_t{4}, std::size_t{100}}) {
          Options options;
          options.mixed = mixed;
          options.compaction = compaction;
          options.edge = edge;
          options.rows = 3 * edge;
          const std::vector<double> actual = kernelOf(network, net, x, 11, x, 0, form, options);
          checkClose(actual, expected, mixed ? 1e-5 : 1e-13);
          for (std::size_t i = 0; form == KernelForm::trace && i < 11; i++) {
            for (std::size_t j = 0; j < i; j++) CHECK(actual[i * 11 + j] == actual[j * 11 + i]);
          }
        }
      }
    }
  }
}

void threadsChangeNoBit() {
  const RandomNet net({40, 90, 60, 90, 50, 3}, 3);
  const Network network = net.network();
  const std::vector<double> x = net.inputs(30, 5);
  Options one, three;
  one.threads = 1;
  three.threads = 3;
  CHECK(kernelOf(network, net, x, 30, x, 0, KernelForm::trace, one) ==
        kernelOf(network, net, x, 30, x, 0, KernelForm::trace, three));
}

// Activations and deltas reach 2^500 at weight variance 4 and 2^-400 at 1, far beyond the range of float32.
void mixedPrecisionSurvivesEveryPhase() {
  const struct {
    double weightVariance;
    std::size_t depth;
  } cases[] = {{1, 800}, {2, 1000}, {4, 400}, {4, 800}};
  for (const auto& c : cases) {
    std::vector<std::size_t> widths(c.depth + 2, 64);
    widths.back() = 2;
    const RandomNet net(widths, 17, c.weightVariance);
    const Network network = net.network();
    const std::vector<double> x = net.inputs(5, 5);
    Options mixed;
    mixed.mixed = true;
    const std::vector<double> expected = kernelOf(network, net, x, 5, x, 0, KernelForm::trace);
    CHECK(largestOf(expected) > 0 && std::isfinite(largestOf(expected)));
    // Roundings of 6e-8 a layer add up over hundreds of narrow layers.
    checkClose(kernelOf(network, net, x, 5, x, 0, KernelForm::trace, mixed), expected, 1e-4);
  }
}

void cancellationIsPrompt() {
  std::vector<std::size_t> widths(40, 600);
  const RandomNet net(widths, 1);
  const Network network = net.network();
  const std::vector<double> x = net.inputs(400, 5);
  const std::vector<double> terms(network.layers(), 1.0);
  std::vector<double> kernel(400 * 400);
  const KernelTask task{network,
                        x.data(),
                        400,
                        nullptr,
                        400,
                        KernelForm::trace,
                        {terms.data(), terms.size()},
                        {terms.data(), terms.size()},
                        false,
                        256,
                        256,
                        kernel.data(),
                        {},
                        {}};
  checkCancellation([&](Run& run) { computeKernel(run, 2, task); }, std::chrono::milliseconds(100));
}

}  // namespace

int main() {
  kernelIsTheProductOfJacobians();
  compactionAndBlocksChangeNothing();
  threadsChangeNoBit();
  mixedPrecisionSurvivesEveryPhase();
  cancellationIsPrompt();
}
