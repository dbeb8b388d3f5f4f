// Replicas of the kernel of N inputs over random initializations: what the samplers (direct.hpp,
// conditional.hpp) have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forms.hpp"
#include "run.hpp"

namespace deepntk {

// One way to weigh the layers: value times 2^exponent for each of the layers 1 .. L+1.
struct KernelTerms {
  const double *weights, *biases;
  const std::int32_t *weightExponents, *biasExponents;
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

// Kernels are told by 32-bit exponents; one that is 0 has this one, or any other.
inline std::int32_t clampedExponent(std::int64_t exponent) {
  constexpr std::int64_t kLimit = 1 << 30;
  return static_cast<std::int32_t>(exponent < -kLimit ? -kLimit : exponent > kLimit ? kLimit : exponent);
}

// Where a thread keeps what the backward pass needs again: layers beyond this many bytes are drawn a second
// time.
constexpr double kLayerMemory = 48.0 * (1 << 20);

}  // namespace deepntk
