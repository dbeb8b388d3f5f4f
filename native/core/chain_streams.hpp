// Where the scalar chain's random numbers come from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "portable.hpp"

namespace deepntk {

// The purposes of a layer's streams of random numbers (src/random/streams.ts).
constexpr std::uint32_t kChainPurpose = 2, kChainNoisePurpose = 3, kChainPathPurpose = 4;

DEEPNTK_PORTABLE inline std::uint32_t streamOf(std::uint32_t purpose, std::size_t layer) {
  return (purpose << 24) | static_cast<std::uint32_t>(layer);
}

}  // namespace deepntk
