// A Pack is one number of each of kReplicaLanes replicas. Its lanes never mix, so a replica does not depend
// on its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "powers.hpp"
#include "simd/target.hpp"

namespace deepntk {

constexpr std::size_t kReplicaLanes = 8;

// Without vector types a Pack has the operators that the library uses.
#if defined(DEEPNTK_VECTOR_TYPES)
using Pack = double __attribute__((vector_size(8 * kReplicaLanes)));
#else
struct alignas(64) Pack {
  double values[kReplicaLanes];
  double& operator[](std::size_t i) { return values[i]; }
  double operator[](std::size_t i) const { return values[i]; }
};
#define DEEPNTK_LANES_OPERATOR(op)                                                            \
  inline Pack operator op(Pack a, const Pack& b) {                                            \
    for (std::size_t i = 0; i < kReplicaLanes; i++) a.values[i] = a.values[i] op b.values[i]; \
    return a;                                                                                 \
  }                                                                                           \
  inline Pack operator op(Pack a, double b) {                                                 \
    for (double& value : a.values) value = value op b;                                        \
    return a;                                                                                 \
  }                                                                                           \
  template <typename Operand>                                                                 \
  Pack& operator op##=(Pack& a, const Operand& b) {                                           \
    return a = a op b;                                                                        \
  }
DEEPNTK_LANES_OPERATOR(+)
DEEPNTK_LANES_OPERATOR(-)
DEEPNTK_LANES_OPERATOR(*)
#undef DEEPNTK_LANES_OPERATOR
#endif

}  // namespace deepntk
