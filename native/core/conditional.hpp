// The conditional Gaussian sampler: replicas of the kernel of N inputs, of the law of real nets, without
// their weights. The twin is src/backend/typescript/conditional.ts, to the last bit.
//
// With W~ = (W, b sqrt(s / sb2)), entries N(0, s), and X~ = (X; sqrt(sb2 / s)) the activations x^{l-1} of all
// inputs as columns, augmented by a row where biases vary, H = W~ X~ has rows N(0, R' R), R' R = s X'X + sb2:
// H = Z_h R with Z_h standard normal. Given H, the part of W~ across X~ is still free. So the deltas below
// are
//
//   W~' Delta = Q Z_h' Delta + (I - Q Q') Z C,   Q = s X~ R^{-1} / sqrt(s),   C' C = s Delta' Delta,   Z
//   standard normal
//             = Z C + X~ S,                      S = s R^{-1} (Z_h' Delta - R^{-T} X~' Z C).
//
// Columns are (input, output) pairs. R and C are truncated where a column depends on those before it
// (kRankTolerance).
#pragma once

#include "kernel_samples.hpp"

namespace deepntk {

struct ConditionalTask : KernelSampleTask {
  const double* inputGram;  // n x n: X X' over 4^inputExponent
  std::int64_t inputExponent;
  const double* weightScale;  // s_l = variance of an effective weight of layer l, L + 1 numbers
  double biasVariance;        // of an effective bias
};

void sampleConditional(Run& run, std::size_t threads, const ConditionalTask& task);

}  // namespace deepntk
