// The empirical neural tangent kernel of N inputs in its structured form:
//
//   Theta(x, x') = sum over l of (weightTerms_l x^{l-1}.x'^{l-1} + biasTerms_l) (delta^l . delta'^l)
//
// One matrix product a layer forward (rows are inputs), one backward (rows are (input, output) pairs), and
// per layer two Gram matrices, in tiles, multiplied entry by entry into the result. The Jacobian is never
// formed.
#pragma once

#include <cstddef>
#include <vector>

#include "compaction.hpp"
#include "gram.hpp"
#include "mlp.hpp"

namespace deepntk {

struct KernelTask {
  Network network;
  const double* x;  // n x n_0
  std::size_t n;
  const double* x2;  // n2 x n_0, or null: x again, and the kernel is symmetric
  std::size_t n2;
  KernelForm form;
  Span<const double> weightTerms;  // L + 1 numbers; 0 where a layer's parameters do not count
  Span<const double> biasTerms;
  bool mixed;            // backward and Gram in float32; forward and the sum over layers stay in float64
  std::size_t rowBlock;  // rows of one product
  std::size_t gramEdge;  // edge, in inputs, of one tile of a Gram matrix; at least 1
  // Zeros on entry. n x n2 (trace, sumOfLogits), n x n2 x K (diagonal) or n x n2 x K x K (full), each.
  double* kernel;
  std::vector<double*> weights;  // parts of layers 1 .. L+1, or empty
  std::vector<double*> biases;
  Compaction compaction = Compaction::whereItPays;
};

// Memory beside the result: the activations of all layers from the lowest that counts, two layers of deltas,
// one layer of gathered weights, and two tiles a thread.
void computeKernel(Run& run, std::size_t threads, const KernelTask& task);

}  // namespace deepntk
