// Philox4x32-10, a counter-based generator; the twin of src/random/philox.ts.
// Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <cstdint>

#include "portable.hpp"

namespace deepntk {

// One block of the generator: a counter going in, four random words coming out.
struct PhiloxBlock {
  std::uint32_t words[4];
};

DEEPNTK_PORTABLE inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  std::uint32_t c0 = counter.words[0], c1 = counter.words[1], c2 = counter.words[2], c3 = counter.words[3];
#if defined(__CUDA_ARCH__)
#pragma unroll
#elif defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC unroll 10
#endif
  for (int round = 0; round < 10; round++) {
    const std::uint64_t product0 = std::uint64_t{0xd2511f53} * c0;
    const std::uint64_t product1 = std::uint64_t{0xcd9e8d57} * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(product1);
    c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(product0);
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace deepntk
