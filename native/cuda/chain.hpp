// The scalar chain on a device, one thread a replica; the counterpart of native/core/chain.*, to the last
// bit: the same operations in the same order, nothing contracted into fused multiply-adds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../core/chain.hpp"
#include "../core/chain_streams.hpp"
#include "../core/chi_square.hpp"
#include "../core/powers.hpp"
#include "device.hpp"
#include "results.hpp"

namespace deepntk::cuda {

constexpr std::size_t kChainLaws = 6;

// The tables of a PathTables and of a ChainPlan, by their pointers.
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
  PathView first, second;
};

// Numbers of every layer from the way up, and the law of each layer: position lanes * l + lane.
struct ChainRecords {
  std::size_t lanes;
  std::uint8_t* law;
  double *noise, *across, *up, *down;
  std::int64_t* exponents;
};

// Replica first + lane, from the input to the output and, where there are biases, back.
struct SampleReplica {
  ChainView plan;
  ChainRecords records;
  std::uint64_t seed, first;
  ChainReplicas out;

  // What a replica carries from layer to layer.
  struct State {
    std::size_t lane;
    LayerStream at;
    double signal, across, along, own, unit, square;
    std::int64_t exponent;
    bool dead;
    std::uint8_t part, squareDof;
  };

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t lane) const {
    const std::uint64_t replica = first + lane;
    State state{};
    state.lane = lane;
    state.at = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                static_cast<std::uint32_t>(replica), static_cast<std::uint32_t>(replica >> 32), 0};
    state.squareDof = 1;
    if (plan.tilted) choosePath(state);
    climb(state);
    if (plan.biasVariance > 0) {
      out.thetas[lane] = descend(state);
    } else if (state.dead) {
      out.thetas[lane] = plan.biasTerms[plan.depth + 1] * powerOfTwo(-state.exponent);
    } else {
      out.thetas[lane] = state.across + state.square * state.along;
    }
    out.exponents[lane] = static_cast<std::int32_t>(state.exponent);
    out.weights[lane] = 1;
    out.weightExponents[lane] = 0;
    if (plan.tilted) out.weights[lane] = weigh(state, out.weightExponents[lane]);
    out.parts[lane] = state.part;
  }

 private:
  DEEPNTK_PORTABLE std::uint8_t& lawOf(const State& state, std::size_t layer) const {
    return records.law[records.lanes * layer + state.lane];
  }

  DEEPNTK_PORTABLE static std::size_t firstAbove(const double* cumulative, std::size_t from, std::size_t to,
                                                 double u) {
    while (from + 1 < to && u >= cumulative[from]) from++;
    return from;
  }

  // The part of the mixture, the law of every layer, and the degrees of freedom of the output's square.
  DEEPNTK_PORTABLE void choosePath(State& state) const {
    LayerStream at = state.at;
    at.stream = streamOf(kChainPathPurpose, 0);
    const PhiloxBlock choice = at.block(0);
    const double u = uniform(choice.words[0], choice.words[1]);
    state.part = u < plan.shares[0] ? 0 : u < plan.shares[0] + plan.shares[1] ? 1 : 2;
    if (state.part == 0) {
      for (std::size_t layer = 1; layer <= plan.depth; layer++) lawOf(state, layer) = 0;
      return;
    }
    const PathView& tables = state.part == 1 ? plan.first : plan.second;
    const std::size_t top = firstAbove(tables.top, 0, tables.ends, uniform(choice.words[2], choice.words[3]));
    std::size_t walker = tables.topState[top];
    PhiloxBlock block{};
    for (std::size_t layer = plan.depth; layer >= 1; layer--) {
      // Two layers share a block.
      if (layer == plan.depth || layer % 2 == 1) block = at.block(static_cast<std::uint32_t>(1 + layer / 2));
      const double v =
          layer % 2 == 0 ? uniform(block.words[0], block.words[1]) : uniform(block.words[2], block.words[3]);
      const std::size_t row = tables.states * layer + walker;
      const std::size_t found = firstAbove(tables.cumulative, static_cast<std::size_t>(tables.start[row]),
                                           static_cast<std::size_t>(tables.start[row + 1]), v);
      const std::size_t option = found < tables.options - 1 ? found : tables.options - 1;
      lawOf(state, layer) = tables.law[option];
      walker = tables.source[option];
    }
    state.squareDof = tables.topDof[top];
  }

  // A number of active units, by words 2 and 3 of a block.
  DEEPNTK_PORTABLE std::int32_t drawActive(std::size_t layer, std::size_t law,
                                           const PhiloxBlock& block) const {
    const std::size_t table = kChainLaws * static_cast<std::size_t>(plan.widthClass[layer]) + law;
    const auto row = static_cast<std::int32_t>(block.words[2] >> (32 - plan.gateBits[table]));
    const double u = uniform(block.words[3], block.words[2] << plan.gateBits[table]);
    const std::int32_t at = plan.gateStart[table] + row;
    return u < plan.gateKeep[at] ? row + plan.gateLow[table] : plan.gateOther[at];
  }

  DEEPNTK_PORTABLE static double chiSquareOf(double dof, double normal, std::uint32_t word,
                                             const LayerStream& at, int which) {
    bool settled;
    const double value = quickChiSquare(dof, normal, word, settled);
    return settled ? value : chiSquare(dof, at, which);
  }

  DEEPNTK_PORTABLE void climb(State& s) const {
    const int ups[kChainLaws] = {0, 1, 2, 0, 0, 1}, downs[kChainLaws] = {0, 0, 0, 1, 2, 1};
    const bool record = plan.biasVariance > 0;
    s.signal = plan.weightScale[1] * plan.inputNorm2 + plan.biasVariance;
    s.across = plan.weightTerms[1] * plan.inputNorm2 + plan.biasTerms[1];
    s.own = s.across;
    s.along = 0;
    s.unit = 1;
    double normals[2];
    for (std::size_t layer = 1; layer <= plan.depth; layer++) {
      s.at.stream = streamOf(kChainPurpose, layer);
      const PhiloxBlock words = drawNormals(s.at, normals);
      const std::size_t law = plan.tilted ? lawOf(s, layer) : 0;
      const std::int32_t active = drawActive(layer, law, words);
      s.dead = s.dead || active == 0;
      const double dofUp = active + 2 * ups[law], dofDown = (active < 1 ? 0 : active - 1) + 2 * downs[law];
      const double up = chiSquareOf(dofUp, normals[0], words.words[0], s.at, 0);
      const double down = chiSquareOf(dofDown, normals[1], words.words[1], s.at, 1);
      if (record) {
        const std::size_t at = records.lanes * layer + s.lane;
        records.across[at] = s.own;
        records.up[at] = up;
        records.down[at] = down;
        records.exponents[at] = s.exponent;
      }
      const double scale = plan.weightScale[layer + 1];
      const double activation = s.signal * up;
      const double sum = s.across + s.along * up;
      s.signal = scale * activation + plan.biasVariance * s.unit;
      const double term = plan.weightTerms[layer + 1] * activation + plan.biasTerms[layer + 1] * s.unit;
      s.own = scale * (down * s.own) + term;
      s.across = scale * (down * s.across) + term + plan.noiseScale[layer + 1] * sum;
      s.along = plan.signalScale[layer + 1] * sum;
      if (record)
        records.noise[records.lanes * (layer + 1) + s.lane] = (plan.biasVariance * s.unit) / s.signal;
      if (layer % plan.rescaleEvery == 0) rescale(s);
    }
    s.at.stream = streamOf(kChainPurpose, plan.depth + 1);
    const PhiloxBlock words = drawNormals(s.at, normals);
    s.square = chiSquareOf(s.squareDof, normals[0], words.words[0], s.at, 0);
  }

  // Two normals from block 0 of a layer's stream; returns block 1.
  DEEPNTK_PORTABLE static PhiloxBlock drawNormals(const LayerStream& at, double* normals) {
    const PhiloxBlock block = at.block(0);
    boxMuller(uniform(block.words[0], block.words[1]), uniform(block.words[2], block.words[3]), normals[0],
              normals[1]);
    return at.block(1);
  }

  DEEPNTK_PORTABLE static double larger(double a, double b) { return a < b ? b : a; }

  DEEPNTK_PORTABLE static void rescale(State& s) {
    const std::int64_t shift = binaryExponent(larger(s.signal, larger(s.across, s.along)));
    const double factor = powerOfTwo(-shift);
    s.signal *= factor;
    s.across *= factor;
    s.along *= factor;
    s.own *= factor;
    s.exponent += shift;
    s.unit = powerOfTwo(-s.exponent);
  }

  // Theta = A_{L+1} + sum_l c_l^2 A_l.
  DEEPNTK_PORTABLE double descend(State& s) const {
    double sum = s.own;
    double along = std::sqrt(s.square);
    double norm2 = 1;
    std::int64_t shift = 0;  // the numbers stand for themselves times 2^shift, their squares for 2^(2 shift)
    double factor = 1;
    for (std::size_t layer = plan.depth; layer >= 1; layer--) {
      const double scale = plan.weightScale[layer + 1];
      const std::size_t at = records.lanes * layer + s.lane, above = at + records.lanes;
      if (records.up[at] == 0) {
        along = 0;
        norm2 = 0;
      } else {
        if (layer == plan.depth) {
          along *= std::sqrt(scale);
        } else {
          s.at.stream = streamOf(kChainNoisePurpose, layer);
          const PhiloxBlock block = s.at.block(0);
          double normal, unused;
          boxMuller(uniform(block.words[0], block.words[1]), uniform(block.words[2], block.words[3]), normal,
                    unused);
          const double share = records.noise[above];
          along = std::sqrt(scale * ((1 - share) * records.up[above])) * along +
                  std::sqrt(scale * (share * norm2)) * normal;
        }
        norm2 = along * along + scale * (norm2 * records.down[at]);
      }
      if (layer == plan.depth || layer % plan.rescaleEvery == 0) {
        const std::int64_t by = binaryExponent(norm2) >> 1;
        shift += by;
        along *= powerOfTwo(-by);
        norm2 *= powerOfTwo(-2 * by);
        factor = powerOfTwo(2 * shift + records.exponents[at] - s.exponent);
      }
      sum += along * along * records.across[at] * factor;
    }
    return sum;
  }

  // 1 / q, times 2^-exponent.
  DEEPNTK_PORTABLE double weigh(const State& s, std::int32_t& exponent) const {
    const double weigher = s.across + s.square * s.along;
    const std::int64_t by = binaryExponent(weigher);
    const double significand = weigher * powerOfTwo(-by);
    const std::int64_t firstExponent = s.exponent + by + plan.inverseMean.exponent;
    const std::int64_t secondExponent = 2 * (s.exponent + by) + plan.inverseSecondMoment.exponent;
    const std::int64_t higher = firstExponent < secondExponent ? secondExponent : firstExponent;
    const std::int64_t top = higher < 0 ? 0 : higher;
    const double one = significand * plan.inverseMean.value * powerOfTwo(firstExponent - top);
    const double two =
        significand * significand * plan.inverseSecondMoment.value * powerOfTwo(secondExponent - top);
    exponent = static_cast<std::int32_t>(-top);
    return 1 / (plan.shares[0] * powerOfTwo(-top) + (plan.shares[1] * one + plan.shares[2] * two));
  }
};

