// Every target gives the same bits: the arithmetic is +, -, *, / and sqrt, compiled without contraction into
// fused multiply-adds (-ffp-contract=off). kAbreast replicas go through the layers together, one in each
// lane. Rare cases (rejected attempts) are handled one lane at a time, after the loop that finds them.
#include "chain.hpp"

#include <algorithm>
#include <memory>

#include "buffer.hpp"
#include "chain_replica.hpp"
#include "philox_lanes.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kAbreast = 64;

// Each array has one entry for each lane. Loops run over all lanes, including those beyond the last replica.
struct Lanes {
  alignas(64) std::uint32_t block[kAbreast], replica0[kAbreast], replica1[kAbreast];
  alignas(64) std::uint32_t words[4][kAbreast];
  alignas(64) double normals[2][kAbreast];
  alignas(64) double dof[2][kAbreast];
  alignas(64) double chi[2][kAbreast];
  alignas(64) double signal[kAbreast], across[kAbreast], along[kAbreast], own[kAbreast], unit[kAbreast],
      square[kAbreast];
  alignas(64) std::int64_t exponent[kAbreast];
  alignas(64) std::uint8_t open[2][kAbreast], dead[kAbreast];
  std::uint8_t part[kAbreast];
  std::uint8_t squareDof[kAbreast];
};

// Owns the arrays of ChainRecords.
struct Records {
  Buffer<std::uint8_t> law;
  Buffer<double> noise, across, up, down;
  Buffer<std::int64_t> exponents;

  explicit Records(const ChainPlan& plan) : law(plan.tilted ? (plan.depth + 1) * kAbreast : 0) {
    if (plan.biasVariance == 0) return;
    const std::size_t size = (plan.depth + 2) * kAbreast;
    noise = Buffer<double>(size);
    across = Buffer<double>(size);
    up = Buffer<double>(size);
    down = Buffer<double>(size);
    exponents = Buffer<std::int64_t>(size);
  }

  ChainRecords view() const {
    return {kAbreast, law.data(), noise.data(), across.data(), up.data(), down.data(), exponents.data()};
  }
};

// The replicas that belong to one part of the mixture. Position k belongs to lane lane[k]. Loops run over
// whole steps of Philox, including positions beyond the last replica.
struct Paths {
  std::size_t count = 0;
  std::uint8_t lane[kAbreast];
  alignas(64) std::uint32_t block[kAbreast], replica0[kAbreast], replica1[kAbreast];
  alignas(64) double uniforms[2][kAbreast];
  alignas(64) std::int32_t state[kAbreast], option[kAbreast], last[kAbreast];

  std::size_t padded() const { return (count + kPhiloxStep - 1) / kPhiloxStep * kPhiloxStep; }

  void add(const Lanes& lanes, std::size_t of) {
    lane[count] = static_cast<std::uint8_t>(of);
    replica0[count] = lanes.replica0[of];
    replica1[count] = lanes.replica1[of];
    count++;
  }

  void pad() {
    for (std::size_t k = count; k < padded(); k++) {
      replica0[k] = replica0[0];
      replica1[k] = replica1[0];
      state[k] = state[0];
    }
  }
};

}  // namespace

}  // namespace deepntk

#define DEEPNTK_LOOPS "../chain_loops.hpp"
#include "simd/for_each_target.hpp"

