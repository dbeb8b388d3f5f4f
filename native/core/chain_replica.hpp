// The scalar chain of one replica: what the vector code of chain.cpp and the CUDA kernel (cuda/chain.hpp)
// share.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "chain.hpp"
#include "chi_square.hpp"
#include "powers.hpp"
#include "streams.hpp"

namespace deepntk {

constexpr std::size_t kChainLaws = 6;

// PathTables and ChainPlan, by pointers to their arrays.
struct PathView {
  std::size_t states, ends, options;
  const double* top;
  const std::uint8_t *topState, *topDof;
  const std::int32_t* start;
  const double* cumulative;
  const std::uint8_t *source, *law;
};

struct ChainView {
  std::size_t depth;
  double inputNorm2, biasVariance;
  const double *weightScale, *weightTerms, *biasTerms, *signalScale, *noiseScale;
  std::size_t rescaleEvery;
  const std::int32_t *widthClass, *gateBits, *gateLow, *gateStart;
  const double* gateKeep;
  const std::int32_t* gateOther;
  bool tilted;
  double shares[3];
  ScaledNumber inverseMean, inverseSecondMoment;
  PathView paths[2];
};

// `keep` takes an array of the plan and returns the pointer that the view has for it.
template <typename Keep>
PathView viewOf(const PathTables& paths, const Keep& keep) {
  return {paths.states,         paths.top.size(),   paths.cumulative.size(), keep(paths.top),
          keep(paths.topState), keep(paths.topDof), keep(paths.start),       keep(paths.cumulative),
          keep(paths.source),   keep(paths.law)};
}

template <typename Keep>
ChainView viewOf(const ChainPlan& plan, const Keep& keep) {
  const ChainMixture& mixture = plan.mixture;
  return {plan.depth,
          plan.inputNorm2,
          plan.biasVariance,
          keep(plan.weightScale),
          keep(plan.weightTerms),
          keep(plan.biasTerms),
          keep(plan.signalScale),
          keep(plan.noiseScale),
          plan.rescaleEvery,
          keep(plan.widthClass),
          keep(plan.gateBits),
          keep(plan.gateLow),
          keep(plan.gateStart),
          keep(plan.gateKeep),
          keep(plan.gateOther),
          plan.tilted,
          {mixture.shares[0], mixture.shares[1], mixture.shares[2]},
          mixture.inverseMean,
          mixture.inverseSecondMoment,
          {viewOf(mixture.first, keep), viewOf(mixture.second, keep)}};
}

// Numbers of every layer from the way up, and the law of each layer, at position lanes * layer + lane.
struct ChainRecords {
  std::size_t lanes;
  std::uint8_t* law;
  double *noise, *across, *up, *down;
  std::int64_t* exponents;
};

// The first index in `from` .. `to` - 1 whose entry exceeds u. It is the last index if rounding leaves none.
DEEPNTK_PORTABLE inline std::size_t firstAbove(const double* cumulative, std::size_t from, std::size_t to,
                                               double u) {
  while (from + 1 < to && u >= cumulative[from]) from++;
  return from;
}

// The part of the mixture that a replica belongs to. For parts 1 and 2, `end` is an index into the ends of
// plan.paths[part - 1].
DEEPNTK_PORTABLE inline std::uint8_t choosePart(const ChainView& plan, LayerStream at, std::size_t& end) {
  at.stream = streamOf(kChainPathPurpose, 0);
  const PhiloxBlock choice = at.block(0);
  const double u = uniform(choice.words[0], choice.words[1]);
  if (u < plan.shares[0]) return 0;
  const std::uint8_t part = u < plan.shares[0] + plan.shares[1] ? 1 : 2;
  const PathView& paths = plan.paths[part - 1];
  end = firstAbove(paths.top, 0, paths.ends, uniform(choice.words[2], choice.words[3]));
  return part;
}

// The degrees of freedom that a law adds to a layer's two chi-squares.
DEEPNTK_PORTABLE inline int addedUp(std::size_t law) {
  const int added[kChainLaws] = {0, 2, 4, 0, 0, 2};
  return added[law];
}
DEEPNTK_PORTABLE inline int addedDown(std::size_t law) {
  const int added[kChainLaws] = {0, 0, 0, 2, 4, 2};
  return added[law];
}

// A table from which the number of a layer's active units is drawn.
struct GateTable {
  std::int32_t bits, low, start;
};

// `word2` and `word3` are words of a block of the layer.
DEEPNTK_PORTABLE inline std::int32_t activeUnits(const GateTable& table, const double* keep,
                                                 const std::int32_t* other, std::uint32_t word2,
                                                 std::uint32_t word3) {
  const auto row = static_cast<std::int32_t>(word2 >> (32 - table.bits));
  const double u = uniform(word3, word2 << table.bits);
  const std::int32_t at = table.start + row;
  return u < keep[at] ? row + table.low : other[at];
}

// The factors of one layer's step.
struct ChainStep {
  double scale, weightTerm, biasTerm, signalScale, noiseScale, biasVariance;
};

DEEPNTK_PORTABLE inline ChainStep stepOf(const ChainView& plan, std::size_t layer) {
  const std::size_t above = layer + 1;
  return {plan.weightScale[above], plan.weightTerms[above], plan.biasTerms[above],
          plan.signalScale[above], plan.noiseScale[above],  plan.biasVariance};
}

// From one layer to the next. `up` and `down` are the layer's chi-squares.
DEEPNTK_PORTABLE inline void climbLayer(const ChainStep& step, double up, double down, double unit,
                                        double& signal, double& across, double& along, double& own) {
  const double activation = signal * up;
  const double sum = across + along * up;
  signal = step.scale * activation + step.biasVariance * unit;
  const double term = step.weightTerm * activation + step.biasTerm * unit;
  own = step.scale * (down * own) + term;
  across = step.scale * (down * across) + term + step.noiseScale * sum;
  along = step.signalScale * sum;
}

// Brings the numbers to near 1; the true ones are these times 2^exponent.
DEEPNTK_PORTABLE inline void rescale(double& signal, double& across, double& along, double& own, double& unit,
                                     std::int64_t& exponent) {
  const double larger = across < along ? along : across;
  const std::int64_t shift = binaryExponent(signal < larger ? larger : signal);
  const double factor = powerOfTwo(-shift);
  signal *= factor;
  across *= factor;
  along *= factor;
  own *= factor;
  exponent += shift;
  unit = powerOfTwo(-exponent);
}

// A replica at its output.
struct ChainEnd {
  std::size_t lane;  // in the records
  LayerStream at;
  double across, along, own, square;
  std::int64_t exponent;
  bool dead;
  std::uint8_t part;
};

// From the output to the input, where there are biases: Theta = A_{L+1} + sum_l c_l^2 A_l.
DEEPNTK_PORTABLE inline double descend(const ChainView& plan, const ChainRecords& records,
                                       const ChainEnd& end) {
  LayerStream stream = end.at;
  double sum = end.own;
  double along = std::sqrt(end.square);
  double norm2 = 1;
  std::int64_t shift = 0;  // the numbers stand for themselves times 2^shift, their squares for 2^(2 shift)
  double factor = 1;
  for (std::size_t layer = plan.depth; layer >= 1; layer--) {
    const double scale = plan.weightScale[layer + 1];
    const std::size_t at = records.lanes * layer + end.lane, above = at + records.lanes;
    if (records.up[at] == 0) {
      along = 0;
      norm2 = 0;
    } else {
      if (layer == plan.depth) {
        along *= std::sqrt(scale);
      } else {
        stream.stream = streamOf(kChainNoisePurpose, layer);
        double normals[2];
        boxMuller(stream.block(0), normals);
        const double share = records.noise[above];
        along = std::sqrt(scale * ((1 - share) * records.up[above])) * along +
                std::sqrt(scale * (share * norm2)) * normals[0];
      }
      norm2 = along * along + scale * (norm2 * records.down[at]);
    }
    if (layer == plan.depth || layer % plan.rescaleEvery == 0) {
      const std::int64_t by = binaryExponent(norm2) >> 1;
      shift += by;
      along *= powerOfTwo(-by);
      norm2 *= powerOfTwo(-2 * by);
      factor = powerOfTwo(2 * shift + records.exponents[at] - end.exponent);
    }
    sum += along * along * records.across[at] * factor;
  }
  return sum;
}

// 1 / q, times 2^-exponent, where q is the density of the mixture against the law of the chain. Each of q's
// terms may be out of the range of doubles, so they are brought to the largest one's exponent.
DEEPNTK_PORTABLE inline double weigh(const ChainView& plan, const ChainEnd& end, std::int32_t& exponent) {
  const double weigher = end.across + end.square * end.along;
  const std::int64_t by = binaryExponent(weigher);
  const double significand = weigher * powerOfTwo(-by);
  const std::int64_t firstExponent = end.exponent + by + plan.inverseMean.exponent;
  const std::int64_t secondExponent = 2 * (end.exponent + by) + plan.inverseSecondMoment.exponent;
  const std::int64_t higher = firstExponent < secondExponent ? secondExponent : firstExponent;
  const std::int64_t top = higher < 0 ? 0 : higher;
  const double first = significand * plan.inverseMean.value * powerOfTwo(firstExponent - top);
  const double second =
      significand * significand * plan.inverseSecondMoment.value * powerOfTwo(secondExponent - top);
  exponent = static_cast<std::int32_t>(-top);
  return 1 / (plan.shares[0] * powerOfTwo(-top) + (plan.shares[1] * first + plan.shares[2] * second));
}

// Writes a replica to position i.
DEEPNTK_PORTABLE inline void write(const ChainView& plan, const ChainRecords& records, const ChainEnd& end,
                                   const ChainReplicas& out, std::size_t i) {
  if (plan.biasVariance > 0) {
    out.thetas[i] = descend(plan, records, end);
  } else if (end.dead) {
    out.thetas[i] = plan.biasTerms[plan.depth + 1] * powerOfTwo(-end.exponent);
  } else {
    out.thetas[i] = end.across + end.square * end.along;
  }
  out.exponents[i] = static_cast<std::int32_t>(end.exponent);
  out.weights[i] = 1;
  out.weightExponents[i] = 0;
  if (plan.tilted) out.weights[i] = weigh(plan, end, out.weightExponents[i]);
  out.parts[i] = end.part;
}

}  // namespace deepntk
