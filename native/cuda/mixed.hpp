// How `mixed` precision is computed on a device. Plain C++.
#pragma once

#include <string>

namespace deepntk::cuda {

// How float32 products are computed. `single`: with float32's own units. `tf32`: on tensor cores, operands
// rounded to 11 significant bits. `tf32x3`: on tensor cores, every operand as the sum of two such numbers, by
// three products; what is lost is the product of the two small parts, some 2^-22 of the result.
enum class Arithmetic { single, tf32x3, tf32 };

// How `mixed` precision is computed: the arithmetic of the float32 products, and whether the forward pass is
// in float32 too (which flips gates near 0: docs/performance.md).
struct MixedMode {
  Arithmetic arithmetic = Arithmetic::single;
  bool singleForward = false;
};

// What DEEPNTK_CUDA_MIXED says, and its name; a std::runtime_error where it is none that is known.
MixedMode mixedMode(std::string& name);
inline MixedMode mixedMode() {
  std::string name;
  return mixedMode(name);
}

}  // namespace deepntk::cuda