// A plan's arrays on the device.
template <typename Device>
class ResidentPlan {
 public:
  ResidentPlan(Device& device, const ChainPlan& plan) : device_(device) {
    view_ = {plan.depth,
             plan.inputNorm2,
             plan.biasVariance,
             keep(doubles_, plan.weightScale),
             keep(doubles_, plan.weightTerms),
             keep(doubles_, plan.biasTerms),
             keep(doubles_, plan.signalScale),
             keep(doubles_, plan.noiseScale),
             plan.rescaleEvery,
             keep(integers_, plan.widthClass),
             keep(integers_, plan.gateBits),
             keep(integers_, plan.gateLow),
             keep(integers_, plan.gateStart),
             keep(doubles_, plan.gateKeep),
             keep(integers_, plan.gateOther),
             plan.tilted,
             {plan.mixture.shares[0], plan.mixture.shares[1], plan.mixture.shares[2]},
             plan.mixture.inverseMean,
             plan.mixture.inverseSecondMoment,
             keepPaths(plan.mixture.first),
             keepPaths(plan.mixture.second)};
  }

  const ChainView& view() const { return view_; }

 private:
  template <typename T>
  const T* keep(std::vector<DeviceArray<Device, T>>& arrays, const std::vector<T>& values) {
    arrays.emplace_back(device_, values);
    return arrays.back().data();
  }
  PathView keepPaths(const PathTables& paths) {
    return {paths.states,
            paths.top.size(),
            paths.cumulative.size(),
            keep(doubles_, paths.top),
            keep(bytes_, paths.topState),
            keep(bytes_, paths.topDof),
            keep(integers_, paths.start),
            keep(doubles_, paths.cumulative),
            keep(bytes_, paths.source),
            keep(bytes_, paths.law)};
  }

