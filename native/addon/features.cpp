#include "features.hpp"

#include <limits>
#include <memory>
#include <vector>

#include "../core/features.hpp"
#include "arguments.hpp"
#include "compute.hpp"
#include "job.hpp"
#include "network.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();

// The net and the shape of its features, which the job shares.
struct Shape {
  Network network;
  FeatureShape features;

  Shape(Network net, KernelForm form, Span<const double> weightTerms, Span<const double> biasTerms,
        std::size_t group)
      : network(std::move(net)), features{network, form, weightTerms, biasTerms, group} {}
  Shape(const Shape&) = delete;
};

std::shared_ptr<const Shape> readShape(Arguments& arguments) {
  Network network = readNetwork(arguments);
  const std::size_t layers = network.layers();
  const auto form = static_cast<KernelForm>(arguments.integer("form", 0, 3));
  const Span<double> weightTerms = arguments.float64("weightTerms", layers);
  const Span<double> biasTerms = arguments.float64("biasTerms", layers);
  const std::size_t group = arguments.integer("group", 1, 65536);
  auto shape =
      std::make_shared<const Shape>(std::move(network), form, Span<const double>{weightTerms.data, layers},
                                    Span<const double>{biasTerms.data, layers}, group);
  // What one input takes must not overflow either.
  std::size_t perInput = 0;
  for (std::size_t l = 1; l <= layers; l++) {
    perInput += shape->network.width(l - 1) +
                product(arguments.env(), {shape->features.chains(), shape->network.width(l)});
    product(arguments.env(), {perInput});
  }
  return shape;
}

std::size_t parametersOf(const Network& network) {
  std::size_t count = 0;
  for (std::size_t l = 1; l <= network.layers(); l++) count += network.width(l) * (network.width(l - 1) + 1);
  return count;
}

template <typename T>
Span<T> readReals(Arguments& arguments, const char* name, std::size_t length) {
  if constexpr (std::is_same_v<T, double>) {
    return arguments.float64(name, length);
  } else {
    return arguments.float32(name, length);
  }
}

// The properties `values` and `exponents` of a block of n inputs, under the names given.
template <typename T>
FeatureBlock<T> readBlock(Arguments& arguments, const FeatureShape& shape, std::size_t n, const char* values,
                          const char* exponents) {
  const std::size_t perInput = shape.offset(shape.network.layers() + 1);
  T* const data = readReals<T>(arguments, values, product(arguments.env(), {n, perInput})).data;
  return {data, n, arguments.int32(exponents, shape.exponents(n)).data};
}

template <typename T>
FeatureBlock<const T> readOnly(FeatureBlock<T> block) {
  return {block.values, block.n, block.exponents};
}

template <typename T>
Napi::Value startFeaturesIn(const Napi::CallbackInfo& info, Arguments& arguments) {
  const auto shape = readShape(arguments);
  const std::size_t n = arguments.integer("n", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const double* const x = arguments.float64("x", product(arguments.env(), {n, shape->network.inputs()})).data;
  const FeatureBlock<T> block = readBlock<T>(arguments, shape->features, n, "values", "exponents");
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [=](Run& run) { compute::features<T>(run, threads, shape->features, x, block); });
}

