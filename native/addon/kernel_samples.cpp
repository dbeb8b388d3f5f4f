#include "kernel_samples.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "../core/conditional.hpp"
#include "../core/direct.hpp"
#include "arguments.hpp"
#include "compute.hpp"
#include "job.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();
constexpr std::size_t kMaxSafeInteger = (std::size_t{1} << 53) - 1;
constexpr double kMaxExponent = 1e9;

void readCommon(Arguments& arguments, KernelSampleTask& task) {
  task.widths = arguments.sizes("widths");
  if (task.widths.size() < 2) arguments.fail("widths: expected at least two numbers");
  const std::size_t layers = task.layers();
  task.n = arguments.integer("n", 1, kMaxInt);
  task.form = static_cast<KernelForm>(arguments.integer("form", 0, 3));
  task.seed = arguments.integer("seed", 0, kMaxSafeInteger);
  task.first = arguments.integer("first", 0, kMaxSafeInteger);
  task.count = arguments.integer("count", 1, kMaxSafeInteger);
  const std::size_t sets = arguments.integer("sets", 1, kMaxInt);
  const Napi::Env env = arguments.env();
  const std::size_t pairs = product(env, {task.n, task.chains()});
  // BLAS counts in 32-bit integers; the longest row that it sees is the deltas of all outputs at one layer.
  for (const std::size_t width : task.widths) {
    if (product(env, {width, task.outputs()}) > kMaxInt || product(env, {width + 1, pairs}) > kMaxInt)
      arguments.fail("widths: too large");
  }
  for (std::size_t l = 1; l <= layers; l++) product(env, {task.widths[l], task.widths[l - 1]});
  product(env, {pairs, pairs});
  const std::size_t terms = product(env, {sets, layers});
  const double* const weights = arguments.float64("weightTerms", terms).data;
  const double* const biases = arguments.float64("biasTerms", terms).data;
  const std::int32_t* const weightExponents = arguments.int32("weightExponents", terms).data;
  const std::int32_t* const biasExponents = arguments.int32("biasExponents", terms).data;
  for (std::size_t set = 0; set < sets; set++) {
    const std::size_t at = set * layers;
    task.terms.push_back({weights + at, biases + at, weightExponents + at, biasExponents + at});
  }
  const std::size_t entries = task.form == KernelForm::full ? product(env, {task.outputs(), task.outputs()})
                              : task.form == KernelForm::diagonal ? task.outputs()
                                                                  : 1;
  task.kernels = arguments.float64("kernels", product(env, {task.count, sets, task.n, task.n, entries})).data;
  task.exponents = arguments.int32("exponents", product(env, {task.count, sets})).data;
}

}  // namespace

Napi::Value startKernelSamples(const Napi::CallbackInfo& info) {
  Arguments arguments(
      info, {"sampler",        "widths",    "n",           "form",          "sets",      "weightTerms",
             "biasTerms",      "seed",      "first",       "count",         "threads",   "weightExponents",
             "biasExponents",  "inputs",    "weightGains", "inputExponent", "biasGains", "weightDeviations",
             "biasDeviations", "exponents", "weightScale", "biasVariance",  "kernels"});
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const double exponent = arguments.number("inputExponent");
  if (!(std::abs(exponent) <= kMaxExponent)) arguments.fail("inputExponent: out of range");
  if (arguments.integer("sampler", 0, 1) == 0) {
    const auto task = std::make_shared<DirectTask>();
    readCommon(arguments, *task);
    const std::size_t layers = task->layers();
    task->x = arguments.float64("inputs", product(info.Env(), {task->n, task->widths.front()})).data;
    task->inputExponent = static_cast<std::int64_t>(exponent);
    task->weightDeviations = arguments.float64("weightDeviations", layers).data;
    task->biasDeviations = arguments.float64("biasDeviations", layers).data;
    task->weightGains = arguments.float64("weightGains", layers).data;
    task->biasGains = arguments.float64("biasGains", layers).data;
    return Job::start(info.Env(), info[1], arguments.takeReferences(),
                      [task, threads](Run& run) { compute::direct(run, threads, *task); });
  }
  const auto task = std::make_shared<ConditionalTask>();
  readCommon(arguments, *task);
  task->inputGram = arguments.float64("inputs", product(info.Env(), {task->n, task->n})).data;
  task->inputExponent = static_cast<std::int64_t>(exponent);
  task->weightScale = arguments.float64("weightScale", task->layers()).data;
  task->biasVariance = arguments.number("biasVariance");
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [task, threads](Run& run) { compute::conditional(run, threads, *task); });
}

}  // namespace deepntk
