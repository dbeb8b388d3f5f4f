// The addon: the functions that src/backend/native/addon.ts declares.
#include <napi.h>

#include <exception>
#include <memory>

#include "../core/normal.hpp"
#include "compute.hpp"
#include "job.hpp"
#include "object.hpp"
#include "tasks.hpp"

namespace deepntk {

namespace {

// Raise it together with ABI of src/backend/native/addon.ts whenever a task, a result or a function changes.
constexpr int kAbi = 5;

// The function of the addon for an operation: ({ task, result, threads }, listener) -> cancel.
template <typename Task, void (*compute)(Run&, std::size_t, const Task&)>
Napi::Value start(const Napi::CallbackInfo& info) {
  Reader reader(info.Env());
  const Object call(reader, info[0], "");
  const auto task = std::make_shared<Task>();
  read(call, *task);
  const std::size_t threads = call.count("threads");
  return Job::start(info.Env(), info[1], reader.finish(),
                    [task, threads](Run& run) { compute(run, threads, *task); });
}

// fillNormals({ out, seed, replica, stream, scale })
Napi::Value fillNormalsOf(const Napi::CallbackInfo& info) {
  Reader reader(info.Env());
  const Object from(reader, info[0], "");
  const StreamKey key{from.integer("seed", 0, kMaxSafeInteger), from.integer("replica", 0, kMaxSafeInteger),
                      static_cast<std::uint32_t>(from.integer("stream", 0, 0xffffffff))};
  const double scale = from.number("scale");
  fillNormals(from.array<double>("out"), key, scale);
  return info.Env().Undefined();
}

// whyUnavailable() -> the reason why this addon cannot compute on this machine; empty if it can
Napi::Value whyUnavailable(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), compute::whyUnavailable());
}

// describe() -> the hardware and the libraries
Napi::Value describe(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  for (const auto& [name, value] : compute::describe())
    std::visit([&, key = name](const auto& known) { result.Set(key, known); }, value);
  return result;
}

// measureGemm({ rows, columns, inner, single }) -> seconds of one product, on one thread or on the GPU. It
// blocks the caller.
Napi::Value measureGemm(const Napi::CallbackInfo& info) {
  constexpr std::size_t kMax = 8192;
  Reader reader(info.Env());
  const Object from(reader, info[0], "");
  const std::size_t rows = from.integer("rows", 1, kMax), columns = from.integer("columns", 1, kMax);
  const std::size_t inner = from.integer("inner", 1, kMax);
  return Napi::Number::New(info.Env(), compute::secondsOfGemm(rows, columns, inner, from.boolean("single")));
}

struct Function {
  const char* name;
  Napi::Value (*call)(const Napi::CallbackInfo&);
};

// The operations have their names in src/backend/seam.ts.
constexpr Function kFunctions[] = {
    {"forward", start<ForwardTask, compute::forward>},
    {"jacobian", start<JacobianTask, compute::jacobian>},
    {"kernel", start<KernelTask, compute::kernel>},
    {"features", start<AnyFeaturesTask, compute::features>},
    {"gramTile", start<AnyGramTileTask, compute::gramTile>},
    {"products", start<AnyProductsTask, compute::products>},
    {"sampleChain", start<ChainTask, compute::sampleChain>},
    {"sampleKernels", start<AnySampleTask, compute::sampleKernels>},
    {"train", start<TrainTask, compute::train>},
    {"fillNormals", fillNormalsOf},
    {"whyUnavailable", whyUnavailable},
    {"describe", describe},
    {"measureGemm", measureGemm},
};

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", Napi::Number::New(env, kAbi));
  for (const Function& function : kFunctions)
    exports.Set(function.name, Napi::Function::New(env, function.call, function.name));
  return exports;
}

}  // namespace

}  // namespace deepntk

static Napi::Object initializeAddon(Napi::Env env, Napi::Object exports) {
  return deepntk::initialize(env, exports);
}

NODE_API_MODULE(deepntk, initializeAddon)
