// Replicas side by side: one number of each of kReplicaLanes replicas, handled as one. Pack never mix, so
// that what becomes of a replica does not depend on its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "box_muller.hpp"
#include "powers.hpp"

namespace deepntk {

constexpr std::size_t kReplicaLanes = 8;

#if defined(__GNUC__)
#define DEEPNTK_INLINE inline __attribute__((always_inline))
using Pack = double __attribute__((vector_size(8 * kReplicaLanes)));
#else
#define DEEPNTK_INLINE inline
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
  inline Pack& operator op##=(Pack& a, const Pack& b) {                                       \
    return a = a op b;                                                                        \
  }
DEEPNTK_LANES_OPERATOR(+)
DEEPNTK_LANES_OPERATOR(-)
DEEPNTK_LANES_OPERATOR(*)
#undef DEEPNTK_LANES_OPERATOR
#endif

// out = `value` where `condition` is above 0, else 0. (Packs are not returned: how is not the same on all
// machines.)
DEEPNTK_INLINE void setWhereAboveZero(Pack& out, const Pack& condition, const Pack& value) {
#if defined(__GNUC__)
  out = condition > 0 ? value : Pack{};
#else
  for (std::size_t i = 0; i < kReplicaLanes; i++) out[i] = condition[i] > 0 ? value[i] : 0;
#endif
}

}  // namespace deepntk
