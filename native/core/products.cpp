// Products with the Jacobian, which is never formed: of a layer its rows are delta_i (x) x_i.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "activations.hpp"
#include "features.hpp"

namespace deepntk {

namespace {

// Where the weights and the biases of each layer lie among all parameters.
std::vector<std::size_t> layerOffsets(const Network& network) {
  std::vector<std::size_t> offsets{0};
  for (std::size_t l = 1; l <= network.layers(); l++) {
    offsets.push_back(offsets.back() + network.width(l) * (network.width(l - 1) + 1));
  }
  return offsets;
}

double flopsOf(const FeatureShape& shape, std::size_t n) {
  double flops = 0;
  for (std::size_t l = 1; l <= shape.network.layers(); l++) {
    if (shape.counts(l)) flops += 2.0 * n * shape.network.width(l - 1) * shape.network.width(l);
  }
  return flops;
}

// One layer of one group, as products see it.
template <typename T>
struct GroupLayer {
  MatrixView<const T> activations;  // rows x n_{l-1}; null data where the weights do not count
  const T* deltas;                  // (rows chains) x n_l; null: the identity
  std::size_t width;                // n_l
  double weightScale, biasScale;    // of delta x' and of delta, as they are stored
};

template <typename T>
GroupLayer<T> groupLayer(const FeatureShape& shape, const FeatureBlock<const T>& block, std::size_t group,
                         std::size_t l) {
  const std::size_t first = group * shape.group, rows = std::min(shape.group, block.n - first);
  const std::size_t below = shape.network.width(l - 1), width = shape.network.width(l);
  const bool kept = shape.hasActivations(l);
  const int deltaExponent = block.deltaExponent(shape, group, l);
  return {{kept ? block.activations(shape, l) + first * below : nullptr, rows, below, below},
          shape.hasDeltas(l) ? block.deltas(shape, l) + first * shape.chains() * width : nullptr,
          width,
          std::ldexp(shape.network.layer(l).weightGain,
                     deltaExponent + (kept ? block.activationExponent(shape, group, l) : 0)),
          shape.biasTerms[l - 1] == 0 ? 0.0 : std::ldexp(shape.network.layer(l).biasGain, deltaExponent)};
}

}  // namespace

template <typename T>
void addGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients) {
  Team team(run, threads);
  const Network& net = shape.network;
  const std::vector<std::size_t> offsets = layerOffsets(net);
  const std::size_t layers = net.layers(), chains = shape.chains();
  run.expect(directions * flopsOf(shape, block.n));
  struct Scratch {
    Buffer<T> combined, gradient;
  };
  std::vector<Scratch> scratch(team.size());
  // One item is one layer of one direction, and goes through the groups in their order.
  team.parallelFor(directions * layers, [&](std::size_t item, std::size_t worker) {
    const std::size_t direction = item % directions, l = layers - item / directions;
    if (!shape.counts(l)) return;
    auto& [combined, gradient] = scratch[worker];
    double* const weights = gradients + direction * offsets[layers] + offsets[l - 1];
    double* const biases = weights + net.width(l) * net.width(l - 1);
    for (std::size_t group = 0; group < shape.groupsOf(block.n); group++) {
      run.check();
      const GroupLayer<T> layer = groupLayer(shape, block, group, l);
      const std::size_t rows = layer.activations.rows, width = layer.width, below = layer.activations.columns;
      const double* const c = coefficients + group * shape.group * chains * directions + direction;
      // The cotangent of h^l: the sum over chains of coefficient times delta.
      combined.reserve(shape.group * width);
      for (std::size_t i = 0; i < rows; i++) {
        T* const row = combined.data() + i * width;
        if (layer.deltas == nullptr) {
          for (std::size_t k = 0; k < width; k++) row[k] = static_cast<T>(c[(i * chains + k) * directions]);
          continue;
        }
        std::fill_n(row, width, T(0));
        for (std::size_t k = 0; k < chains; k++) {
          const T factor = static_cast<T>(c[(i * chains + k) * directions]);
          if (factor == 0) continue;
          const T* const delta = layer.deltas + (i * chains + k) * width;
          for (std::size_t j = 0; j < width; j++) row[j] += factor * delta[j];
        }
      }
      const MatrixView<const T> left{combined.data(), rows, width, width};
      if (layer.activations.data != nullptr) {
        gradient.reserve(width * below);
        gemmTransposed<T>(run, T(1), left, layer.activations, T(0), {gradient.data(), width, below, below});
        for (std::size_t j = 0; j < width * below; j++) {
          weights[j] += layer.weightScale * static_cast<double>(gradient[j]);
        }
      }
      if (layer.biasScale != 0) {
        for (std::size_t i = 0; i < rows; i++) {
          const T* const row = left.row(i);
          for (std::size_t j = 0; j < width; j++) biases[j] += layer.biasScale * static_cast<double>(row[j]);
        }
      }
      run.advance(2.0 * rows * width * below);
    }
  });
}

