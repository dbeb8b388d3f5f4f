// The passes over one row that stand between the matrix products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.hpp"
#include "mlp.hpp"

// One version of a function for each instruction set worth it, chosen when the program starts. All give the
// same bits: nothing is contracted into fused multiply-adds (-ffp-contract=off).
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define DEEPNTK_FOR_EACH_INSTRUCTION_SET __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define DEEPNTK_FOR_EACH_INSTRUCTION_SET
#endif

namespace deepntk {

// h = relu(h + biasGain b) in place, and adds every row to `columnSums`. Not-a-number stays not-a-number.
void rectify(MatrixView<double> h, const Layer& layer, double* columnSums);

// Adds to counts[j] the rows of h whose entry in column j is above 0.
void countOpen(MatrixView<const double> h, std::uint32_t* counts);

// to = from where the activation is positive, else 0. `from` may be `to`.
void gateRow(const double* activation, const double* from, double* to, std::size_t size);
// The same, and the largest magnitude in `to`.
float gateRow(const float* activation, const float* from, float* to, std::size_t size);

// to[j] = from[j] * scale, but never 0 where from[j] > 0: gates are read from the result.
void narrow(const double* from, double scale, float* to, std::size_t size);

// kernel[j] += (weightTerm activations[j]) deltas[j] + biasTerm deltas[j], in float64.
void addProducts(const double* activations, const double* deltas, double weightTerm, double biasTerm,
                 double* kernel, std::size_t size);
void addProducts(const float* activations, const float* deltas, double weightTerm, double biasTerm,
                 double* kernel, std::size_t size);

}  // namespace deepntk
