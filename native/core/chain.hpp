// The scalar chain: replicas of the kernel of one input, O(1) work a layer. What it computes is told in
// src/sampling/one-input/chain-plan.ts; the twin is src/backend/typescript/chain.ts, to the last bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "run.hpp"

namespace deepntk {

// The fields are those of `ChainPlan` in src/backend/seam.ts, and so are their lengths; a plan owns its
// arrays.
struct PathTables {
  std::size_t states = 0;
  std::vector<double> top;
  std::vector<std::uint8_t> topState, topDof;
  std::vector<std::int32_t> start;
  std::vector<double> cumulative;
  std::vector<std::uint8_t> source, law;
};

struct ScaledNumber {
  double value = 0;
  std::int64_t exponent = 0;
};

struct ChainMixture {
  double shares[3] = {1, 0, 0};
  ScaledNumber inverseMean, inverseSecondMoment;
  PathTables first, second;
};

struct ChainPlan {
  std::size_t depth = 0;
  double inputNorm2 = 0, biasVariance = 0;
  std::vector<double> weightScale, weightTerms, biasTerms, signalScale, noiseScale;
  std::size_t rescaleEvery = 1;
  std::vector<std::int32_t> widthClass;
  std::vector<std::int32_t> gateBits, gateLow, gateStart;
  std::vector<double> gateKeep;
  std::vector<std::int32_t> gateOther;
  bool tilted = false;
  ChainMixture mixture;

  // Null where every index that the plan holds stays within its arrays, else what does not.
  const char* fault() const;
};

// Position i belongs to replica first + i.
struct ChainReplicas {
  double* thetas;
  std::int32_t* exponents;
  double* weights;
  std::int32_t* weightExponents;
  unsigned char* parts;
};

void sampleChain(Run& run, std::size_t threads, const ChainPlan& plan, std::uint64_t seed,
                 std::uint64_t first, std::size_t count, const ChainReplicas& out);

}  // namespace deepntk
