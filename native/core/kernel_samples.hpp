// The code that both samplers of kernels of N inputs share (direct.hpp, conditional.hpp). A replica is the
// kernel of one random initialization.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forms.hpp"
#include "gram.hpp"
#include "portable.hpp"
#include "powers.hpp"
#include "run.hpp"

namespace deepntk {

// A layer's weights and biases in one way to weigh the layers, each times 2^exponent.
struct LayerTerms {
  double weights, biases;
  std::int32_t weightExponent, biasExponent;
};

// One way to weigh the layers: value times 2^exponent for each of the layers 1 .. L+1.
struct KernelTerms {
  const double *weights, *biases;
  const std::int32_t *weightExponents, *biasExponents;

  LayerTerms layer(std::size_t l) const {
    return {weights[l - 1], biases[l - 1], weightExponents[l - 1], biasExponents[l - 1]};
  }
};

struct KernelSampleTask {
  std::vector<std::size_t> widths;  // n_0 .. n_{L+1}
  std::size_t n;                    // inputs
  KernelForm form;
  std::vector<KernelTerms> terms;
  std::uint64_t seed, first;
  std::size_t count;
  // count x terms x n x n x entries numbers, each kernel over 2^exponent; count x terms exponents.
  double* kernels;
  std::int32_t* exponents;

  std::size_t layers() const { return widths.size() - 1; }
  std::size_t outputs() const { return widths.back(); }
  std::size_t chains() const { return chainsOf(form, outputs()); }
  std::size_t entries() const { return entriesOf(form, outputs()); }
  std::size_t kernelLength() const { return n * n * entries(); }
};

// Factors that bring a layer's term and the sum so far to one exponent.
struct TermFactors {
  double keep, weight, bias;
};

// The largest diagonal entry of an n x n matrix; 0 where none is positive.
DEEPNTK_PORTABLE inline double largestOnDiagonal(const double* matrix, std::size_t n) {
  double largest = 0;
  for (std::size_t i = 0; i < n; i++) {
    if (largest < matrix[i * n + i]) largest = matrix[i * n + i];
  }
  return largest;
}

// The exponent of a sum of nothing.
constexpr std::int64_t kNoExponent = -(std::int64_t{1} << 40);

// The factors of a layer's term, (weights A + biases) o D, and of the sum so far, which is over 2^exponent.
// `activations` and `deltas` are the largest diagonal entries of A and D, which are over 4^activationExponent
// and 4^deltaExponent. `exponent` becomes that of the new sum.
DEEPNTK_PORTABLE inline TermFactors factorsOf(const LayerTerms& terms, double activations,
                                              std::int64_t activationExponent, double deltas,
                                              std::int64_t deltaExponent, std::int64_t& exponent) {
  const std::int64_t weightExponent = terms.weightExponent + 2 * activationExponent + 2 * deltaExponent;
  const std::int64_t biasExponent = terms.biasExponent + 2 * deltaExponent;
  const double largestWeight = terms.weights * activations * deltas, largestBias = terms.biases * deltas;
  const std::int64_t ofWeight =
      largestWeight == 0 ? kNoExponent : weightExponent + binaryExponent(largestWeight);
  const std::int64_t ofBias = largestBias == 0 ? kNoExponent : biasExponent + binaryExponent(largestBias);
  std::int64_t highest = ofWeight < ofBias ? ofBias : ofWeight;
  if (highest < exponent) highest = exponent;
  // A term of zeros has no exponent that the sum's could be compared with.
  const TermFactors factors{powerOfTwo(exponent - highest),
                            largestWeight == 0 ? 0 : terms.weights * powerOfTwo(weightExponent - highest),
                            largestBias == 0 ? 0 : terms.biases * powerOfTwo(biasExponent - highest)};
  exponent = highest;
  return factors;
}

// Results have 32-bit exponents. That of a kernel of zeros is 0.
DEEPNTK_PORTABLE inline std::int32_t reportedExponent(std::int64_t exponent) {
  constexpr std::int64_t kLimit = 1 << 30;
  if (exponent == kNoExponent) return 0;
  return static_cast<std::int32_t>(exponent < -kLimit ? -kLimit : exponent > kLimit ? kLimit : exponent);
}

// The number of entry (m, k) in a pair of inputs, where `entry` is (k, m). Other forms have entries (k, k)
// only.
DEEPNTK_PORTABLE inline std::size_t transposedEntry(KernelForm form, std::size_t chains, std::size_t entry) {
  return form == KernelForm::full ? entry % chains * chains + entry / chains : entry;
}

// The bytes of layers that a thread keeps for the backward pass. Layers beyond this limit are drawn again.
constexpr double kLayerMemory = 48.0 * (1 << 20);

}  // namespace deepntk
