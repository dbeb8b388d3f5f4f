// The features of a block of inputs: all that their kernel with any other inputs is made of. So a kernel can
// be computed tile by tile, and multiplied, without ever being in memory.
//
//   Theta(x, x') = sum over l of (weightTerms_l x^{l-1}.x'^{l-1} + biasTerms_l) (delta^l . delta'^l)
//
// A block of n inputs is worked on in groups of consecutive inputs, each by one thread alone, and each scaled
// by powers of two of its own: the bits depend on the groups only, neither on the blocks nor on the threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gram.hpp"
#include "mlp.hpp"
#include "run.hpp"

namespace deepntk {

// Which features there are, and how they lie in memory.
struct FeatureShape {
  Network network;
  KernelForm form;
  Span<const double> weightTerms;  // L + 1 numbers; 0 where a layer's parameters do not count
  Span<const double> biasTerms;
  std::size_t group;  // inputs of one group

  std::size_t chains() const { return chainsOf(form, network.outputs()); }
  bool hasActivations(std::size_t l) const { return weightTerms[l - 1] != 0; }
  bool counts(std::size_t l) const { return hasActivations(l) || biasTerms[l - 1] != 0; }
  // Those of layer L+1 are the identity, and not stored.
  bool hasDeltas(std::size_t l) const { return counts(l) && l < network.layers(); }
  // The lowest layer that counts; L + 2 where none does.
  std::size_t lowest() const;
  std::size_t groupsOf(std::size_t n) const { return (n + group - 1) / group; }
  // Numbers that one input takes in front of layer l's; of l = L + 2, altogether.
  std::size_t offset(std::size_t l) const;
  // exponents of the groups of n inputs
  std::size_t exponents(std::size_t n) const { return groupsOf(n) * network.layers() * 2; }
};

// Layer after layer: x^{l-1} of all n inputs (n x n_{l-1}, where layer l has a weight term), then delta^l of
// all (n chains x n_l, where it counts). T is const where the block is only read.
template <typename T>
struct FeatureBlock {
  T* values;
  std::size_t n;
  // For every group and layer, e and f with x^{l-1} = 2^e times and delta^l = 2^f times what is stored.
  std::conditional_t<std::is_const_v<T>, const std::int32_t, std::int32_t>* exponents;

  T* activations(const FeatureShape& shape, std::size_t l) const { return values + n * shape.offset(l); }
  T* deltas(const FeatureShape& shape, std::size_t l) const {
    return activations(shape, l) + (shape.hasActivations(l) ? n * shape.network.width(l - 1) : 0);
  }
  int activationExponent(const FeatureShape& shape, std::size_t group, std::size_t l) const {
    return exponents[(group * shape.network.layers() + l - 1) * 2];
  }
  int deltaExponent(const FeatureShape& shape, std::size_t group, std::size_t l) const {
    return exponents[(group * shape.network.layers() + l - 1) * 2 + 1];
  }
};

// Computes the features of `x` (block.n x n_0) into the block: forward in float64, backward in T.
template <typename T>
void computeFeatures(Run& run, std::size_t threads, const FeatureShape& shape, const double* x,
                     FeatureBlock<T> block);

// `directions` products with the Jacobian at once, of rows (input, chain) and the columns of ALL parameters.
// gradients (directions x P) += coefficients' J; coefficients: (n chains) x directions.
template <typename T>
void addGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients);

// products ((n chains) x directions) = J vectors'; vectors: directions x P.
template <typename T>
void contractGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products);

// The kernel of the inputs of two blocks, to a tile of A.n x B.n x entries numbers of type Out, times
// `scale`; with `mirror`, also of B and A (the transpose), B.n x A.n x entries. Where both are the same
// block, half of it is computed, and `mirror` is null. `edge`: inputs of one product of BLAS; divides the
// group. Throws std::runtime_error where a finite entry is beyond Out's range.
template <typename T, typename Out>
void computeGramTile(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> a,
                     FeatureBlock<const T> b, std::size_t edge, double scale, Out* tile, Out* mirror);

}  // namespace deepntk
