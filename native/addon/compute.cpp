// The addon deepntk computes by native/core.
#include "compute.hpp"

#include <algorithm>
#include <chrono>

#include "../core/blas.hpp"

namespace deepntk::compute {

namespace {

template <typename T>
double secondsOfProduct(std::size_t rows, std::size_t columns, std::size_t inner) {
  Buffer<T> a(rows * inner), b(inner * columns), c(rows * columns);
  std::fill_n(a.data(), a.size(), T(1));
  std::fill_n(b.data(), b.size(), T(1));
  const Run run;
  acquireSingleThreadedBlas();
  const auto start = std::chrono::steady_clock::now();
  gemm<T>(run, 1, {a.data(), rows, inner, inner}, {b.data(), inner, columns, columns}, Transpose::no, 0,
          {c.data(), rows, columns, columns});
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  releaseSingleThreadedBlas();
  return elapsed.count();
}

}  // namespace

std::string whyUnavailable() {
  return "";
}

void describe(Napi::Object result) {
  const BlasDescription blas = describeBlas();
  result.Set("library", blas.library);
  result.Set("version", blas.version);
  result.Set("core", blas.core);
  result.Set("threading", blas.threading);
  result.Set("threads", blas.threads);
}

void forward(Run& run, std::size_t threads, const Network& network, const double* x, std::size_t n,
             std::size_t rowBlock, double* out) {
  deepntk::forward(run, threads, network, x, n, rowBlock, out);
}

void jacobian(Run& run, std::size_t threads, const JacobianTask& task) {
  computeJacobian(run, threads, task);
}

void kernel(Run& run, std::size_t threads, const KernelTask& task) {
  computeKernel(run, threads, task);
}

void chain(Run& run, std::size_t threads, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first,
           std::size_t count, const ChainReplicas& out) {
  sampleChain(run, threads, plan, seed, first, count, out);
}

void conditional(Run& run, std::size_t threads, const ConditionalTask& task) {
  sampleConditional(run, threads, task);
}

void direct(Run& run, std::size_t threads, const DirectTask& task) {
  sampleDirect(run, threads, task);
}

template <typename T>
void features(Run& run, std::size_t threads, const FeatureShape& shape, const double* x,
              FeatureBlock<T> block) {
  computeFeatures<T>(run, threads, shape, x, block);
}

template <typename T, typename Out>
void gramTile(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> a,
              FeatureBlock<const T> b, std::size_t edge, double scale, Out* tile, Out* mirror) {
  computeGramTile<T, Out>(run, threads, shape, a, b, edge, scale, tile, mirror);
}

template <typename T>
void addGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients) {
  deepntk::addGradients<T>(run, threads, shape, block, directions, coefficients, gradients);
}

template <typename T>
void contractGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  deepntk::contractGradients<T>(run, threads, shape, block, directions, vectors, products);
}

DEEPNTK_INSTANTIATE_COMPUTE(double)
DEEPNTK_INSTANTIATE_COMPUTE(float)

void training(Run& run, std::size_t threads, const TrainTask& task) {
  takeSteps(run, threads, task);
}

double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single) {
  return single ? secondsOfProduct<float>(rows, columns, inner)
                : secondsOfProduct<double>(rows, columns, inner);
}

}  // namespace deepntk::compute
