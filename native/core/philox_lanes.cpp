#include "philox_lanes.hpp"

#include <cstring>

#include "box_muller.hpp"
#include "lanes.hpp"
#include "philox.hpp"
#include "unroll.hpp"
#include "vector_products.hpp"
#include "vectors.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the "undefined" operand inside its own products for a variable that was forgotten.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace deepntk {

namespace {

namespace portable {

void drawWords(const PhiloxCounters& at, std::size_t count, std::uint32_t* const (&words)[4]) {
  for (std::size_t i = 0; i < count; i++) {
    const PhiloxBlock block =
        philox4x32({{at.block[i], at.stream, at.replica0[i], at.replica1[i]}}, at.key0, at.key1);
    for (std::size_t w = 0; w < 4; w++) words[w][i] = block.words[w];
  }
}

void drawUniforms(const PhiloxCounters& at, std::size_t count, double* const (&uniforms)[2]) {
  for (std::size_t i = 0; i < count; i++) {
    const PhiloxBlock block =
        philox4x32({{at.block[i], at.stream, at.replica0[i], at.replica1[i]}}, at.key0, at.key1);
    uniforms[0][i] = uniform(block.words[0], block.words[1]);
    uniforms[1][i] = uniform(block.words[2], block.words[3]);
  }
}

}  // namespace portable

}  // namespace

#ifdef DEEPNTK_X86_VECTORS

// Compilers turn the loops above into shuffles between 32 and 64 bits. Here every word keeps 64 bits for
// itself: what a product leaves in the upper half is ignored by the next one, and cut off at the end.
#define DEEPNTK_TARGET __attribute__((target("avx512f")))
#define DEEPNTK_NAMESPACE avx512
#define DEEPNTK_LANES 8
#define DEEPNTK_PRODUCT(a, b) (Words) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#include "philox_lanes_loops.hpp"

#define DEEPNTK_TARGET __attribute__((target("avx2")))
#define DEEPNTK_NAMESPACE avx2
#define DEEPNTK_LANES 4
#define DEEPNTK_PRODUCT(a, b) (Words) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#include "philox_lanes_loops.hpp"

void drawWords(const PhiloxCounters& counters, std::size_t count, std::uint32_t* const (&words)[4]) {
  switch (vectorSet()) {
    case VectorSet::avx512:
      return avx512::drawWords(counters, count, words);
    case VectorSet::avx2:
      return avx2::drawWords(counters, count, words);
    default:
      return portable::drawWords(counters, count, words);
  }
}

void drawUniforms(const PhiloxCounters& counters, std::size_t count, double* const (&uniforms)[2]) {
  switch (vectorSet()) {
    case VectorSet::avx512:
      return avx512::drawUniforms(counters, count, uniforms);
    case VectorSet::avx2:
      return avx2::drawUniforms(counters, count, uniforms);
    default:
      return portable::drawUniforms(counters, count, uniforms);
  }
}

#else

void drawWords(const PhiloxCounters& counters, std::size_t count, std::uint32_t* const (&words)[4]) {
  portable::drawWords(counters, count, words);
}

void drawUniforms(const PhiloxCounters& counters, std::size_t count, double* const (&uniforms)[2]) {
  portable::drawUniforms(counters, count, uniforms);
}

#endif

}  // namespace deepntk
