#include "philox_lanes.hpp"

#include "box_muller.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of an "undefined" operand inside its own products.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define DEEPNTK_LOOPS "../philox_lanes_loops.hpp"
#include "simd/for_each_target.hpp"

namespace deepntk {

void drawWords(const PhiloxCounters& counters, std::size_t count, std::uint32_t* const (&words)[4]) {
  DEEPNTK_DISPATCH(drawWords(counters, count, words))
}

void drawUniforms(const PhiloxCounters& counters, std::size_t count, double* const (&uniforms)[2]) {
  DEEPNTK_DISPATCH(drawUniforms(counters, count, uniforms))
}

void drawNormals(const PhiloxCounters& counters, std::size_t count, double* const (&normals)[2]) {
  drawUniforms(counters, count, normals);
  DEEPNTK_DISPATCH(transform(normals[0], normals[1], count))
}

}  // namespace deepntk
