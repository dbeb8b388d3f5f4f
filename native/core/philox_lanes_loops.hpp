// Included by philox_lanes.cpp once for each target. It computes kLanes<double> blocks at a time. Compilers
// turn plain loops of Philox into shuffles between 32 and 64 bits, so every word has a lane of 64 bits here.
// Products ignore the upper halves of their operands, and storeWords drops them.

// Words 0 to 3 of the next kLanes<double> blocks, in the lower halves.
DEEPNTK_INLINE void drawBlocks(const PhiloxCounters& at, std::size_t i, Words (&c)[4]) {
  c[0] = loadWords(at.block + i);
  c[1] = Words{} + at.stream;
  c[2] = loadWords(at.replica0 + i);
  c[3] = loadWords(at.replica1 + i);
  std::uint32_t key0 = at.key0, key1 = at.key1;
  const Words multiplier0 = Words{} + 0xd2511f53, multiplier1 = Words{} + 0xcd9e8d57;
  DEEPNTK_UNROLL
  for (int round = 0; round < 10; round++) {
    const Words product0 = multiplyLowerHalves(c[0], multiplier0);
    const Words product1 = multiplyLowerHalves(c[2], multiplier1);
    c[0] = (product1 >> 32) ^ c[1] ^ (Words{} + key0);
    c[1] = product1;
    c[2] = (product0 >> 32) ^ c[3] ^ (Words{} + key1);
    c[3] = product0;
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
}

void drawWords(const PhiloxCounters& at, std::size_t count, std::uint32_t* const (&words)[4]) {
  for (std::size_t i = 0; i < count; i += kLanes<double>) {
    Words c[4];
    drawBlocks(at, i, c);
    for (std::size_t w = 0; w < 4; w++) storeWords(words[w] + i, c[w]);
  }
}

void drawUniforms(const PhiloxCounters& at, std::size_t count, double* const (&uniforms)[2]) {
  for (std::size_t i = 0; i < count; i += kLanes<double>) {
    Words c[4];
    drawBlocks(at, i, c);
    for (std::size_t pair = 0; pair < 2; pair++) {
      // uniform() of box_muller.hpp
      const Words k = (c[2 * pair] << 32 >> 12) | (c[2 * pair + 1] << 32 >> 44);
      store(uniforms[pair] + i, (asDoubles(k | 0x3ff0000000000000) - 1.0) + 0x1p-53);
    }
  }
}

// Box and Muller's transform of pairs of uniform numbers, in their place.
void transform(double* first, double* second, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) boxMuller(first[i], second[i], first[i], second[i]);
}
