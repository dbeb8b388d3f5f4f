// Compiled without contraction into fused multiply-adds (-ffp-contract=off), and built of +, -, *, / and sqrt
// alone, so that every instruction set gives the same bits. Loops run over blocks of lanes and hold no
// branches: compilers vectorize them.
#include "normal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "box_muller.hpp"
#include "elementwise.hpp"
#include "philox.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kLanes = 256;  // Philox blocks at once; their words and normals stay in the first cache

struct Lanes {
  std::uint32_t words[4][kLanes];
  double uniforms[2][kLanes];
  double normals[2 * kLanes];
};

// Draws the normals of kLanes consecutive blocks.
DEEPNTK_FOR_EACH_INSTRUCTION_SET
void drawLanes(Lanes& lanes, std::uint32_t firstBlock, StreamKey key, double scale) {
  const auto key0 = static_cast<std::uint32_t>(key.seed), key1 = static_cast<std::uint32_t>(key.seed >> 32);
  const auto replica0 = static_cast<std::uint32_t>(key.replica);
  const auto replica1 = static_cast<std::uint32_t>(key.replica >> 32);
  for (std::size_t i = 0; i < kLanes; i++) {
    const auto counter = static_cast<std::uint32_t>(firstBlock + i);
    const PhiloxBlock block = philox4x32({{counter, key.stream, replica0, replica1}}, key0, key1);
    lanes.words[0][i] = block.words[0];
    lanes.words[1][i] = block.words[1];
    lanes.words[2][i] = block.words[2];
    lanes.words[3][i] = block.words[3];
  }
  for (std::size_t i = 0; i < kLanes; i++) {
    lanes.uniforms[0][i] = uniform(lanes.words[0][i], lanes.words[1][i]);
    lanes.uniforms[1][i] = uniform(lanes.words[2][i], lanes.words[3][i]);
  }
  for (std::size_t i = 0; i < kLanes; i++) {
    double normal0, normal1;
    boxMuller(lanes.uniforms[0][i], lanes.uniforms[1][i], normal0, normal1);
    lanes.normals[2 * i] = normal0 * scale;
    lanes.normals[2 * i + 1] = normal1 * scale;
  }
}

// Blocks of kReplicaLanes replicas, side by side: position kReplicaLanes * block + lane.
struct ReplicaBlocks {
  std::uint32_t replica0[kLanes], replica1[kLanes];
  std::uint32_t words[4][kLanes];
  double uniforms[2][kLanes];
  double normals[2][kLanes];
};

DEEPNTK_FOR_EACH_INSTRUCTION_SET
void drawReplicaBlocks(ReplicaBlocks& blocks, std::uint32_t firstBlock, StreamKey key) {
  const auto key0 = static_cast<std::uint32_t>(key.seed), key1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (std::size_t i = 0; i < kLanes; i++) {
    const auto counter = static_cast<std::uint32_t>(firstBlock + i / kReplicaLanes);
    const PhiloxBlock block =
        philox4x32({{counter, key.stream, blocks.replica0[i], blocks.replica1[i]}}, key0, key1);
    blocks.words[0][i] = block.words[0];
    blocks.words[1][i] = block.words[1];
    blocks.words[2][i] = block.words[2];
    blocks.words[3][i] = block.words[3];
  }
  for (std::size_t i = 0; i < kLanes; i++) {
    blocks.uniforms[0][i] = uniform(blocks.words[0][i], blocks.words[1][i]);
    blocks.uniforms[1][i] = uniform(blocks.words[2][i], blocks.words[3][i]);
  }
  for (std::size_t i = 0; i < kLanes; i++) {
    double normal0, normal1;
    boxMuller(blocks.uniforms[0][i], blocks.uniforms[1][i], normal0, normal1);
    blocks.normals[0][i] = normal0;
    blocks.normals[1][i] = normal1;
  }
}

}  // namespace

void fillNormalsInLanes(Span<Pack> out, StreamKey key, std::uint64_t first) {
  constexpr std::size_t kBlocks = kLanes / kReplicaLanes;
  ReplicaBlocks blocks;
  for (std::size_t i = 0; i < kLanes; i++) {
    const std::uint64_t replica = key.replica + i % kReplicaLanes;
    blocks.replica0[i] = static_cast<std::uint32_t>(replica);
    blocks.replica1[i] = static_cast<std::uint32_t>(replica >> 32);
  }
  auto block = static_cast<std::uint32_t>(first / 2);
  for (std::size_t done = 0; done < out.size; done += 2 * kBlocks, block += kBlocks) {
    drawReplicaBlocks(blocks, block, key);
    for (std::size_t i = 0; i < std::min(2 * kBlocks, out.size - done); i++) {
      std::memcpy(&out[done + i], blocks.normals[i % 2] + kReplicaLanes * (i / 2), sizeof(Pack));
    }
  }
}

void fillNormals(Span<double> out, StreamKey key, double scale, std::uint64_t first) {
  Lanes lanes;
  auto block = static_cast<std::uint32_t>(first / 2);
  for (std::size_t done = 0; done < out.size; done += 2 * kLanes, block += kLanes) {
    drawLanes(lanes, block, key, scale);
    std::copy_n(lanes.normals, std::min(2 * kLanes, out.size - done), out.data + done);
  }
}

}  // namespace deepntk
