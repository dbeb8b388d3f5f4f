// The outputs of a net on a device; the counterpart of native/core/mlp.*.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../core/mlp.hpp"
#include "products.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// One layer of a block of inputs: h = weightGain W x + biasGain b. With `relu`, its positive part.
template <typename Device>
void applyLayer(Device& device, Products<Device>& products, const ResidentNetwork<Device>& resident,
                std::size_t l, MatrixView<const double> x, bool relu, MatrixView<double> h) {
  const Layer& layer = resident.view().layer(l);
  products.template multiply<double>(Transpose::no, Transpose::yes, resident.weightGain(l), x, layer.weights,
                                     device.template zero<double>(), h);
  device.forEach(h.rows, h.columns, AddBias{h.data, h.columns, layer.biases, layer.biasGain, relu});
}

// The weights of a layer as numbers of type T. `converted` holds them if T is not double.
template <typename Device, typename T>
MatrixView<const T> weightsAs(Device& device, const MatrixView<const double>& weights,
                              DeviceArray<Device, T>& converted) {
  if constexpr (std::is_same_v<T, double>) {
    return weights;
  } else {
    converted = DeviceArray<Device, T>(device, weights.rows * weights.columns);
    device.forEach(
        weights.rows, weights.columns,
        Gather<double, T>{weights.data, weights.stride, nullptr, nullptr, converted.data(), weights.columns});
    return {converted.data(), weights.rows, weights.columns, weights.columns};
  }
}

// df/dx^L over `count` units, those of the list or all. It is W^{L+1}, one row for each output. For the sum
// of logits it is one row, the sum of the rows of W^{L+1} over sqrt(K).
template <typename Device, typename T>
DeviceArray<Device, T> outputRows(Device& device, const Layer& layer, bool sumOfLogits,
                                  const std::uint32_t* units, std::size_t count) {
  const std::size_t width = layer.weights.columns, outputs = layer.weights.rows;
  DeviceArray<Device, T> rows(device, (sumOfLogits ? 1 : outputs) * count);
  if (sumOfLogits) {
    device.forEach(1, count,
                   SumRows<T>{layer.weights.data, outputs, width, units,
                              layer.weightGain / std::sqrt(static_cast<double>(outputs)), rows.data()});
  } else {
    device.forEach(
        outputs, count,
        Gather<double, T>{layer.weights.data, width, nullptr, units, rows.data(), count, layer.weightGain});
  }
  return rows;
}

// Writes f(X), n x K, to `out`. `x` and `out` are on the host.
template <typename Device>
void forward(Run& run, Device& device, const Network& network, const double* x, std::size_t n, double* out) {
  const std::size_t inputs = network.inputs(), outputs = network.outputs(), widest = network.widest();
  double flops = 0;
  for (std::size_t l = 1; l <= network.layers(); l++) flops += 2.0 * network.width(l - 1) * network.width(l);
  run.expect(flops * n);
  const ResidentNetwork<Device> resident(device, network);
  Products<Device> products(device, Arithmetic::single);
  const double bytesPerInput = 8.0 * (inputs + 2 * widest + 3 * outputs);
  const double room = 0.8 * static_cast<double>(device.freeMemory());
  const auto fitting =
      static_cast<std::size_t>(std::clamp(room / bytesPerInput, 1.0, static_cast<double>(n)));
  Results<Device> results(device);
  for (std::size_t first = 0; first < n; first += fitting) {
    const std::size_t rows = std::min(fitting, n - first);
    const DeviceArray<Device, double> block(device, x + first * inputs, rows * inputs);
    DeviceArray<Device, double> here(device, rows * widest), next(device, rows * widest),
        last(device, rows * outputs);
    MatrixView<const double> current{block.data(), rows, inputs, inputs};
    for (std::size_t l = 1; l <= network.layers(); l++) {
      const std::size_t width = network.width(l);
      const bool hidden = l < network.layers();
      const MatrixView<double> h{hidden ? here.data() : last.data(), rows, width, width};
      applyLayer(device, products, resident, l, current, hidden, h);
      device.pace(run, 2.0 * rows * width * network.width(l - 1));
      current = h;
      std::swap(here, next);
    }
    results.send(std::move(last), out + first * outputs, rows, outputs, outputs);
  }
  results.finish();
}

}  // namespace deepntk::cuda
