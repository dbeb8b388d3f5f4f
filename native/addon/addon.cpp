// The functions that src/backend/native/addon.ts declares.
#include <napi.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>

#include "../core/normal.hpp"
#include "arguments.hpp"
#include "chain.hpp"
#include "compute.hpp"
#include "features.hpp"
#include "job.hpp"
#include "kernel_samples.hpp"
#include "network.hpp"
#include "training.hpp"

namespace deepntk {

namespace {

// Raised whenever a function below changes its arguments or results; src/backend/native/addon.ts must say the
// same.
constexpr int kAbi = 4;

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();
constexpr std::size_t kMaxSafeInteger = (std::size_t{1} << 53) - 1;

std::size_t lengthOf(const Arguments& arguments, std::initializer_list<std::size_t> factors) {
  return product(arguments.env(), factors);
}

// startForward(task, listener) -> cancel
Napi::Value startForward(const Napi::CallbackInfo& info) {
  Arguments arguments(
      info, {"widths", "parameters", "weightGains", "biasGains", "x", "n", "rowBlock", "threads", "outputs"});
  const auto network = std::make_shared<const Network>(readNetwork(arguments));
  const std::size_t n = arguments.integer("n", 1, kMaxInt);
  const std::size_t rowBlock = arguments.integer("rowBlock", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const double* const x = arguments.float64("x", lengthOf(arguments, {n, network->inputs()})).data;
  double* const outputs = arguments.float64("outputs", lengthOf(arguments, {n, network->outputs()})).data;
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [=](Run& run) { compute::forward(run, threads, *network, x, n, rowBlock, outputs); });
}

// startJacobian(task, listener) -> cancel
Napi::Value startJacobian(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"widths", "parameters", "weightGains", "biasGains", "x", "n", "rowBlock",
                             "threads", "weights", "biases", "jacobian"});
  const auto network = std::make_shared<const Network>(readNetwork(arguments));
  const std::size_t n = arguments.integer("n", 1, kMaxInt);
  const std::size_t rowBlock = arguments.integer("rowBlock", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const double* const x = arguments.float64("x", lengthOf(arguments, {n, network->inputs()})).data;
  JacobianTask task{*network,
                    x,
                    n,
                    rowBlock,
                    arguments.uint8("weights", network->layers()),
                    arguments.uint8("biases", network->layers()),
                    nullptr};
  task.jacobian =
      arguments.float64("jacobian", lengthOf(arguments, {n, network->outputs(), task.columns()})).data;
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [network, task, threads](Run& run) { compute::jacobian(run, threads, task); });
}

// startKernel(task, listener) -> cancel
Napi::Value startKernel(const Napi::CallbackInfo& info) {
  Arguments arguments(
      info, {"widths", "parameters", "weightGains", "biasGains", "x", "n", "x2", "n2", "form", "weightTerms",
             "biasTerms", "mixed", "rows", "gram", "threads", "kernel", "weights", "biases"});
  const auto network = std::make_shared<const Network>(readNetwork(arguments));
  const std::size_t layers = network->layers(), outputs = network->outputs();
  const std::size_t n = arguments.integer("n", 1, kMaxInt), n2 = arguments.integer("n2", 1, kMaxInt);
  const auto form = static_cast<KernelForm>(arguments.integer("form", 0, 3));
  const std::size_t rows = arguments.integer("rows", 1, kMaxInt),
                    gram = arguments.integer("gram", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const bool mixed = arguments.boolean("mixed");
  const double* const x = arguments.float64("x", lengthOf(arguments, {n, network->inputs()})).data;
  const double* x2 = nullptr;
  if (!arguments.isNull("x2")) {
    x2 = arguments.float64("x2", lengthOf(arguments, {n2, network->inputs()})).data;
  } else if (n2 != n) {
    arguments.fail("n2: expected n where x2 is null");
  }
  const std::size_t entries = form == KernelForm::full       ? lengthOf(arguments, {outputs, outputs})
                              : form == KernelForm::diagonal ? outputs
                                                             : 1;
  const std::size_t length = lengthOf(arguments, {n, n2, entries});
  const Span<double> weightTerms = arguments.float64("weightTerms", layers);
  const Span<double> biasTerms = arguments.float64("biasTerms", layers);
  double* const kernel = arguments.float64("kernel", length).data;
  std::vector<double*> weights = arguments.float64List("weights", layers, length);
  std::vector<double*> biases = arguments.float64List("biases", layers, length);
  if (weights.empty() != biases.empty()) arguments.fail("weights and biases: expected both or neither");
  const KernelTask task{*network,
                        x,
                        n,
                        x2,
                        n2,
                        form,
                        {weightTerms.data, layers},
                        {biasTerms.data, layers},
                        mixed,
                        rows,
                        gram,
                        kernel,
                        std::move(weights),
                        std::move(biases)};
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [network, task, threads](Run& run) { compute::kernel(run, threads, task); });
}