  Device& device_;
  std::vector<DeviceArray<Device, double>> doubles_;
  std::vector<DeviceArray<Device, std::int32_t>> integers_;
  std::vector<DeviceArray<Device, std::uint8_t>> bytes_;
  ChainView view_{};
};

// The records of a batch of replicas, as far as the plan asks for them.
template <typename Device>
class BatchRecords {
 public:
  BatchRecords(Device& device, const ChainPlan& plan, std::size_t lanes)
      : lanes_(lanes), law_(device, plan.tilted ? (plan.depth + 1) * lanes : 0) {
    if (plan.biasVariance == 0) return;
    const std::size_t size = (plan.depth + 2) * lanes;
    for (auto& array : numbers_) array = DeviceArray<Device, double>(device, size);
    exponents_ = DeviceArray<Device, std::int64_t>(device, size);
  }

  ChainRecords view() const {
    return {lanes_,
            law_.data(),
            numbers_[0].data(),
            numbers_[1].data(),
            numbers_[2].data(),
            numbers_[3].data(),
            exponents_.data()};
  }

 private:
  std::size_t lanes_;
  DeviceArray<Device, std::uint8_t> law_;
  DeviceArray<Device, double> numbers_[4];
  DeviceArray<Device, std::int64_t> exponents_;
};

