// Steps of gradient descent: the gradient against finite differences, and options that must not change any
// bit.
#include <numeric>
#include <vector>

#include "check.hpp"
#include "train_problem.hpp"

using namespace deepntk;

namespace {

double lossOf(TrainProblem& problem) {
  problem.take({0}, {static_cast<std::int32_t>(problem.n)});
  return problem.losses[0];
}

void theGradientAgreesWithFiniteDifferences(Loss loss) {
  TrainProblem problem({3, 6, 5, 2}, 21);
  problem.loss = loss;
  lossOf(problem);  // the first velocity is the gradient
  const std::vector<double> gradient = problem.first;
  constexpr double kStep = 1e-6;
  for (std::size_t p = 0; p < gradient.size(); p++) {
    double& parameter = problem.net.parameters[p];
    const double before = parameter;
    parameter = before + kStep;
    const double above = lossOf(problem);
    parameter = before - kStep;
    const double below = lossOf(problem);
    parameter = before;
    CHECK_NEAR((above - below) / (2 * kStep), gradient[p],
               1e-7);  // rounding of some 1e-16 / 1e-6, and curvature
  }
}

void threadsChangeNoBit() {
  std::vector<double> parameters;
  for (const std::size_t threads : {1, 2, 4}) {
    TrainProblem problem({5, 40, 30, 3}, 100);
    problem.optimizer = {Optimizer::Name::adam, 0.9, 0.999, 1e-8};
    problem.threads = threads;
    problem.slots = 8;
    problem.take({.01, .01, .01}, {100, 100, 100});
    if (threads > 1) CHECK(problem.net.parameters == parameters);
    parameters = problem.net.parameters;
  }
}

void aListOfAllRowsInOrderIsAllRows() {
  TrainProblem whole({4, 9, 2}, 30), listed({4, 9, 2}, 30);
  whole.take({.1, .1}, {30, 30});
  std::vector<std::int32_t> rows(60);
  for (std::size_t i = 0; i < rows.size(); i++) rows[i] = static_cast<std::int32_t>(i % 30);
  listed.take({.1, .1}, {30, 30}, rows);
  CHECK(whole.net.parameters == listed.net.parameters);
  CHECK(whole.losses == listed.losses);
}

void batchesOfDifferentSizesAreMeansOfTheirOwn() {
  TrainProblem batches({4, 9, 2}, 30), whole({4, 9, 2}, 30);
  std::vector<std::int32_t> rows(30);
  std::iota(rows.begin(), rows.end(), 0);
  batches.take({0, 0}, {17, 13}, rows);
  CHECK_NEAR((17 * batches.losses[0] + 13 * batches.losses[1]) / 30, lossOf(whole), 1e-14);
}

void aCancelledRunEnds() {
  TrainProblem problem({4, 9, 2}, 30);
  bool cancelled = false;
  try {
    problem.takeBy(
        [](const TrainTask& task) {
          Run run;
          run.cancel();
          takeSteps(run, 2, task);
        },
        {.1}, {30});
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
