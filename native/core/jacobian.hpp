// Derivatives of the outputs by the parameters.
#pragma once

#include <cstddef>

#include "mlp.hpp"

namespace deepntk {

struct JacobianTask {
  Network network;
  const double* x;  // n x n_0
  std::size_t n;
  std::size_t rowBlock;
  Span<const unsigned char> weights;  // L + 1 flags: which layers' weights and biases have columns
  Span<const unsigned char> biases;
  double* jacobian;  // n x K x P', in the order of the parameters

  std::size_t columns() const;  // P'
};

// df_k/dW^l_ij = weightGain_l delta^l_ki x^{l-1}_j and df_k/db^l_i = biasGain_l delta^l_ki, with delta^l =
// df/dh^l carried down from the output. Shares nothing with the kernel's Gram form: each checks the other.
void computeJacobian(Run& run, std::size_t threads, const JacobianTask& task);

}  // namespace deepntk
