#include "jacobian.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "activations.hpp"

namespace deepntk {

namespace {

// The activations x^0 .. x^L of one block of inputs, and two layers of deltas, (input, output) pairs as rows.
struct Scratch {
  std::vector<Buffer<double>> activations;
  Buffer<double> deltas, below;
};

void forwardBlock(const Run& run, const Network& network, MatrixView<const double> x, Scratch& scratch) {
  MatrixView<const double> current = x;
  for (std::size_t l = 1; l < network.layers(); l++) {
    const Layer& layer = network.layer(l);
    const std::size_t width = layer.weights.rows;
    scratch.activations[l].reserve(x.rows * width);
    const MatrixView<double> h{scratch.activations[l].data(), x.rows, width, width};
    applyWeights(run, current, layer.weights, layer.weightGain, h);
    addBias(h, layer, true);
    expectGates(*std::max_element(h.data, h.data + x.rows * width), l);
    current = h;
  }
}

// One layer's part of one row of the Jacobian; returns where the next layer's part begins.
double* writeLayer(const Run& run, const Layer& layer, bool weights, bool biases, const double* delta,
                   const double* activation, double* out) {
  const std::size_t rows = layer.weights.rows, columns = layer.weights.columns;
  if (weights) {
    for (std::size_t i = 0; i < rows; i++, out += columns) {
      if (i % 1024 == 0) run.check();
      const double factor = layer.weightGain * delta[i];
      // A closed gate lets nothing through, also of an input that is not finite.
      if (factor == 0) {
        std::fill_n(out, columns, 0.0);
      } else {
        for (std::size_t j = 0; j < columns; j++) out[j] = factor * activation[j];
      }
    }
  }
  if (biases) {
    for (std::size_t i = 0; i < rows; i++) *out++ = layer.biasGain * delta[i];
  }
  return out;
}

std::size_t layerColumns(const JacobianTask& task, std::size_t l) {
  const MatrixView<const double>& weights = task.network.layer(l).weights;
  return (task.weights[l - 1] ? weights.rows * weights.columns : 0) + (task.biases[l - 1] ? weights.rows : 0);
}

void backwardBlock(const Run& run, const JacobianTask& task, MatrixView<const double> x, Scratch& scratch,
                   double* out) {
  const Network& network = task.network;
  const std::size_t outputs = network.outputs(), rowLength = task.columns();
  double* deltas = scratch.deltas.data();
  double* below = scratch.below.data();
  std::fill_n(deltas, x.rows * outputs * outputs, 0.0);
  for (std::size_t row = 0; row < x.rows * outputs; row++) deltas[row * outputs + row % outputs] = 1;

  std::size_t end = rowLength;  // one past the columns of layer l
  for (std::size_t l = network.layers(); l >= 1; l--) {
    const Layer& layer = network.layer(l);
    const std::size_t width = layer.weights.rows, inputs = layer.weights.columns;
    end -= layerColumns(task, l);
    for (std::size_t row = 0; row < x.rows * outputs; row++) {
      const std::size_t input = row / outputs;
      const double* activation = l == 1 ? x.row(input) : scratch.activations[l - 1].data() + input * inputs;
      writeLayer(run, layer, task.weights[l - 1] != 0, task.biases[l - 1] != 0, deltas + row * width,
                 activation, out + row * rowLength + end);
    }
    if (l == 1) break;
    gemm<double>(run, layer.weightGain, {deltas, x.rows * outputs, width, width}, layer.weights,
                 Transpose::no, 0.0, {below, x.rows * outputs, inputs, inputs});
    for (std::size_t row = 0; row < x.rows * outputs; row++) {
      const double* activation = scratch.activations[l - 1].data() + row / outputs * inputs;
      for (std::size_t j = 0; j < inputs; j++) {
        if (!(activation[j] > 0)) below[row * inputs + j] = 0;
      }
    }
    std::swap(deltas, below);
  }
}

}  // namespace

void computeJacobian(Run& run, std::size_t threads, const JacobianTask& task) {
  const Network& network = task.network;
  const std::size_t outputs = network.outputs(), rowLength = task.columns();
  const std::size_t step = std::clamp<std::size_t>(task.rowBlock / outputs, 1, task.n);
  run.expect(static_cast<double>(task.n) * outputs * rowLength);
  Team team(run, threads);
  std::vector<Scratch> scratch(team.size());
  team.parallelFor((task.n + step - 1) / step, [&](std::size_t block, std::size_t worker) {
    const std::size_t first = block * step, rows = std::min(step, task.n - first);
    Scratch& own = scratch[worker];
    own.activations.resize(network.layers());
    own.deltas.reserve(step * outputs * network.widest());
    own.below.reserve(step * outputs * network.widest());
    const MatrixView<const double> x{task.x + first * network.inputs(), rows, network.inputs(),
                                     network.inputs()};
    forwardBlock(run, network, x, own);
    backwardBlock(run, task, x, own, task.jacobian + first * outputs * rowLength);
    run.advance(static_cast<double>(rows) * outputs * rowLength);
  });
}

std::size_t JacobianTask::columns() const {
  std::size_t total = 0;
  for (std::size_t l = 1; l <= network.layers(); l++) total += layerColumns(*this, l);
  return total;
}

}  // namespace deepntk
