#include "normal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "box_muller.hpp"
#include "elementwise.hpp"
#include "floating_point.hpp"
#include "philox_lanes.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kLanes = 256;  // Philox blocks at a time; their normals fit the first-level cache

struct Lanes {
  std::uint32_t block[kLanes], replica0[kLanes], replica1[kLanes];
  double normals[2][kLanes];
};

void drawLanes(Lanes& lanes, StreamKey key) {
  drawNormals({lanes.block, key.stream, lanes.replica0, lanes.replica1, static_cast<std::uint32_t>(key.seed),
               static_cast<std::uint32_t>(key.seed >> 32)},
              kLanes, {lanes.normals[0], lanes.normals[1]});
}

// Block i belongs to replica key.replica + i % replicas.
void setReplicas(Lanes& lanes, StreamKey key, std::size_t replicas) {
  for (std::size_t i = 0; i < kLanes; i++) {
    const std::uint64_t replica = key.replica + i % replicas;
    lanes.replica0[i] = static_cast<std::uint32_t>(replica);
    lanes.replica1[i] = static_cast<std::uint32_t>(replica >> 32);
  }
}

}  // namespace

void fillNormalsInLanes(Span<Pack> out, StreamKey key, std::uint64_t first) {
  constexpr std::size_t kBlocks = kLanes / kReplicaLanes;
  Lanes lanes;
  setReplicas(lanes, key, kReplicaLanes);
  auto block = static_cast<std::uint32_t>(first / 2);
  for (std::size_t done = 0; done < out.size; done += 2 * kBlocks, block += kBlocks) {
    for (std::size_t i = 0; i < kLanes; i++) {
      lanes.block[i] = block + static_cast<std::uint32_t>(i / kReplicaLanes);
    }
    drawLanes(lanes, key);
    for (std::size_t i = 0; i < std::min(2 * kBlocks, out.size - done); i++) {
      std::memcpy(&out[done + i], lanes.normals[i % 2] + kReplicaLanes * (i / 2), sizeof(Pack));
    }
  }
}

void fillNormals(Span<double> out, StreamKey key, double scale, std::uint64_t first) {
  const StandardFloatingPoint mode;  // the thread may be one of the host
  Lanes lanes;
  setReplicas(lanes, key, 1);
  double normals[2 * kLanes];
  auto block = static_cast<std::uint32_t>(first / 2);
  for (std::size_t done = 0; done < out.size; done += 2 * kLanes, block += kLanes) {
    for (std::size_t i = 0; i < kLanes; i++) lanes.block[i] = block + static_cast<std::uint32_t>(i);
    drawLanes(lanes, key);
    const std::size_t count = std::min(2 * kLanes, out.size - done);
    if (count == 2 * kLanes) {
      interleave(lanes.normals[0], lanes.normals[1], kLanes, scale, out.data + done);
    } else {
      interleave(lanes.normals[0], lanes.normals[1], kLanes, scale, normals);
      std::copy_n(normals, count, out.data + done);
    }
  }
}

}  // namespace deepntk
