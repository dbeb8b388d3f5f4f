// The addon deepntk_cuda computes on a GPU. What its functions would do with threads and blocks of rows is
// the device's own affair.
#include "../addon/compute.hpp"

#include "cuda.hpp"

namespace deepntk::compute {

std::string whyUnavailable() {
  return cuda::whyUnavailable();
}

void describe(Napi::Object result) {
  const cuda::Description device = cuda::describe();
  result.Set("device", device.device);
  result.Set("capability", device.capability);
  result.Set("memory", static_cast<double>(device.memory));
  result.Set("driver", device.driver);
  result.Set("runtime", device.runtime);
  result.Set("cublas", device.cublas);
  result.Set("mixed", device.mixed);
}

void forward(Run& run, std::size_t, const Network& network, const double* x, std::size_t n, std::size_t,
             double* out) {
  cuda::forward(run, network, x, n, out);
}

void jacobian(Run& run, std::size_t, const JacobianTask& task) {
  cuda::computeJacobian(run, task);
}

void kernel(Run& run, std::size_t, const KernelTask& task) {
  cuda::computeKernel(run, task);
}

void chain(Run& run, std::size_t, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first,
           std::size_t count, const ChainReplicas& out) {
  cuda::sampleChain(run, plan, seed, first, count, out);
}

void conditional(Run& run, std::size_t, const ConditionalTask& task) {
  cuda::sampleConditional(run, task);
}

void direct(Run& run, std::size_t, const DirectTask& task) {
  cuda::sampleDirect(run, task);
}

template <typename T>
void features(Run& run, std::size_t, const FeatureShape& shape, const double* x, FeatureBlock<T> block) {
  cuda::computeFeatures<T>(run, shape, x, block);
}

template <typename T, typename Out>
void gramTile(Run& run, std::size_t, const FeatureShape& shape, FeatureBlock<const T> a,
              FeatureBlock<const T> b, std::size_t, double scale, Out* tile, Out* mirror) {
  cuda::computeGramTile<T, Out>(run, shape, a, b, scale, tile, mirror);
}

template <typename T>
void addGradients(Run& run, std::size_t, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients) {
  cuda::addGradients<T>(run, shape, block, directions, coefficients, gradients);
}

template <typename T>
void contractGradients(Run& run, std::size_t, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  cuda::contractGradients<T>(run, shape, block, directions, vectors, products);
}

DEEPNTK_INSTANTIATE_COMPUTE(double)
DEEPNTK_INSTANTIATE_COMPUTE(float)

void training(Run& run, std::size_t, const TrainTask& task) {
  cuda::takeSteps(run, task);
}

double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single) {
  return cuda::secondsOfGemm(rows, columns, inner, single);
}

}  // namespace deepntk::compute