template <typename T, typename Out>
Napi::Value startGramTileIn(const Napi::CallbackInfo& info, Arguments& arguments) {
  const auto shape = readShape(arguments);
  const FeatureShape& features = shape->features;
  const std::size_t n = arguments.integer("n", 1, kMaxInt), n2 = arguments.integer("n2", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const std::size_t edge = arguments.integer("edge", 1, kMaxInt);
  if (features.group % edge != 0) arguments.fail("edge: expected a divisor of group");
  const double scale = arguments.number("scale");
  const FeatureBlock<const T> a = readOnly(readBlock<T>(arguments, features, n, "values", "exponents"));
  // Null: the tile is on the diagonal, and both sides are one block.
  const bool symmetric = arguments.isNull("values2");
  if (symmetric && n2 != n) arguments.fail("n2: expected n where values2 is null");
  const FeatureBlock<const T> b =
      symmetric ? a : readOnly(readBlock<T>(arguments, features, n2, "values2", "exponents2"));
  if (!symmetric && b.values == a.values) arguments.fail("values2: expected null where it is the same block");
  const std::size_t outputs = shape->network.outputs();
  const std::size_t entries = features.form == KernelForm::full ? product(arguments.env(), {outputs, outputs})
                              : features.form == KernelForm::diagonal ? outputs
                                                                      : 1;
  const std::size_t length = product(arguments.env(), {n, n2, entries});
  Out* const tile = readReals<Out>(arguments, "tile", length).data;
  Out* const mirror = arguments.isNull("mirror") ? nullptr : readReals<Out>(arguments, "mirror", length).data;
  if (symmetric && mirror != nullptr) arguments.fail("mirror: expected null on the diagonal");
  return Job::start(info.Env(), info[1], arguments.takeReferences(), [=](Run& run) {
    compute::gramTile<T, Out>(run, threads, shape->features, a, b, edge, scale, tile, mirror);
  });
}

template <typename T>
Napi::Value startProductsIn(const Napi::CallbackInfo& info, Arguments& arguments) {
  const auto shape = readShape(arguments);
  const FeatureShape& features = shape->features;
  if (features.form == KernelForm::sumOfLogits) arguments.fail("form: expected deltas of every output");
  const std::size_t n = arguments.integer("n", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const std::size_t directions = arguments.integer("directions", 1, kMaxInt);
  const bool transposed = arguments.boolean("transposed");
  const FeatureBlock<const T> block = readOnly(readBlock<T>(arguments, features, n, "values", "exponents"));
  double* const rows =
      arguments.float64("rows", product(arguments.env(), {n, features.chains(), directions})).data;
  double* const columns =
      arguments.float64("columns", product(arguments.env(), {directions, parametersOf(shape->network)})).data;
  return Job::start(info.Env(), info[1], arguments.takeReferences(), [=](Run& run) {
    if (transposed) {
      compute::addGradients<T>(run, threads, shape->features, block, directions, rows, columns);
    } else {
      compute::contractGradients<T>(run, threads, shape->features, block, directions, columns, rows);
    }
  });
}

}  // namespace

Napi::Value startFeatures(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"widths", "parameters", "weightGains", "biasGains", "form", "weightTerms",
                             "biasTerms", "group", "mixed", "x", "n", "threads", "values", "exponents"});
  return arguments.boolean("mixed") ? startFeaturesIn<float>(info, arguments)
                                    : startFeaturesIn<double>(info, arguments);
}

Napi::Value startGramTile(const Napi::CallbackInfo& info) {
  Arguments arguments(
      info, {"widths", "parameters", "weightGains", "biasGains", "form",       "weightTerms", "biasTerms",
             "group",  "mixed",      "single",      "n",         "n2",         "threads",     "edge",
             "scale",  "values",     "exponents",   "values2",   "exponents2", "tile",        "mirror"});
  const bool mixed = arguments.boolean("mixed"), single = arguments.boolean("single");
  if (mixed) {
    return single ? startGramTileIn<float, float>(info, arguments)
                  : startGramTileIn<float, double>(info, arguments);
  }
  return single ? startGramTileIn<double, float>(info, arguments)
                : startGramTileIn<double, double>(info, arguments);
}

Napi::Value startProducts(const Napi::CallbackInfo& info) {
  Arguments arguments(
      info, {"widths", "parameters", "weightGains", "biasGains", "form", "weightTerms", "biasTerms", "group",
             "mixed", "n", "threads", "directions", "transposed", "values", "exponents", "rows", "columns"});
  return arguments.boolean("mixed") ? startProductsIn<float>(info, arguments)
                                    : startProductsIn<double>(info, arguments);
}

}  // namespace deepntk
