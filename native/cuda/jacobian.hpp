// Derivatives of the outputs by the parameters on a device; the counterpart of native/core/jacobian.*.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "../core/jacobian.hpp"
#include "forward.hpp"
#include "gates.hpp"

namespace deepntk::cuda {

// Row i is the identity's row i modulo `size`.
struct IdentityRows {
  double* to;
  std::size_t size;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    to[i * size + j] = i % size == j ? 1 : 0;
  }
};

// One layer's weights in every row of the Jacobian: gain delta_i x_j at column i * inputs + j. A closed gate
// lets nothing through, also of an input that is not finite.
struct WriteWeights {
  const double *deltas, *activations;
  std::size_t width, inputs, outputs;
  double gain;
  double* to;
  std::size_t rowLength;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t column) const {
    const std::size_t i = column / inputs, j = column - i * inputs;
    const double factor = gain * deltas[row * width + i];
    to[row * rowLength + column] = factor == 0 ? 0.0 : factor * activations[row / outputs * inputs + j];
  }
};

struct WriteBiases {
  const double* deltas;
  std::size_t width;
  double gain;
  double* to;
  std::size_t rowLength;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t i) const {
    to[row * rowLength + i] = gain * deltas[row * width + i];
  }
};

template <typename Device>
void computeJacobian(Run& run, Device& device, const JacobianTask& task) {
  constexpr double kBlockBytes = 256 << 20;  // of one piece of the result on its way to the host
  const Network& net = task.network;
  const std::size_t outputs = net.outputs(), inputs = net.inputs(), rowLength = task.columns();
  run.expect(static_cast<double>(task.n) * outputs * rowLength);
  const ResidentNetwork<Device> resident(device, net);
  Products<Device> products(device, Arithmetic::single);
  double units = 0;
  for (std::size_t l = 0; l < net.layers(); l++) units += net.width(l);
  const double perInput = 8.0 * (units + 2.0 * outputs * net.widest() + 3.0 * outputs * rowLength);
  const double room = 0.8 * static_cast<double>(device.freeMemory());
  const double rowsThatFit = std::min(room / perInput, kBlockBytes / (8.0 * outputs * (rowLength + 1.0)));
  const auto step = static_cast<std::size_t>(std::clamp(rowsThatFit, 1.0, static_cast<double>(task.n)));
  Results<Device> results(device);
  LargestActivations<Device> largest(device, 1, net.layers());
  for (std::size_t first = 0; first < task.n; first += step) {
    const std::size_t n = std::min(step, task.n - first), rows = n * outputs;
    std::vector<DeviceArray<Device, double>> activations;
    activations.emplace_back(device, task.x + first * inputs, n * inputs);
    for (std::size_t l = 1; l < net.layers(); l++) {
      const std::size_t width = net.width(l), below = net.width(l - 1);
      activations.emplace_back(device, n * width);
      applyLayer(device, products, resident, l, {activations[l - 1].data(), n, below, below}, true,
                 {activations[l].data(), n, width, width});
      largest.note(l, activations[l].data(), n, width, n);
    }
    DeviceArray<Device, double> jacobian(device, rows * rowLength);
    DeviceArray<Device, double> deltas(device, rows * outputs);
    device.forEach(rows, outputs, IdentityRows{deltas.data(), outputs});
    double* end = jacobian.data() + rowLength;
    for (std::size_t l = net.layers(); l >= 1; l--) {
      const Layer& layer = resident.view().layer(l);
      const std::size_t width = layer.weights.rows, below = layer.weights.columns;
      if (task.biases[l - 1]) {
        end -= width;
        device.forEach(rows, width, WriteBiases{deltas.data(), width, layer.biasGain, end, rowLength});
      }
      if (task.weights[l - 1]) {
        end -= width * below;
        device.forEach(rows, width * below,
                       WriteWeights{deltas.data(), activations[l - 1].data(), width, below, outputs,
                                    layer.weightGain, end, rowLength});
      }
      if (l == 1) break;
      DeviceArray<Device, double> next(device, rows * below);
      products.template multiply<double>(Transpose::no, Transpose::no, resident.weightGain(l),
                                         {deltas.data(), rows, width, width}, layer.weights,
                                         device.template zero<double>(), {next.data(), rows, below, below});
      device.forEach(
          stripsOf(rows), below,
          Gate<double>{activations[l - 1].data(), nullptr, next.data(), rows, outputs, below, nullptr});
      deltas = std::move(next);
    }
    results.send(std::move(jacobian), task.jacobian + first * outputs * rowLength, rows, rowLength,
                 rowLength);
    device.pace(run, static_cast<double>(rows) * rowLength);
  }
  largest.expectGates();
  results.finish();
}

}  // namespace deepntk::cuda
