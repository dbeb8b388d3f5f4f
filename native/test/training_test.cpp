// Steps of gradient descent: the gradient against finite differences, and what may not change a bit.
#include "../core/training.hpp"

#include <numeric>
#include <vector>

#include "check.hpp"
#include "random_net.hpp"

using namespace deepntk;

namespace {

struct Problem {
  RandomNet net;
  std::size_t n;
  std::vector<double> x, y;
  Loss loss = Loss::meanSquared;
  Optimizer optimizer{Optimizer::Name::momentum, 0.9, 0, 0};
  std::size_t slots = 3, minSlotRows = 4, rowBlock = 8, threads = 1;
  std::vector<double> first, second, losses;

  Problem(std::vector<std::size_t> widths, std::size_t samples)
      : net(std::move(widths), 5, 2, true), n(samples), x(net.inputs(samples, 7)) {
    y.resize(n * net.widths.back());
    for (std::size_t i = 0; i < y.size(); i++) y[i] = 0.25 + 0.5 * static_cast<double>(i % 2);
    first.assign(net.parameters.size(), 0);
    second.assign(net.parameters.size(), 0);
  }

  void take(const std::vector<double>& rates, const std::vector<std::int32_t>& sizes,
            const std::vector<std::int32_t>& rows = {}) {
    const Network network = net.network();
    std::vector<std::vector<double>> room(slots, std::vector<double>(net.parameters.size()));
    std::vector<double*> gradients;
    for (auto& gradient : room) gradients.push_back(gradient.data());
    losses.assign(sizes.size(), 0);
    Run run;
    takeSteps(run, threads,
              {network,
               net.parameters.data(),
               net.parameters.size(),
               true,
               x.data(),
               y.data(),
               loss,
               optimizer,
               first.data(),
               second.data(),
               0,
               {rates.data(), rates.size()},
               {sizes.data(), sizes.size()},
               rows.empty() ? nullptr : rows.data(),
               losses.data(),
               gradients,
               minSlotRows,
               rowBlock});
  }

  double lossNow() {
    take({0}, {static_cast<std::int32_t>(n)});
    return losses[0];
  }
};

void theGradientAgreesWithFiniteDifferences(Loss loss) {
  Problem problem({3, 6, 5, 2}, 21);
  problem.loss = loss;
  problem.lossNow();  // the first velocity is the gradient
  const std::vector<double> gradient = problem.first;
  constexpr double kStep = 1e-6;
  for (std::size_t p = 0; p < gradient.size(); p++) {
    double& parameter = problem.net.parameters[p];
    const double before = parameter;
    parameter = before + kStep;
    const double above = problem.lossNow();
    parameter = before - kStep;
    const double below = problem.lossNow();
    parameter = before;
    CHECK_NEAR((above - below) / (2 * kStep), gradient[p],
               1e-7);  // rounding of some 1e-16 / 1e-6, and curvature
  }
}

void threadsChangeNoBit() {
  std::vector<double> parameters;
  for (const std::size_t threads : {1, 2, 4}) {
    Problem problem({5, 40, 30, 3}, 100);
    problem.optimizer = {Optimizer::Name::adam, 0.9, 0.999, 1e-8};
    problem.threads = threads;
    problem.slots = 8;
    problem.take({.01, .01, .01}, {100, 100, 100});
    if (threads > 1) CHECK(problem.net.parameters == parameters);
    parameters = problem.net.parameters;
  }
}

void aListOfAllRowsInOrderIsAllRows() {
  Problem whole({4, 9, 2}, 30), listed({4, 9, 2}, 30);
  whole.take({.1, .1}, {30, 30});
  std::vector<std::int32_t> rows(60);
  for (std::size_t i = 0; i < rows.size(); i++) rows[i] = static_cast<std::int32_t>(i % 30);
  listed.take({.1, .1}, {30, 30}, rows);
  CHECK(whole.net.parameters == listed.net.parameters);
  CHECK(whole.losses == listed.losses);
}

void batchesOfDifferentSizesAreMeansOfTheirOwn() {
  Problem batches({4, 9, 2}, 30), whole({4, 9, 2}, 30);
  std::vector<std::int32_t> rows(30);
  std::iota(rows.begin(), rows.end(), 0);
  batches.take({0, 0}, {17, 13}, rows);
  CHECK_NEAR((17 * batches.losses[0] + 13 * batches.losses[1]) / 30, whole.lossNow(), 1e-14);
}

void aCancelledRunEnds() {
  Problem problem({4, 9, 2}, 30);
  const Network network = problem.net.network();
  std::vector<double> room(problem.net.parameters.size()), rates(1, .1), losses(1);
  const std::vector<std::int32_t> sizes{30};
  Run run;
  run.cancel();
  bool cancelled = false;
  try {
    takeSteps(run, 2,
              {network,
               problem.net.parameters.data(),
               problem.net.parameters.size(),
               true,
               problem.x.data(),
               problem.y.data(),
               Loss::meanSquared,
               problem.optimizer,
               problem.first.data(),
               problem.second.data(),
               0,
               {rates.data(), 1},
               {sizes.data(), 1},
               nullptr,
               losses.data(),
               {room.data()},
               4,
               8});
  } catch (const Cancelled&) {
    cancelled = true;
  }
  CHECK(cancelled);
}

}  // namespace

int main() {
  theGradientAgreesWithFiniteDifferences(Loss::meanSquared);
  theGradientAgreesWithFiniteDifferences(Loss::crossEntropy);
  threadsChangeNoBit();
  aListOfAllRowsInOrderIsAllRows();
  batchesOfDifferentSizesAreMeansOfTheirOwn();
  aCancelledRunEnds();
}
