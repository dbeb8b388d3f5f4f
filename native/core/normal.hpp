// Standard normal numbers from Philox blocks; the twin of src/random/normal.ts, to the last bit on every
// machine.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "lanes.hpp"

namespace deepntk {

// One stream of random numbers of one replica (src/random/streams.ts).
struct StreamKey {
  std::uint64_t seed;
  std::uint64_t replica;
  std::uint32_t stream;
};

// Fills `out` with `scale` times the normals number `first`, `first` + 1, ... of a stream; `first` is even.
void fillNormals(Span<double> out, StreamKey key, double scale, std::uint64_t first = 0);

// The same of kReplicaLanes consecutive replicas from key.replica on, one a lane, not scaled.
void fillNormalsInLanes(Span<Pack> out, StreamKey key, std::uint64_t first = 0);

}  // namespace deepntk
