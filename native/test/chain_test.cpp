// The scalar chain: its moments against the exact formulas, its streams, and that threads do not matter.
#include "../core/chain.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "check.hpp"

using namespace deepntk;

namespace {

constexpr std::size_t kDepth = 10, kWidth = 30;
constexpr double kInputNorm2 = 1.3;

// Binomial(units, 1/2) by Walker's method: row r stands for r units with probability keep[r], else for
// other[r].
void appendBinomial(ChainPlan& plan, std::size_t units) {
  std::int32_t bits = 1;
  while ((std::size_t{1} << bits) < units + 1) bits++;
  const std::size_t rows = std::size_t{1} << bits;
  std::vector<double> share(rows, 0.0);
  double probability = std::pow(0.5, static_cast<double>(units));
  for (std::size_t b = 0; b <= units; b++) {
    share[b] = probability * static_cast<double>(rows);
    probability *= static_cast<double>(units - b) / static_cast<double>(b + 1);
  }
  std::vector<double> keep(rows, 1.0);
  std::vector<std::int32_t> other(rows, 0);
  std::vector<std::size_t> small, large;
  for (std::size_t r = 0; r < rows; r++) (share[r] < 1 ? small : large).push_back(r);
  while (!small.empty() && !large.empty()) {
    const std::size_t poor = small.back(), rich = large.back();
    small.pop_back();
    keep[poor] = share[poor];
    other[poor] = static_cast<std::int32_t>(rich);
    share[rich] -= 1 - share[poor];
    if (share[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  plan.gateBits.push_back(bits);
  plan.gateLow.push_back(0);
  plan.gateStart.push_back(static_cast<std::int32_t>(plan.gateKeep.size()));
  plan.gateKeep.insert(plan.gateKeep.end(), keep.begin(), keep.end());
  plan.gateOther.insert(plan.gateOther.end(), other.begin(), other.end());
}

// kDepth layers of kWidth units, as many inputs; standard parametrization, biases counted.
ChainPlan planOf(double weightVariance, double biasVariance) {
  ChainPlan plan;
  plan.depth = kDepth;
  plan.inputNorm2 = kInputNorm2;
  plan.biasVariance = biasVariance;
  const std::size_t layers = kDepth + 2;
  const double scale = weightVariance / static_cast<double>(kWidth);
  plan.weightScale.assign(layers, scale);
  plan.weightTerms.assign(layers, 1.0);
  plan.biasTerms.assign(layers, 1.0);
  // The share of the bias in the signal serves Theta' alone, which an untilted chain with biases does not
  // use.
  plan.signalScale.assign(layers, scale);
  plan.noiseScale.assign(layers, 0.0);
  plan.rescaleEvery = 4;
  plan.widthClass.assign(layers, 0);
  for (int law = 0; law < 6; law++) appendBinomial(plan, kWidth);
  return plan;
}

struct Sample {
  std::vector<double> thetas, weights;
  std::vector<std::int32_t> exponents, weightExponents;
  std::vector<unsigned char> parts;
};

Sample draw(const ChainPlan& plan, std::uint64_t seed, std::uint64_t first, std::size_t count,
            std::size_t threads) {
  Sample out{std::vector<double>(count), std::vector<double>(count), std::vector<std::int32_t>(count),
             std::vector<std::int32_t>(count), std::vector<unsigned char>(count)};
  Run run;
  sampleChain(run, threads, plan, seed, first, count,
              {out.thetas.data(), out.exponents.data(), out.weights.data(), out.weightExponents.data(),
               out.parts.data()});
  return out;
}

double valueOf(const Sample& sample, std::size_t i) {
  return std::ldexp(sample.thetas[i], sample.exponents[i]);
}

struct Moments {
  double mean, second;
};

// theory.md section 2, for equal widths: E[Theta] and E[Theta^2] by the recursions over layers.
Moments exactMoments(double weightVariance, double biasVariance) {
  const double n = static_cast<double>(kWidth), s = weightVariance / n, a = weightVariance / 2;
  std::vector<double> x{kInputNorm2}, xx{kInputNorm2 * kInputNorm2};
  for (std::size_t l = 1; l <= kDepth; l++) {
    const double mean = x.back(), square = xx.back();
    x.push_back(n / 2 * (s * mean + biasVariance));
    xx.push_back(n * (n + 5) / 4 *
                 (s * s * square + 2 * s * biasVariance * mean + biasVariance * biasVariance));
  }
  Moments moments{0, 0};
  for (std::size_t l = 1; l <= kDepth + 1; l++) {
    const double steps = static_cast<double>(kDepth + 1 - l);
    const auto norm4 = [&](double up) { return std::pow(a * a * (1 + 5 / n), up); };  // E D^2
    const double y = x[l - 1] + 1, yy = xx[l - 1] + 2 * x[l - 1] + 1;
    moments.mean += y * std::pow(a, steps);
    moments.second += yy * norm4(steps);
    if (l > kDepth) continue;
    // E[y w] with w = s X + sb2 starts P, R and E[y] starts Q.
    const double yw = s * (xx[l - 1] + x[l - 1]) + biasVariance * y;
    double p = yw * n * (n + 1) / 4, r = yw * n / 2, q = y * n / 2;
    for (std::size_t k = l + 1; k <= kDepth + 1; k++) {
      moments.second += 2 * norm4(static_cast<double>(kDepth + 1 - k)) * s * (p + q);
      const double carried = s * s * p + biasVariance * s * q, through = s * s * r;
      p = n * (n + 1) / 4 * carried + n * through;
      r = n / 2 * carried + n * (n + 3) / 4 * through;
      q = n / 2 * s * q;
    }
  }
  return moments;
}

// With `tooMany` units more in every layer the mean must be told apart from the exact one.
void momentsAreExact(double weightVariance, double biasVariance, std::size_t tooMany) {
  ChainPlan plan = planOf(weightVariance, biasVariance);
  CHECK(plan.fault() == nullptr);
  for (std::int32_t& units : plan.gateLow) units += static_cast<std::int32_t>(tooMany);
  for (std::int32_t& units : plan.gateOther) units += static_cast<std::int32_t>(tooMany);
  constexpr std::size_t count = 400000;
  const Sample sample = draw(plan, 5, 0, count, 2);
  double sums[4] = {};
  for (std::size_t i = 0; i < count; i++) {
    double power = 1;
    for (double& sum : sums) sum += (power *= valueOf(sample, i)) / count;
  }
  const Moments exact = exactMoments(weightVariance, biasVariance);
  const double errors = std::abs(sums[0] - exact.mean) / std::sqrt((sums[1] - sums[0] * sums[0]) / count);
  if (tooMany > 0) {
    CHECK(errors > 5);
    return;
  }
  CHECK(errors < 4);
  CHECK_NEAR(sums[1], exact.second, 4 * std::sqrt((sums[3] - sums[1] * sums[1]) / count));
}

// A replica is a function of seed and number: not of threads, nor of where a run begins, nor of a word's end.
void streams() {
  for (double biasVariance : {0.0, 0.2}) {
    const ChainPlan plan = planOf(2, biasVariance);
    const std::uint64_t first = (std::uint64_t{1} << 32) - 100;
    const Sample whole = draw(plan, 9, first, 1000, 1);
    for (std::size_t threads : {2, 7}) {
      const Sample same = draw(plan, 9, first, 1000, threads);
      CHECK(same.thetas == whole.thetas && same.exponents == whole.exponents);
    }
    const Sample tail = draw(plan, 9, first + 333, 667, 2);
    CHECK(std::equal(tail.thetas.begin(), tail.thetas.end(), whole.thetas.begin() + 333));
    const Sample other = draw(plan, 10, first, 1000, 1);
    std::size_t equal = 0;
    for (std::size_t i = 0; i < 1000; i++) equal += other.thetas[i] == whole.thetas[i];
    CHECK(equal == 0);
    std::vector<double> sorted = whole.thetas;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  }
}

void everyInstructionSetGivesTheSameBits() {
  std::uint64_t checksum = 0;
  for (double biasVariance : {0.0, 0.2}) {
    const Sample sample = draw(planOf(2, biasVariance), 9, 0, 1000, 1);
    for (double value : sample.thetas) {
      std::uint64_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      checksum = checksum * 31 + bits;
    }
  }
  CHECK(checksum == 0x3cefb2a4f0b00a9);
}

void cancelledRunsEnd() {
  const ChainPlan plan = planOf(2, 0);
  Run run;
  run.cancel();
  std::vector<double> numbers(64);
  std::vector<std::int32_t> exponents(64);
  std::vector<unsigned char> parts(64);
  bool thrown = false;
  try {
    sampleChain(run, 1, plan, 1, 0, 64,
                {numbers.data(), exponents.data(), numbers.data(), exponents.data(), parts.data()});
  } catch (const Cancelled&) {
    thrown = true;
  }
  CHECK(thrown);
}

void faultyPlansAreTold() {
  ChainPlan plan = planOf(2, 0);
  plan.widthClass[3] = 1;
  CHECK(plan.fault() != nullptr);
  plan = planOf(2, 0);
  plan.gateOther[2] = -1;
  CHECK(plan.fault() != nullptr);
  plan = planOf(2, 0);
  plan.weightScale.pop_back();
  CHECK(plan.fault() != nullptr);
  plan = planOf(2, 0);
  plan.rescaleEvery = 0;
  CHECK(plan.fault() != nullptr);
}

}  // namespace

int main() {
  momentsAreExact(2, 0, 0);
  momentsAreExact(1.5, 0, 0);
  momentsAreExact(2.5, 0.3, 0);
  momentsAreExact(2, 0, 1);
  streams();
  everyInstructionSetGivesTheSameBits();
  cancelledRunsEnd();
  faultyPlansAreTold();
}
