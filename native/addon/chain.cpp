#include "chain.hpp"

#include <limits>
#include <memory>
#include <string>

#include "arguments.hpp"
#include "compute.hpp"
#include "job.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kMaxDepth = (std::size_t{1} << 24) - 2;
constexpr std::size_t kMaxSafeInteger = (std::size_t{1} << 53) - 1;
constexpr double kMaxExponent = 1e9;

struct PathNames {
  const char *states, *top, *topState, *topDof, *start, *cumulative, *source, *law;
};

constexpr PathNames kFirst{"firstStates", "firstTop",        "firstTopState", "firstTopDof",
                           "firstStart",  "firstCumulative", "firstSource",   "firstLaw"};
constexpr PathNames kSecond{"secondStates", "secondTop",        "secondTopState", "secondTopDof",
                            "secondStart",  "secondCumulative", "secondSource",   "secondLaw"};

PathTables readPaths(const Arguments& arguments, const PathNames& names) {
  PathTables paths;
  paths.states = arguments.integer(names.states, 1, 255);
  paths.top = arguments.copy<double>(names.top);
  paths.topState = arguments.copy<std::uint8_t>(names.topState);
  paths.topDof = arguments.copy<std::uint8_t>(names.topDof);
  paths.start = arguments.copy<std::int32_t>(names.start);
  paths.cumulative = arguments.copy<double>(names.cumulative);
  paths.source = arguments.copy<std::uint8_t>(names.source);
  paths.law = arguments.copy<std::uint8_t>(names.law);
  return paths;
}

ScaledNumber readScaled(const Arguments& arguments, const char* value, const char* exponent) {
  const double power = arguments.number(exponent);
  if (!(power >= -kMaxExponent && power <= kMaxExponent))
    arguments.fail(std::string(exponent) + ": out of range");
  return {arguments.number(value), static_cast<std::int64_t>(power)};
}

ChainPlan readPlan(const Arguments& arguments) {
  ChainPlan plan;
  plan.depth = arguments.integer("depth", 0, kMaxDepth);
  plan.inputNorm2 = arguments.number("inputNorm2");
  plan.biasVariance = arguments.number("biasVariance");
  plan.weightScale = arguments.copy<double>("weightScale");
  plan.weightTerms = arguments.copy<double>("weightTerms");
  plan.biasTerms = arguments.copy<double>("biasTerms");
  plan.signalScale = arguments.copy<double>("signalScale");
  plan.noiseScale = arguments.copy<double>("noiseScale");
  plan.rescaleEvery = arguments.integer("rescaleEvery", 1, kMaxSafeInteger);
  plan.widthClass = arguments.copy<std::int32_t>("widthClass");
  plan.gateBits = arguments.copy<std::int32_t>("gateBits");
  plan.gateLow = arguments.copy<std::int32_t>("gateLow");
  plan.gateStart = arguments.copy<std::int32_t>("gateStart");
  plan.gateKeep = arguments.copy<double>("gateKeep");
  plan.gateOther = arguments.copy<std::int32_t>("gateOther");
  plan.tilted = arguments.boolean("tilted");
  if (plan.tilted) {
    const std::vector<double> shares = arguments.copy<double>("shares");
    if (shares.size() != 3) arguments.fail("shares: expected three numbers");
    std::copy(shares.begin(), shares.end(), plan.mixture.shares);
    plan.mixture.inverseMean = readScaled(arguments, "inverseMeanValue", "inverseMeanExponent");
    plan.mixture.inverseSecondMoment =
        readScaled(arguments, "inverseSecondMomentValue", "inverseSecondMomentExponent");
    plan.mixture.first = readPaths(arguments, kFirst);
    plan.mixture.second = readPaths(arguments, kSecond);
  }
  if (const char* fault = plan.fault()) arguments.fail(std::string("chain: ") + fault);
  return plan;
}

}  // namespace

Napi::Value startChain(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"depth",
                             "inputNorm2",
                             "biasVariance",
                             "weightScale",
                             "weightTerms",
                             "biasTerms",
                             "signalScale",
                             "noiseScale",
                             "rescaleEvery",
                             "widthClass",
                             "gateBits",
                             "gateLow",
                             "gateStart",
                             "gateKeep",
                             "gateOther",
                             "tilted",
                             "shares",
                             "seed",
                             "first",
                             "count",
                             "threads",
                             "thetas",
                             "exponents",
                             "weights",
                             "weightExponents",
                             "parts",
                             "inverseMeanValue",
                             "inverseMeanExponent",
                             "inverseSecondMomentValue",
                             "inverseSecondMomentExponent",
                             kFirst.states,
                             kFirst.top,
                             kFirst.topState,
                             kFirst.topDof,
                             kFirst.start,
                             kFirst.cumulative,
                             kFirst.source,
                             kFirst.law,
                             kSecond.states,
                             kSecond.top,
                             kSecond.topState,
                             kSecond.topDof,
                             kSecond.start,
                             kSecond.cumulative,
                             kSecond.source,
                             kSecond.law});
  const auto plan = std::make_shared<const ChainPlan>(readPlan(arguments));
  const std::size_t seed = arguments.integer("seed", 0, kMaxSafeInteger);
  const std::size_t first = arguments.integer("first", 0, kMaxSafeInteger);
  const std::size_t count = arguments.integer("count", 1, kMaxSafeInteger);
  const std::size_t threads = arguments.integer("threads", 1, std::numeric_limits<int>::max());
  const ChainReplicas out{arguments.float64("thetas", count).data, arguments.int32("exponents", count).data,
                          arguments.float64("weights", count).data,
                          arguments.int32("weightExponents", count).data,
                          arguments.bytes("parts", count).data};
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [=](Run& run) { compute::chain(run, threads, *plan, seed, first, count, out); });
}

}  // namespace deepntk
