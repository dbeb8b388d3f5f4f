// The operations of the addon deepntk, by native/core.
#include "compute.hpp"

#include <algorithm>
#include <chrono>

#include "../core/blas.hpp"

namespace deepntk::compute {

void forward(Run& run, std::size_t threads, const ForwardTask& task) {
  deepntk::forward(run, threads, task.network, task.x, task.n, task.rowBlock, task.outputs);
}

void jacobian(Run& run, std::size_t threads, const JacobianTask& task) {
  computeJacobian(run, threads, task);
}

void kernel(Run& run, std::size_t threads, const KernelTask& task) {
  computeKernel(run, threads, task);
}

void features(Run& run, std::size_t threads, const AnyFeaturesTask& any) {
  std::visit([&](const auto& task) { computeFeatures(run, threads, task.shape, task.x, task.block); }, any);
}

void gramTile(Run& run, std::size_t threads, const AnyGramTileTask& any) {
  std::visit(
      [&](const auto& task) {
        computeGramTile(run, threads, task.shape, task.a, task.b, task.edge, task.scale, task.tile,
                        task.mirror);
      },
      any);
}

void products(Run& run, std::size_t threads, const AnyProductsTask& any) {
  std::visit(
      [&](const auto& task) {
        if (task.transposed) {
          addGradients(run, threads, task.shape, task.block, task.directions, task.rows, task.columns);
        } else {
          contractGradients(run, threads, task.shape, task.block, task.directions, task.columns, task.rows);
        }
      },
      any);
}

void sampleChain(Run& run, std::size_t threads, const ChainTask& task) {
  deepntk::sampleChain(run, threads, task.plan, task.seed, task.first, task.count, task.replicas);
}

void sampleKernels(Run& run, std::size_t threads, const AnySampleTask& any) {
  if (const auto* direct = std::get_if<DirectTask>(&any)) {
    sampleDirect(run, threads, *direct);
  } else {
    sampleConditional(run, threads, std::get<ConditionalTask>(any));
  }
}

void train(Run& run, std::size_t threads, const TrainTask& task) {
  takeSteps(run, threads, task);
}

std::string whyUnavailable() {
  return "";
}

Description describe() {
  const BlasDescription blas = describeBlas();
  return {{"library", blas.library},
          {"version", blas.version},
          {"core", blas.core},
          {"threading", blas.threading},
          {"threads", static_cast<double>(blas.threads)}};
}

template <typename T>
static double secondsOfProduct(std::size_t rows, std::size_t columns, std::size_t inner) {
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

double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single) {
  return single ? secondsOfProduct<float>(rows, columns, inner)
                : secondsOfProduct<double>(rows, columns, inner);
}

}  // namespace deepntk::compute
