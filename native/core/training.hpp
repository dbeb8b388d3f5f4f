// Steps of gradient descent. Every thread takes slots of the batch: forward through all layers, backward, and
// the gradient by one product a layer, added up in an array of the slot's own; then the slots are summed, in
// their order, by the pass over the parameters that moves them. So the bits do not depend on the number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mlp.hpp"

namespace deepntk {

// In the order of kLosses.
enum class Loss { meanSquared, crossEntropy };
constexpr const char* kLosses[] = {"mse", "cross-entropy"};

struct Optimizer {
  // In the order of kOptimizers.
  enum class Name { gradientDescent, momentum, adam } name;
  double beta1, beta2, epsilon;
};

constexpr const char* kOptimizers[] = {"gd", "momentum", "adam"};

struct TrainTask {
  Network network;
  double* parameters;  // the network's own; changed
  std::size_t parameterCount;
  bool biasGradients;
  const double* x;  // n x n_0
  const double* y;  // n x K
  Loss loss;
  Optimizer optimizer;
  double* firstMoments;   // momentum's v, Adam's m; may be null for plain gradient descent
  double* secondMoments;  // Adam's v
  std::size_t stepsBefore;
  Span<const double> learningRates;     // one a step
  Span<const std::int32_t> batchSizes;  // one a step
  const std::int32_t* batchRows;        // the rows of x of every batch, batch after batch; null: all of x
  double* losses;                       // of each batch before its step
  std::vector<double*> gradients;       // one a slot; a batch of b has min(all, ceil(b / minSlotRows)) slots
  std::size_t minSlotRows;
  std::size_t rowBlock;  // the most samples that go through the layers at once
};

// Memory beside the task's own, per thread: the activations of all layers and two layers of deltas for
// `rowBlock` samples.
void takeSteps(Run& run, std::size_t threads, const TrainTask& task);

}  // namespace deepntk