// `mostLanes`: replicas that are under way at once, where memory allows.
template <typename Device>
void sampleChain(Run& run, Device& device, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first,
                 std::size_t count, const ChainReplicas& out, std::size_t mostLanes = std::size_t{1} << 20) {
  // Operations of one layer of one replica, roughly: two blocks of Philox, a logarithm, a sine, two cube
  // roots.
  constexpr double kFlopsPerLayer = 400;
  run.expect(kFlopsPerLayer * (plan.depth + 1) * count);
  const ResidentPlan<Device> resident(device, plan);
  const double perLane = 3 * (8 + 4 + 8 + 4 + 1) + (plan.tilted ? plan.depth + 1.0 : 0.0) +
                         (plan.biasVariance == 0 ? 0.0 : 40.0 * (plan.depth + 2));
  const double fitting = 0.8 * static_cast<double>(device.freeMemory()) / perLane;
  const auto lanes = static_cast<std::size_t>(
      std::clamp(fitting, 1.0, static_cast<double>(std::min(count, std::max<std::size_t>(mostLanes, 1)))));
  const BatchRecords<Device> records(device, plan, lanes);
  Results<Device> results(device, 10);  // two batches of five arrays
  for (std::size_t begin = 0; begin < count; begin += lanes) {
    const std::size_t size = std::min(lanes, count - begin);
    DeviceArray<Device, double> thetas(device, size), weights(device, size);
    DeviceArray<Device, std::int32_t> exponents(device, size), weightExponents(device, size);
    DeviceArray<Device, std::uint8_t> parts(device, size);
    device.forEach(1, size,
                   SampleReplica{resident.view(),
                                 records.view(),
                                 seed,
                                 first + begin,
                                 {thetas.data(), exponents.data(), weights.data(), weightExponents.data(),
                                  parts.data()}});
    results.send(std::move(thetas), out.thetas + begin, 1, size, size);
    results.send(std::move(exponents), out.exponents + begin, 1, size, size);
    results.send(std::move(weights), out.weights + begin, 1, size, size);
    results.send(std::move(weightExponents), out.weightExponents + begin, 1, size, size);
    results.send(std::move(parts), out.parts + begin, 1, size, size);
    device.pace(run, kFlopsPerLayer * (plan.depth + 1) * size);
  }
  results.finish();
}

}  // namespace deepntk::cuda
