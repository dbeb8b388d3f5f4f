// The scalar chain: of a plan that `fault` lets pass, no index may leave its array and no replica may hang.
#include <vector>

#include "../core/chain.hpp"
#include "bytes.hpp"

using namespace deepntk;

namespace {

// A plan of the right lengths, but for a slip now and then.
std::size_t length(Bytes& bytes, std::size_t right) {
  return bytes.rarely() ? bytes.size(0, right + 3) : right;
}

PathTables pathsOf(Bytes& bytes, std::size_t depth) {
  PathTables paths;
  paths.states = bytes.size(1, 6);
  const std::size_t top = bytes.size(1, 4), edges = bytes.size(1, 12);
  paths.top = bytes.numbers(length(bytes, top));
  paths.topState = bytes.integers<std::uint8_t>(length(bytes, top), 0, 6);
  paths.topDof = bytes.integers<std::uint8_t>(length(bytes, top), 0, 6);
  paths.start = bytes.integers<std::int32_t>(length(bytes, (depth + 1) * paths.states + 1), -1,
                                             static_cast<std::int32_t>(edges) + 1);
  if (!bytes.rarely()) {
    // Ascending, as the tables of a real plan are.
    for (std::size_t i = 0; i < paths.start.size(); i++)
      paths.start[i] = static_cast<std::int32_t>(i * edges / paths.start.size());
    if (!paths.start.empty()) paths.start.back() = static_cast<std::int32_t>(edges);
  }
  paths.cumulative = bytes.numbers(length(bytes, edges));
  paths.source = bytes.integers<std::uint8_t>(length(bytes, edges), 0, 6);
  paths.law = bytes.integers<std::uint8_t>(length(bytes, edges), 0, 6);
  return paths;
}

ScaledNumber scaledOf(Bytes& bytes) {
  return {bytes.number(), bytes.integer<std::int64_t>(-1000000000, 1000000000)};
}

ChainPlan planOf(Bytes& bytes) {
  ChainPlan plan;
  plan.depth = bytes.size(0, 6);
  plan.inputNorm2 = bytes.number();
  plan.biasVariance = bytes.number();
  for (auto* layers :
       {&plan.weightScale, &plan.weightTerms, &plan.biasTerms, &plan.signalScale, &plan.noiseScale})
    *layers = bytes.numbers(length(bytes, plan.depth + 2));
  plan.rescaleEvery = bytes.size(bytes.rarely() ? 0 : 1, 9);
  const std::int32_t classes = bytes.integer<std::int32_t>(1, 2);
  const std::size_t tables = 6 * static_cast<std::size_t>(classes);
  plan.widthClass = bytes.integers<std::int32_t>(length(bytes, plan.depth + 2), bytes.rarely() ? -1 : 0,
                                                 classes - (bytes.rarely() ? 0 : 1));
  const std::size_t count = length(bytes, tables);
  std::int32_t rows = 0;
  for (std::size_t i = 0; i < count; i++) {
    plan.gateBits.push_back(bytes.integer<std::int32_t>(bytes.rarely() ? -1 : 1, bytes.rarely() ? 32 : 3));
    plan.gateStart.push_back(bytes.rarely() ? bytes.integer<std::int32_t>(-1, 1 << 30) : rows);
    rows += 1 << std::min(3, std::max(1, plan.gateBits.back()));
  }
  const std::int32_t units = bytes.rarely() ? std::numeric_limits<std::int32_t>::max() : 1 << 30;
  plan.gateLow = bytes.integers<std::int32_t>(length(bytes, count), bytes.rarely() ? -1 : 0, units);
  plan.gateKeep = bytes.numbers(length(bytes, static_cast<std::size_t>(rows)));
  plan.gateOther = bytes.integers<std::int32_t>(length(bytes, static_cast<std::size_t>(rows)), 0, units);
  plan.tilted = bytes.flag();
  if (plan.tilted) {
    for (double& share : plan.mixture.shares) share = bytes.number();
    plan.mixture.inverseMean = scaledOf(bytes);
    plan.mixture.inverseSecondMoment = scaledOf(bytes);
    plan.mixture.first = pathsOf(bytes, plan.depth);
    plan.mixture.second = pathsOf(bytes, plan.depth);
  }
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const ChainPlan plan = planOf(bytes);
  if (plan.fault() != nullptr) return 0;
  const std::size_t count = bytes.size(1, 130);
  std::vector<double> thetas(count), weights(count);
  std::vector<std::int32_t> exponents(count), weightExponents(count);
  std::vector<unsigned char> parts(count);
  Run run;
  sampleChain(run, bytes.size(1, 2), plan, bytes.integer<std::uint64_t>(0, ~std::uint64_t{0}),
              bytes.integer<std::uint64_t>(0, ~std::uint64_t{0}), count,
              {thetas.data(), exponents.data(), weights.data(), weightExponents.data(), parts.data()});
  return 0;
}