// fillNormals({ out, seed, replica, stream, scale })
void fillNormalsOf(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"out", "length", "seed", "replica", "stream", "scale"});
  const StreamKey key{arguments.integer("seed", 0, kMaxSafeInteger),
                      arguments.integer("replica", 0, kMaxSafeInteger),
                      static_cast<std::uint32_t>(arguments.integer("stream", 0, 0xffffffff))};
  const std::size_t length = arguments.integer("length", 0, kMaxSafeInteger);
  const double scale = arguments.number("scale");
  fillNormals(arguments.float64("out", length), key, scale);
}

// whyUnavailable() -> a sentence, empty where this addon can compute here
Napi::Value whyUnavailableOf(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), compute::whyUnavailable());
}

// describe() -> what computes
Napi::Value describe(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  try {
    compute::describe(result);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
  return result;
}

// measureGemm({ rows, columns, inner, single }) -> seconds of one product, on one thread or on the GPU;
// blocks the caller.
Napi::Value measureGemm(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"rows", "columns", "inner", "single"});
  constexpr std::size_t kMax = 8192;
  const std::size_t rows = arguments.integer("rows", 1, kMax),
                    columns = arguments.integer("columns", 1, kMax);
  const std::size_t inner = arguments.integer("inner", 1, kMax);
  const bool single = arguments.boolean("single");
  try {
    return Napi::Number::New(info.Env(), compute::secondsOfGemm(rows, columns, inner, single));
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", Napi::Number::New(env, kAbi));
  exports.Set("describe", Napi::Function::New(env, describe, "describe"));
  exports.Set("whyUnavailable", Napi::Function::New(env, whyUnavailableOf, "whyUnavailable"));
  exports.Set("fillNormals", Napi::Function::New(env, fillNormalsOf, "fillNormals"));
  exports.Set("startForward", Napi::Function::New(env, startForward, "startForward"));
  exports.Set("startJacobian", Napi::Function::New(env, startJacobian, "startJacobian"));
  exports.Set("startKernel", Napi::Function::New(env, startKernel, "startKernel"));
  exports.Set("startFeatures", Napi::Function::New(env, startFeatures, "startFeatures"));
  exports.Set("startGramTile", Napi::Function::New(env, startGramTile, "startGramTile"));
  exports.Set("startProducts", Napi::Function::New(env, startProducts, "startProducts"));
  exports.Set("startChain", Napi::Function::New(env, startChain, "startChain"));
  exports.Set("startKernelSamples", Napi::Function::New(env, startKernelSamples, "startKernelSamples"));
  exports.Set("startTraining", Napi::Function::New(env, startTraining, "startTraining"));
  exports.Set("measureGemm", Napi::Function::New(env, measureGemm, "measureGemm"));
  return exports;
}

}  // namespace

}  // namespace deepntk

static Napi::Object initializeAddon(Napi::Env env, Napi::Object exports) {
  return deepntk::initialize(env, exports);
}

NODE_API_MODULE(deepntk, initializeAddon)
