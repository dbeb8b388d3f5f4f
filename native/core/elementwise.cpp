#include "elementwise.hpp"

#include <limits>

#define DEEPNTK_LOOPS "../elementwise_loops.hpp"
#include "simd/for_each_target.hpp"

namespace deepntk {

void rectify(MatrixView<double> h, const Layer& layer, double* columnSums) {
  DEEPNTK_DISPATCH(rectify(h, layer, columnSums))
}

void rectifyRow(double* h, const double* biases, double gain, std::size_t size) {
  DEEPNTK_DISPATCH(rectifyRow(h, biases, gain, size))
}

void countOpen(MatrixView<const double> h, std::uint32_t* counts) {
  DEEPNTK_DISPATCH(countOpen(h, counts))
}

void gateRow(const double* activation, const double* from, double* to, std::size_t size) {
  DEEPNTK_DISPATCH(gateRow(activation, from, to, size))
}

float gateRow(const float* activation, const float* from, float* to, std::size_t size) {
  DEEPNTK_DISPATCH(gateRow(activation, from, to, size))
}

void narrow(const double* from, double scale, float* to, std::size_t size) {
  DEEPNTK_DISPATCH(narrow(from, scale, to, size))
}

template <typename T>
void addProducts(const T* activations, const T* deltas, double weightTerm, double biasTerm, double* kernel,
                 std::size_t size) {
  DEEPNTK_DISPATCH(addProducts(activations, deltas, weightTerm, biasTerm, kernel, size))
}

double largestMagnitude(const double* values, std::size_t size) {
  DEEPNTK_DISPATCH(largestMagnitude(values, size))
}

void interleave(const double* even, const double* odd, std::size_t size, double factor, double* out) {
  DEEPNTK_DISPATCH(interleave(even, odd, size, factor, out))
}

void addScaled(double* sum, double factor, const double* values, std::size_t size) {
  DEEPNTK_DISPATCH(addScaled(sum, factor, values, size))
}

void adam(const AdamStep& step, const double* gradient, double* first, double* second, double* parameters,
          std::size_t size) {
  DEEPNTK_DISPATCH(adam(step, gradient, first, second, parameters, size))
}

template void addProducts(const double*, const double*, double, double, double*, std::size_t);
template void addProducts(const float*, const float*, double, double, double*, std::size_t);

}  // namespace deepntk
