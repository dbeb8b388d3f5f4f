// Many Philox blocks at once, and the numbers that they give. Every target gives the same bits, because the
// arithmetic is +, -, *, / and sqrt (box_muller.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace deepntk {

constexpr std::size_t kPhiloxStep = 8;  // `count` below is a multiple of it

// The counters (block[i], stream, replica0[i], replica1[i]) under one key.
struct PhiloxCounters {
  const std::uint32_t* block;
  std::uint32_t stream;
  const std::uint32_t *replica0, *replica1;
  std::uint32_t key0, key1;
};

// words[w][i] is word w of block i.
void drawWords(const PhiloxCounters& counters, std::size_t count, std::uint32_t* const (&words)[4]);

// uniforms[0][i] is uniform(word 0, word 1) of block i, and uniforms[1][i] is uniform(word 2, word 3)
// (box_muller.hpp).
void drawUniforms(const PhiloxCounters& counters, std::size_t count, double* const (&uniforms)[2]);

// normals[0][i] and normals[1][i] are the two standard normal numbers that boxMuller makes of block i.
void drawNormals(const PhiloxCounters& counters, std::size_t count, double* const (&normals)[2]);

}  // namespace deepntk