namespace deepntk {

namespace {

void drawGates(const ChainView& plan, Lanes& lanes, std::size_t layer, const std::uint8_t* law) {
  DEEPNTK_DISPATCH(drawGates(plan, lanes, layer, law))
}

void tryLanes(Lanes& lanes, int which) {
  DEEPNTK_DISPATCH(tryLanes(lanes, which))
}

void stepUp(const ChainView& plan, Lanes& lanes, std::size_t layer) {
  DEEPNTK_DISPATCH(stepUp(plan, lanes, layer))
}

void chooseOptions(const PathView& tables, std::size_t layer, const double* uniforms, Paths& paths) {
  DEEPNTK_DISPATCH(chooseOptions(tables, layer, uniforms, paths))
}

struct Key {
  std::uint32_t key0, key1;
};

PhiloxCounters countersOf(const Lanes& lanes, Key key, std::uint32_t stream) {
  return {lanes.block, stream, lanes.replica0, lanes.replica1, key.key0, key.key1};
}

LayerStream streamAt(const Lanes& lanes, Key key, std::size_t lane) {
  return {key.key0, key.key1, lanes.replica0[lane], lanes.replica1[lane], 0};
}

// Draws two normals from block 0, and the words of block 1.
void drawLayer(Lanes& lanes, Key key, std::uint32_t stream) {
  std::fill_n(lanes.block, kAbreast, 0u);
  drawNormals(countersOf(lanes, key, stream), kAbreast, {lanes.normals[0], lanes.normals[1]});
  std::fill_n(lanes.block, kAbreast, 1u);
  drawWords(countersOf(lanes, key, stream), kAbreast,
            {lanes.words[0], lanes.words[1], lanes.words[2], lanes.words[3]});
}

void finishLanes(Lanes& lanes, Key key, std::uint32_t stream, int which) {
  for (std::size_t i = 0; i < kAbreast; i++) {
    if (!lanes.open[which][i]) continue;
    LayerStream at = streamAt(lanes, key, i);
    at.stream = stream;
    lanes.chi[which][i] = chiSquare(lanes.dof[which][i], at, which);
  }
}

void rescaleLanes(Lanes& lanes) {
  for (std::size_t i = 0; i < kAbreast; i++) {
    rescale(lanes.signal[i], lanes.across[i], lanes.along[i], lanes.own[i], lanes.unit[i], lanes.exponent[i]);
  }
}

// From the input to the output.
void climb(const ChainView& plan, Lanes& lanes, Records& records, Key key) {
  const bool record = plan.biasVariance > 0;
  std::fill_n(lanes.signal, kAbreast, plan.weightScale[1] * plan.inputNorm2 + plan.biasVariance);
  std::fill_n(lanes.across, kAbreast, plan.weightTerms[1] * plan.inputNorm2 + plan.biasTerms[1]);
  std::copy_n(lanes.across, kAbreast, lanes.own);
  std::fill_n(lanes.along, kAbreast, 0.0);
  std::fill_n(lanes.unit, kAbreast, 1.0);
  std::fill_n(lanes.exponent, kAbreast, 0);
  std::fill_n(lanes.dead, kAbreast, 0);
  for (std::size_t layer = 1; layer <= plan.depth; layer++) {
    const std::uint32_t stream = streamOf(kChainPurpose, layer);
    drawLayer(lanes, key, stream);
    drawGates(plan, lanes, layer, plan.tilted ? records.law.data() + kAbreast * layer : nullptr);
    for (int which : {0, 1}) {
      tryLanes(lanes, which);
      finishLanes(lanes, key, stream, which);
    }
    if (record) {
      std::copy_n(lanes.own, kAbreast, records.across.data() + kAbreast * layer);
      std::copy_n(lanes.chi[0], kAbreast, records.up.data() + kAbreast * layer);
      std::copy_n(lanes.chi[1], kAbreast, records.down.data() + kAbreast * layer);
      std::copy_n(lanes.exponent, kAbreast, records.exponents.data() + kAbreast * layer);
    }
    stepUp(plan, lanes, layer);
    if (record) {
      for (std::size_t i = 0; i < kAbreast; i++) {
        records.noise[kAbreast * (layer + 1) + i] = (plan.biasVariance * lanes.unit[i]) / lanes.signal[i];
      }
    }
    if (layer % plan.rescaleEvery == 0) rescaleLanes(lanes);
  }
  const std::uint32_t stream = streamOf(kChainPurpose, plan.depth + 1);
  drawLayer(lanes, key, stream);
  for (std::size_t i = 0; i < kAbreast; i++) lanes.dof[0][i] = lanes.squareDof[i];
  tryLanes(lanes, 0);
  finishLanes(lanes, key, stream, 0);
  std::copy_n(lanes.chi[0], kAbreast, lanes.square);
}

// Chooses the law of every layer, from the top down. An even layer and the next one share a block.
void walkDown(const PathView& tables, std::size_t depth, Key key, Paths& paths, std::uint8_t* law) {
  const std::uint32_t stream = streamOf(kChainPathPurpose, 0);
  for (std::size_t layer = depth; layer >= 1; layer--) {
    if (layer == depth || layer % 2 == 1) {
      std::fill_n(paths.block, paths.padded(), static_cast<std::uint32_t>(1 + layer / 2));
      drawUniforms({paths.block, stream, paths.replica0, paths.replica1, key.key0, key.key1}, paths.padded(),
                   {paths.uniforms[0], paths.uniforms[1]});
    }
    chooseOptions(tables, layer, paths.uniforms[layer % 2], paths);
    for (std::size_t k = 0; k < paths.padded(); k++) paths.state[k] = tables.source[paths.option[k]];
    for (std::size_t k = 0; k < paths.count; k++) {
      law[kAbreast * layer + paths.lane[k]] = tables.law[paths.option[k]];
    }
  }
}

// Chooses for each lane its part of the mixture, the laws of its layers, and the degrees of freedom of the
// square of its output.
void choosePaths(const ChainView& plan, Lanes& lanes, Records& records, Key key) {
  Paths paths[2];
  for (std::size_t i = 0; i < kAbreast; i++) {
    std::size_t end = 0;
    lanes.part[i] = choosePart(plan, streamAt(lanes, key, i), end);
    if (lanes.part[i] == 0) continue;
    const std::size_t which = lanes.part[i] - 1u;
    lanes.squareDof[i] = plan.paths[which].topDof[end];
    paths[which].state[paths[which].count] = plan.paths[which].topState[end];
    paths[which].add(lanes, i);
  }
  std::fill_n(records.law.data(), (plan.depth + 1) * kAbreast, std::uint8_t{0});
  for (std::size_t which : {0, 1}) {
    if (paths[which].count == 0) continue;
    paths[which].pad();
    walkDown(plan.paths[which], plan.depth, key, paths[which], records.law.data());
  }
}

void sampleLanes(const ChainView& plan, Lanes& lanes, Records& records, Key key, std::uint64_t first,
                 std::size_t count, const ChainReplicas& out) {
  for (std::size_t i = 0; i < kAbreast; i++) {
    const std::uint64_t replica = first + std::min(i, count - 1);
    lanes.replica0[i] = static_cast<std::uint32_t>(replica);
    lanes.replica1[i] = static_cast<std::uint32_t>(replica >> 32);
    lanes.part[i] = 0;
    lanes.squareDof[i] = 1;
  }
  if (plan.tilted) choosePaths(plan, lanes, records, key);
  climb(plan, lanes, records, key);
  for (std::size_t i = 0; i < count; i++) {
    const ChainEnd end{i,
                       streamAt(lanes, key, i),
                       lanes.across[i],
                       lanes.along[i],
                       lanes.own[i],
                       lanes.square[i],
                       lanes.exponent[i],
                       lanes.dead[i] != 0,
                       lanes.part[i]};
    write(plan, records.view(), end, out, i);
  }
}

bool validPaths(const PathTables& tables, std::size_t depth) {
  const std::size_t options = tables.cumulative.size(), ends = tables.top.size();
  if (tables.states == 0 || ends == 0 || tables.topState.size() != ends || tables.topDof.size() != ends)
    return false;
  if (tables.source.size() != options || tables.law.size() != options) return false;
  if (tables.start.size() != tables.states * (depth + 1) + 1) return false;
  const auto isState = [&](std::uint8_t state) { return state < tables.states; };
  const auto isLaw = [](std::uint8_t law) { return law < kChainLaws; };
  const auto inRange = [&](std::int32_t at) { return at >= 0 && static_cast<std::size_t>(at) <= options; };
  if (!std::all_of(tables.topState.begin(), tables.topState.end(), isState)) return false;
  if (!std::all_of(tables.source.begin(), tables.source.end(), isState)) return false;
  if (!std::all_of(tables.law.begin(), tables.law.end(), isLaw)) return false;
  if (!std::all_of(tables.start.begin(), tables.start.end(), inRange)) return false;
  if (!std::is_sorted(tables.start.begin(), tables.start.end())) return false;
  return options > 0 || depth == 0;
}

}  // namespace

const char* ChainPlan::fault() const {
  for (const auto* layers : {&weightScale, &weightTerms, &biasTerms, &signalScale, &noiseScale}) {
    if (layers->size() != depth + 2) return "an array over layers has another length";
  }
  const std::size_t tables = gateBits.size(), rows = gateKeep.size();
  if (widthClass.size() != depth + 2) return "widthClass has another length";
  for (std::size_t layer = 1; layer <= depth; layer++) {
    if (widthClass[layer] < 0 || kChainLaws * (static_cast<std::size_t>(widthClass[layer]) + 1) > tables) {
      return "widthClass names no table";
    }
  }
  if (gateLow.size() != tables || gateStart.size() != tables || gateOther.size() != rows) {
    return "the gate tables do not match";
  }
  for (std::size_t table = 0; table < tables; table++) {
    if (gateBits[table] < 1 || gateBits[table] > 30 || gateStart[table] < 0 || gateLow[table] < 0 ||
        gateLow[table] > (1 << 30)) {
      return "a gate table is out of range";
    }
    if (static_cast<std::size_t>(gateStart[table]) + (std::size_t{1} << gateBits[table]) > rows) {
      return "a gate table is out of range";
    }
  }
  constexpr std::int32_t kMostUnits = 1 << 30;
  for (const std::int32_t units : gateOther) {
    if (units < 0 || units > kMostUnits) return "a gate table has a number of units out of range";
  }
  if (rescaleEvery < 1) return "rescaleEvery is zero";
  if (tilted && (!validPaths(mixture.first, depth) || !validPaths(mixture.second, depth))) {
    return "the path tables do not match";
  }
  return nullptr;
}

void sampleChain(Run& run, std::size_t threads, const ChainPlan& plan, std::uint64_t seed,
                 std::uint64_t first, std::size_t count, const ChainReplicas& out) {
  const Key key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  const std::size_t tiles = (count + kAbreast - 1) / kAbreast;
  run.expect(static_cast<double>(count));
  const ChainView view = viewOf(plan, [](const auto& array) { return array.data(); });
  Team team(run, std::min(threads, tiles));
  struct Worker {
    Lanes lanes;
    Records records;
  };
  std::vector<std::unique_ptr<Worker>> workers(team.size());
  team.parallelFor(tiles, [&](std::size_t tile, std::size_t worker) {
    if (!workers[worker]) workers[worker].reset(new Worker{{}, Records(plan)});
    const std::size_t from = tile * kAbreast, length = std::min(kAbreast, count - from);
    const ChainReplicas part{out.thetas + from, out.exponents + from, out.weights + from,
                             out.weightExponents + from, out.parts + from};
    sampleLanes(view, workers[worker]->lanes, workers[worker]->records, key, first + from, length, part);
    run.advance(static_cast<double>(length));
  });
}

}  // namespace deepntk
