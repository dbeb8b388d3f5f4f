// The readers of the samplers' tasks.
#include <cmath>

#include "tasks.hpp"

namespace deepntk {

namespace {

std::int64_t exponent(const Object& from, const char* name) {
  constexpr double kMaxExponent = 1e9;
  const double value = from.number(name);
  if (!(std::abs(value) <= kMaxExponent)) from.fail(name, "out of range");
  return static_cast<std::int64_t>(value);
}

void read(const Object& from, ScaledNumber& number) {
  number.value = from.number("value");
  number.exponent = exponent(from, "exponent");
}

void read(const Object& from, PathTables& paths) {
  paths.states = from.integer("states", 1, 255);
  paths.top = from.copy<double>("top");
  paths.topState = from.copy<std::uint8_t>("topState");
  paths.topDof = from.copy<std::uint8_t>("topDof");
  paths.start = from.copy<std::int32_t>("start");
  paths.cumulative = from.copy<double>("cumulative");
  paths.source = from.copy<std::uint8_t>("source");
  paths.law = from.copy<std::uint8_t>("law");
}

void read(const Object& from, ChainMixture& mixture) {
  from.numbers("shares", mixture.shares, 3);
  read(from.object("inverseMean"), mixture.inverseMean);
  read(from.object("inverseSecondMoment"), mixture.inverseSecondMoment);
  read(from.object("first"), mixture.first);
  read(from.object("second"), mixture.second);
}

// The chain's tables are copied, so that nobody can change an index after it was checked.
void read(const Object& from, ChainPlan& plan) {
  constexpr std::size_t kMaxDepth = (std::size_t{1} << 24) - 2;
  plan.depth = from.integer("depth", 0, kMaxDepth);
  plan.inputNorm2 = from.number("inputNorm2");
  plan.biasVariance = from.number("biasVariance");
  plan.weightScale = from.copy<double>("weightScale");
  plan.weightTerms = from.copy<double>("weightTerms");
  plan.biasTerms = from.copy<double>("biasTerms");
  plan.signalScale = from.copy<double>("signalScale");
  plan.noiseScale = from.copy<double>("noiseScale");
  plan.rescaleEvery = from.integer("rescaleEvery", 1, kMaxSafeInteger);
  plan.widthClass = from.copy<std::int32_t>("widthClass");
  const Object gates = from.object("gates");
  plan.gateBits = gates.copy<std::int32_t>("bits");
  plan.gateLow = gates.copy<std::int32_t>("low");
  plan.gateStart = gates.copy<std::int32_t>("start");
  plan.gateKeep = gates.copy<double>("keep");
  plan.gateOther = gates.copy<std::int32_t>("other");
  plan.tilted = !from.isNull("mixture");
  if (plan.tilted) read(from.object("mixture"), plan.mixture);
}

void read(const Object& from, std::size_t layers, KernelTerms& terms) {
  terms.weights = from.array<double>("weights", layers).data;
  terms.biases = from.array<double>("biases", layers).data;
  terms.weightExponents = from.array<std::int32_t>("weightExponents", layers).data;
  terms.biasExponents = from.array<std::int32_t>("biasExponents", layers).data;
}

void read(const Object& call, KernelSampleTask& task) {
  const Object from = call.object("task");
  task.widths = widthsOf(from);
  const std::size_t layers = task.layers();
  task.n = from.count("n");
  task.form = formOf(from);
  task.seed = from.integer("seed", 0, kMaxSafeInteger);
  task.first = from.integer("first", 0, kMaxSafeInteger);
  task.count = from.integer("count", 1, kMaxSafeInteger);
  const std::size_t pairs = from.product({task.n, task.chains()});
  for (std::size_t l = 0; l <= layers; l++) {
    expectFitsBlas(from, task.widths[l] * task.outputs());
    expectFitsBlas(from, from.product({task.widths[l] + 1, pairs}));
    if (l > 0) from.product({task.widths[l], task.widths[l - 1]});
  }
  from.product({pairs, pairs});
  for (const Object& terms : from.objects("terms")) read(terms, layers, task.terms.emplace_back());
  const std::size_t sets = task.terms.size();
  if (sets == 0) from.expected("terms", "at least one");
  const Object result = call.object("result");
  task.kernels =
      result.array<double>("kernels", from.product({task.count, sets, task.n, task.n, task.entries()})).data;
  task.exponents = result.array<std::int32_t>("exponents", from.product({task.count, sets})).data;
}

void read(const Object& call, DirectTask& task) {
  read(call, static_cast<KernelSampleTask&>(task));
  const Object from = call.object("task"), law = from.object("law");
  task.x = matrix(from, "x", task.n, task.widths.front());
  task.inputExponent = exponent(from, "inputExponent");
  task.weightDeviations = law.array<double>("weightDeviations", task.layers()).data;
  task.biasDeviations = law.array<double>("biasDeviations", task.layers()).data;
  task.weightGains = law.array<double>("weightGains", task.layers()).data;
  task.biasGains = law.array<double>("biasGains", task.layers()).data;
}

void read(const Object& call, ConditionalTask& task) {
  read(call, static_cast<KernelSampleTask&>(task));
  const Object from = call.object("task");
  task.inputGram = matrix(from, "inputGram", task.n, task.n);
  task.inputExponent = exponent(from, "inputExponent");
  task.weightScale = from.array<double>("weightScale", task.layers()).data;
  task.biasVariance = from.number("biasVariance");
}

}  // namespace

void read(const Object& call, ChainTask& task) {
  const Object from = call.object("task"), result = call.object("result");
  read(from.object("plan"), task.plan);
  if (const char* fault = task.plan.fault()) from.fail("plan", fault);
  task.seed = from.integer("seed", 0, kMaxSafeInteger);
  task.first = from.integer("first", 0, kMaxSafeInteger);
  task.count = from.integer("count", 1, kMaxSafeInteger);
  task.replicas.thetas = result.array<double>("thetas", task.count).data;
  task.replicas.exponents = result.array<std::int32_t>("exponents", task.count).data;
  task.replicas.weights = result.array<double>("weights", task.count).data;
  task.replicas.weightExponents = result.array<std::int32_t>("weightExponents", task.count).data;
  task.replicas.parts = result.array<std::uint8_t>("parts", task.count).data;
}

void read(const Object& call, AnySampleTask& task) {
  constexpr const char* kSamplers[] = {"direct", "conditional"};
  if (call.object("task").oneOf<int>("sampler", kSamplers) == 1) task.emplace<ConditionalTask>();
  std::visit([&](auto& typed) { read(call, typed); }, task);
}

}  // namespace deepntk
