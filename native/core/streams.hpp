// How random numbers are addressed (src/random/streams.ts). Every number is a function of the seed, the
// replica, the purpose, the layer and its index.
#pragma once

#include <cstddef>
#include <cstdint>

#include "portable.hpp"

namespace deepntk {

// Two purposes never share a random number.
constexpr std::uint32_t kWeightPurpose = 0, kBiasPurpose = 1;
constexpr std::uint32_t kChainPurpose = 2, kChainNoisePurpose = 3, kChainPathPurpose = 4;
constexpr std::uint32_t kForwardPurpose = 5, kBackwardPurpose = 6;  // of the conditional sampler

DEEPNTK_PORTABLE inline std::uint32_t streamOf(std::uint32_t purpose, std::size_t layer) {
  return (purpose << 24) | static_cast<std::uint32_t>(layer);
}

}  // namespace deepntk
