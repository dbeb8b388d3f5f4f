// The scalar chain on a device, with one thread for each replica. It gives the same bits as
// native/core/chain.cpp, because it has the same operations in the same order, without fused multiply-adds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../core/chain_replica.hpp"
#include "device.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// Samples replica first + lane.
struct SampleReplica {
  ChainView plan;
  ChainRecords records;
  std::uint64_t seed, first;
  ChainReplicas out;

  // The numbers of a replica at one layer.
  struct State : ChainEnd {
    double signal, unit;
    std::uint8_t squareDof;
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
    write(plan, records, state, out, lane);
  }

 private:
  DEEPNTK_PORTABLE std::uint8_t& lawOf(const State& state, std::size_t layer) const {
    return records.law[records.lanes * layer + state.lane];
  }

  // Chooses the part of the mixture, the laws of the layers, and the degrees of freedom of the square of the
  // output.
  DEEPNTK_PORTABLE void choosePath(State& state) const {
    std::size_t end = 0;
    state.part = choosePart(plan, state.at, end);
    if (state.part == 0) {
      for (std::size_t layer = 1; layer <= plan.depth; layer++) lawOf(state, layer) = 0;
      return;
    }
    const PathView& tables = plan.paths[state.part - 1];
    LayerStream at = state.at;
    at.stream = streamOf(kChainPathPurpose, 0);
    std::size_t walker = tables.topState[end];
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
    state.squareDof = tables.topDof[end];
  }

  DEEPNTK_PORTABLE static double chiSquareOf(double dof, double normal, std::uint32_t word,
                                             const LayerStream& at, int which) {
    bool settled;
    const double value = quickChiSquare(dof, normal, word, settled);
    return settled ? value : chiSquare(dof, at, which);
  }

  DEEPNTK_PORTABLE void climb(State& s) const {
    const bool record = plan.biasVariance > 0;
    s.signal = plan.weightScale[1] * plan.inputNorm2 + plan.biasVariance;
    s.across = plan.weightTerms[1] * plan.inputNorm2 + plan.biasTerms[1];
    s.own = s.across;
    s.along = 0;
    s.unit = 1;
    double normals[2];
    for (std::size_t layer = 1; layer <= plan.depth; layer++) {
      s.at.stream = streamOf(kChainPurpose, layer);
      boxMuller(s.at.block(0), normals);
      const PhiloxBlock words = s.at.block(1);
      const std::size_t law = plan.tilted ? lawOf(s, layer) : 0;
      const std::size_t table = kChainLaws * static_cast<std::size_t>(plan.widthClass[layer]) + law;
      const std::int32_t active =
          activeUnits({plan.gateBits[table], plan.gateLow[table], plan.gateStart[table]}, plan.gateKeep,
                      plan.gateOther, words.words[2], words.words[3]);
      s.dead = s.dead || active == 0;
      const double dofUp = active + addedUp(law), dofDown = (active < 1 ? 0 : active - 1) + addedDown(law);
      const double up = chiSquareOf(dofUp, normals[0], words.words[0], s.at, 0);
      const double down = chiSquareOf(dofDown, normals[1], words.words[1], s.at, 1);
      if (record) {
        const std::size_t at = records.lanes * layer + s.lane;
        records.across[at] = s.own;
        records.up[at] = up;
        records.down[at] = down;
        records.exponents[at] = s.exponent;
      }
      const double unit = s.unit;
      climbLayer(stepOf(plan, layer), up, down, unit, s.signal, s.across, s.along, s.own);
      if (record) records.noise[records.lanes * (layer + 1) + s.lane] = (plan.biasVariance * unit) / s.signal;
      if (layer % plan.rescaleEvery == 0) rescale(s.signal, s.across, s.along, s.own, s.unit, s.exponent);
    }
    s.at.stream = streamOf(kChainPurpose, plan.depth + 1);
    boxMuller(s.at.block(0), normals);
    s.square = chiSquareOf(s.squareDof, normals[0], s.at.block(1).words[0], s.at, 0);
  }
};

// A plan's arrays on the device.
template <typename Device>
class ResidentPlan {
 public:
  ResidentPlan(Device& device, const ChainPlan& plan) : device_(device) {
    view_ = viewOf(plan, [this](const auto& array) { return keep(array); });
  }

  const ChainView& view() const { return view_; }

 private:
  const double* keep(const std::vector<double>& values) { return keep(doubles_, values); }
  const std::int32_t* keep(const std::vector<std::int32_t>& values) { return keep(integers_, values); }
  const std::uint8_t* keep(const std::vector<std::uint8_t>& values) { return keep(bytes_, values); }

  template <typename T>
  const T* keep(std::vector<DeviceArray<Device, T>>& arrays, const std::vector<T>& values) {
    arrays.emplace_back(device_, values);
    return arrays.back().data();
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

// At most `mostLanes` replicas are computed at once, or fewer if the memory requires it.
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