template <typename T>
void contractGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  Team team(run, threads);
  const Network& net = shape.network;
  const std::vector<std::size_t> offsets = layerOffsets(net);
  const std::size_t layers = net.layers(), chains = shape.chains();
  run.expect(directions * flopsOf(shape, block.n));
  struct Scratch {
    Buffer<T> vector, tangents;
  };
  std::vector<Scratch> scratch(team.size());
  std::fill_n(products, block.n * chains * directions, 0.0);
  team.parallelFor(directions * shape.groupsOf(block.n), [&](std::size_t item, std::size_t worker) {
    const std::size_t direction = item % directions, group = item / directions;
    auto& [vector, tangents] = scratch[worker];
    double* const out = products + group * shape.group * chains * directions + direction;
    for (std::size_t l = 1; l <= layers; l++) {
      if (!shape.counts(l)) continue;
      run.check();
      const GroupLayer<T> layer = groupLayer(shape, block, group, l);
      const std::size_t rows = layer.activations.rows, width = layer.width, below = layer.activations.columns;
      const double* const weights = vectors + direction * offsets[layers] + offsets[l - 1];
      const double* const biases = weights + width * below;
      double scale = layer.weightScale;
      if (layer.activations.data != nullptr) {
        MatrixView<const T> right;
        if constexpr (std::is_same_v<T, double>) {
          right = {weights, width, below, below};
        } else {
          double largest = 0;
          for (std::size_t j = 0; j < width * below; j++) largest = std::max(largest, std::abs(weights[j]));
          const int exponent = exponentOf(largest);
          scale = std::ldexp(scale, exponent);
          const double factor = std::ldexp(1.0, -exponent);
          vector.reserve(width * below);
          for (std::size_t j = 0; j < width * below; j++) vector[j] = static_cast<T>(weights[j] * factor);
          right = {vector.data(), width, below, below};
        }
        tangents.reserve(shape.group * width);
        gemm<T>(run, T(1), layer.activations, right, Transpose::yes, T(0),
                {tangents.data(), rows, width, width});
      }
      for (std::size_t i = 0; i < rows; i++) {
        const T* const tangent = layer.activations.data == nullptr ? nullptr : tangents.data() + i * width;
        for (std::size_t k = 0; k < chains; k++) {
          double weightPart = 0, biasPart = 0;
          if (layer.deltas == nullptr) {
            // The deltas of the output layer are the identity; those of the sum of logits are not used here.
            weightPart = tangent == nullptr ? 0 : static_cast<double>(tangent[k]);
            biasPart = biases[k];
          } else {
            const T* const delta = layer.deltas + (i * chains + k) * width;
            if (tangent != nullptr) {
              for (std::size_t j = 0; j < width; j++)
                weightPart += static_cast<double>(delta[j]) * tangent[j];
            }
            if (layer.biasScale != 0) {
              for (std::size_t j = 0; j < width; j++) biasPart += static_cast<double>(delta[j]) * biases[j];
            }
          }
          out[(i * chains + k) * directions] += (tangent == nullptr ? 0 : scale * weightPart) +
                                                (layer.biasScale == 0 ? 0 : layer.biasScale * biasPart);
        }
      }
      run.advance(2.0 * rows * width * below);
    }
  });
}

template void addGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const double>, std::size_t,
                           const double*, double*);
template void addGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const float>, std::size_t,
                           const double*, double*);
template void contractGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const double>,
                                std::size_t, const double*, double*);
template void contractGradients(Run&, std::size_t, const FeatureShape&, FeatureBlock<const float>,
                                std::size_t, const double*, double*);

}  // namespace deepntk
