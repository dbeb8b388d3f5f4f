#include "mlp.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace deepntk {

void forward(Run& run, std::size_t threads, const Network& network, const double* x, std::size_t n,
             std::size_t rowBlock, double* out) {
  const std::size_t step = std::min(std::max<std::size_t>(rowBlock, 1), n);
  double flopsPerInput = 0;
  for (std::size_t l = 1; l <= network.layers(); l++) {
    flopsPerInput += 2.0 * network.width(l - 1) * network.width(l);
  }
  run.expect(flopsPerInput * n);
  Team team(run, threads);
  struct Scratch {
    Buffer<double> input, output;
  };
  std::vector<Scratch> scratch(team.size());
  const std::size_t layers = network.layers();
  team.parallelFor((n + step - 1) / step, [&](std::size_t block, std::size_t worker) {
    auto& [input, output] = scratch[worker];
    input.reserve(step * network.widest());
    output.reserve(step * network.widest());
    const std::size_t first = block * step, rows = std::min(step, n - first);
    MatrixView<const double> current{x + first * network.inputs(), rows, network.inputs(), network.inputs()};
    for (std::size_t l = 1; l <= layers; l++) {
      const Layer& layer = network.layer(l);
      const std::size_t width = layer.weights.rows;
      const MatrixView<double> h{l == layers ? out + first * width : output.data(), rows, width, width};
      applyWeights(run, current, layer.weights, layer.weightGain, h);
      addBias(h, layer, l < layers);
      run.advance(2.0 * rows * width * layer.weights.columns);
      current = h;
      std::swap(input, output);
    }
  });
}

Network::Network(std::vector<std::size_t> widths, const double* parameters, Span<const double> weightGains,
                 Span<const double> biasGains)
    : widths_(std::move(widths)) {
  for (std::size_t l = 1; l < widths_.size(); l++) {
    const std::size_t rows = widths_[l], columns = widths_[l - 1];
    layers_.push_back({{parameters, rows, columns, columns},
                       parameters + rows * columns,
                       weightGains[l - 1],
                       biasGains[l - 1]});
    parameters += rows * columns + rows;
  }
}

std::size_t Network::widest() const {
  return *std::max_element(widths_.begin(), widths_.end());
}

std::size_t Network::parameterCount() const {
  std::size_t count = 0;
  for (std::size_t l = 1; l <= layers(); l++) count += width(l) * (width(l - 1) + 1);
  return count;
}

void applyWeights(const Run& run, MatrixView<const double> x, MatrixView<const double> weights,
                  double weightGain, MatrixView<double> h) {
  gemm<double>(run, weightGain, x, weights, Transpose::yes, 0.0, h);
}

void addBias(MatrixView<double> h, const Layer& layer, bool relu) {
  for (std::size_t i = 0; i < h.rows; i++) {
    double* row = h.row(i);
    for (std::size_t j = 0; j < h.columns; j++) {
      const double value = row[j] + layer.biasGain * layer.biases[j];
      row[j] = relu && value <= 0 ? 0 : value;
    }
  }
}

}  // namespace deepntk
