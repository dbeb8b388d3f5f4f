// The operations of a backend in C++, one function each. The addon deepntk is linked with compute.cpp, which
// calls native/core. The addon deepntk_cuda is linked with the .cu files of native/cuda. Node-API is not used
// here, so that nvcc needs none of its headers.
//
// A task has the fields of its twin in src/backend/seam.ts. Tasks that are not declared in native/core are
// here.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../core/chain.hpp"
#include "../core/conditional.hpp"
#include "../core/direct.hpp"
#include "../core/features.hpp"
#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/mlp.hpp"
#include "../core/training.hpp"

namespace deepntk {

struct ForwardTask {
  Network network;
  const double* x;  // n x n_0
  std::size_t n, rowBlock;
  double* outputs;  // n x K
};

// T is the features' type: double, or float in mixed precision.
template <typename T>
struct FeaturesTask {
  FeatureShape shape;
  const double* x;  // n x n_0
  FeatureBlock<T> block;
};

template <typename T, typename Out>
struct GramTileTask {
  FeatureShape shape;
  FeatureBlock<const T> a, b;  // equal if the tile is on the diagonal of a symmetric kernel
  std::size_t edge;
  double scale;
  Out *tile, *mirror;
};

template <typename T>
struct ProductsTask {
  FeatureShape shape;
  FeatureBlock<const T> block;
  std::size_t directions;
  bool transposed;         // columns += rows' J, otherwise rows = J columns'
  double *rows, *columns;  // (n K) x directions, directions x P
};

struct ChainTask {
  ChainPlan plan;
  std::uint64_t seed, first;
  std::size_t count;
  ChainReplicas replicas;
};

using AnyFeaturesTask = std::variant<FeaturesTask<double>, FeaturesTask<float>>;
using AnyGramTileTask = std::variant<GramTileTask<double, double>, GramTileTask<double, float>,
                                     GramTileTask<float, double>, GramTileTask<float, float>>;
using AnyProductsTask = std::variant<ProductsTask<double>, ProductsTask<float>>;
using AnySampleTask = std::variant<DirectTask, ConditionalTask>;

}  // namespace deepntk

namespace deepntk::compute {

void forward(Run& run, std::size_t threads, const ForwardTask& task);
void jacobian(Run& run, std::size_t threads, const JacobianTask& task);
void kernel(Run& run, std::size_t threads, const KernelTask& task);
void features(Run& run, std::size_t threads, const AnyFeaturesTask& task);
void gramTile(Run& run, std::size_t threads, const AnyGramTileTask& task);
void products(Run& run, std::size_t threads, const AnyProductsTask& task);
void sampleChain(Run& run, std::size_t threads, const ChainTask& task);
void sampleKernels(Run& run, std::size_t threads, const AnySampleTask& task);
void train(Run& run, std::size_t threads, const TrainTask& task);

// Empty if this addon can compute on this machine; otherwise the reason.
std::string whyUnavailable();

// The hardware and the libraries: names and values, for src/backend/native/addon.ts and src/backend/cuda/.
using Description = std::vector<std::pair<const char*, std::variant<std::string, double>>>;
Description describe();

// Seconds of one product of random or constant matrices, for benchmarks.
double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single);

}  // namespace deepntk::compute
