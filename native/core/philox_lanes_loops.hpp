// Included by philox_lanes.cpp once for each instruction set: DEEPNTK_LANES blocks side by side.

namespace {

namespace DEEPNTK_NAMESPACE {

using Words = std::uint64_t __attribute__((vector_size(8 * DEEPNTK_LANES)));
using Halves = std::uint32_t __attribute__((vector_size(4 * DEEPNTK_LANES)));
using Doubles = double __attribute__((vector_size(8 * DEEPNTK_LANES)));

DEEPNTK_TARGET DEEPNTK_INLINE void load(const std::uint32_t* from, Words& to) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  to = __builtin_convertvector(halves, Words);
}

// Words 0 to 3 of the next DEEPNTK_LANES blocks, in the lower halves.
DEEPNTK_TARGET DEEPNTK_INLINE void drawBlocks(const PhiloxCounters& at, std::size_t i, Words (&c)[4]) {
  load(at.block + i, c[0]);
  c[1] = Words{} + at.stream;
  load(at.replica0 + i, c[2]);
  load(at.replica1 + i, c[3]);
  std::uint32_t key0 = at.key0, key1 = at.key1;
  const Words multiplier0 = Words{} + 0xd2511f53, multiplier1 = Words{} + 0xcd9e8d57;
  DEEPNTK_UNROLL
  for (int round = 0; round < 10; round++) {
    const Words product0 = DEEPNTK_PRODUCT(c[0], multiplier0), product1 = DEEPNTK_PRODUCT(c[2], multiplier1);
    c[0] = (product1 >> 32) ^ c[1] ^ (Words{} + key0);
    c[1] = product1;
    c[2] = (product0 >> 32) ^ c[3] ^ (Words{} + key1);
    c[3] = product0;
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
}

DEEPNTK_TARGET void drawWords(const PhiloxCounters& at, std::size_t count, std::uint32_t* const (&words)[4]) {
  for (std::size_t i = 0; i < count; i += DEEPNTK_LANES) {
    Words c[4];
    drawBlocks(at, i, c);
    for (std::size_t w = 0; w < 4; w++) {
      const Halves halves = __builtin_convertvector(c[w], Halves);
      std::memcpy(words[w] + i, &halves, sizeof halves);
    }
  }
}

DEEPNTK_TARGET void drawUniforms(const PhiloxCounters& at, std::size_t count, double* const (&uniforms)[2]) {
  for (std::size_t i = 0; i < count; i += DEEPNTK_LANES) {
    Words c[4];
    drawBlocks(at, i, c);
    for (std::size_t pair = 0; pair < 2; pair++) {
      // uniform() of box_muller.hpp
      const Words k = (c[2 * pair] << 32 >> 12) | (c[2 * pair + 1] << 32 >> 44);
      const Doubles value = ((Doubles)(k | 0x3ff0000000000000) - 1.0) + 0x1p-53;
      std::memcpy(uniforms[pair] + i, &value, sizeof value);
    }
  }
}

}  // namespace DEEPNTK_NAMESPACE

}  // namespace

#undef DEEPNTK_TARGET
#undef DEEPNTK_NAMESPACE
#undef DEEPNTK_LANES
#undef DEEPNTK_PRODUCT
