// The passes over arrays between the matrix products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.hpp"
#include "mlp.hpp"

namespace deepntk {

// h = relu(h + biasGain b) in place. Adds every row to `columnSums`. Not-a-number stays not-a-number.
void rectify(MatrixView<double> h, const Layer& layer, double* columnSums);

// h = relu(h + gain b) in place. Not-a-number becomes 0.
void rectifyRow(double* h, const double* biases, double gain, std::size_t size);

// Adds to counts[j] the rows of h whose entry in column j is above 0.
void countOpen(MatrixView<const double> h, std::uint32_t* counts);

// to = from where the activation is positive, else 0. `from` may be `to`.
void gateRow(const double* activation, const double* from, double* to, std::size_t size);
// The same, and the largest magnitude in `to`.
float gateRow(const float* activation, const float* from, float* to, std::size_t size);

// to[j] = from[j] * scale, but never 0 where from[j] > 0: gates are read from the result.
void narrow(const double* from, double scale, float* to, std::size_t size);

// kernel[j] += (weightTerm activations[j]) deltas[j] + biasTerm deltas[j], in float64.
template <typename T>
void addProducts(const T* activations, const T* deltas, double weightTerm, double biasTerm, double* kernel,
                 std::size_t size);

double largestMagnitude(const double* values, std::size_t size);

// out[2 i] = factor even[i], out[2 i + 1] = factor odd[i]
void interleave(const double* even, const double* odd, std::size_t size, double factor, double* out);

// sum += factor values
void addScaled(double* sum, double factor, const double* values, std::size_t size);

// The factors of one step of Adam.
struct AdamStep {
  double beta1, beta2, epsilon;
  double stepSize;     // the learning rate over the correction of the first moments
  double correction2;  // of the second moments
};

// Updates the moments, then moves the parameters.
void adam(const AdamStep& step, const double* gradient, double* first, double* second, double* parameters,
          std::size_t size);

}  // namespace deepntk
