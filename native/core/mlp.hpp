// The net: a view of its parameters, and its outputs.
#pragma once

#include <cstddef>
#include <vector>

#include "blas.hpp"
#include "buffer.hpp"
#include "run.hpp"

namespace deepntk {

// One layer: h = weightGain W x + biasGain b.
struct Layer {
  MatrixView<const double> weights;  // n_l x n_{l-1}
  const double* biases;
  double weightGain;
  double biasGain;
};

// h^l = weightGain_l W^l x^{l-1} + biasGain_l b^l, x^l = relu(h^l), f = h^{L+1}. A view of the parameters.
class Network {
 public:
  Network() = default;
  // `widths`: n_0 .. n_{L+1}. `parameters`: W^1 (row-major), b^1, W^2, b^2, ... Gains: L + 1 numbers, layer 1
  // first.
  Network(std::vector<std::size_t> widths, const double* parameters, Span<const double> weightGains,
          Span<const double> biasGains);

  std::size_t layers() const { return layers_.size(); }  // L + 1
  std::size_t width(std::size_t l) const { return widths_[l]; }
  std::size_t inputs() const { return widths_.front(); }
  std::size_t outputs() const { return widths_.back(); }
  std::size_t widest() const;
  std::size_t parameterCount() const;
  // Layer l = 1 .. L+1.
  const Layer& layer(std::size_t l) const { return layers_[l - 1]; }

 private:
  std::vector<std::size_t> widths_;
  std::vector<Layer> layers_;
};

// Preactivations of a block of inputs, without the bias: h = weightGain x W'. `x` and `weights` may hold
// fewer columns than the layer has inputs, where the missing ones are zero in every row of `x`.
void applyWeights(const Run& run, MatrixView<const double> x, MatrixView<const double> weights,
                  double weightGain, MatrixView<double> h);

// h + biasGain b in place; with `relu`, then its positive part. Not-a-number stays not-a-number.
void addBias(MatrixView<double> h, const Layer& layer, bool relu);

// f(X), n x K, into `out`. `x` is n x n_0; `rowBlock` inputs go through the layers at once.
void forward(Run& run, std::size_t threads, const Network& network, const double* x, std::size_t n,
             std::size_t rowBlock, double* out);

}  // namespace deepntk
