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

// The inner product in float64, in four sums, so that an addition need not wait for the one before it.
template <typename A, typename B>
double dot(const A* a, const B* b, std::size_t size) {
  double sums[4] = {0, 0, 0, 0};
  std::size_t j = 0;
  for (; j + 4 <= size; j += 4) {
    for (std::size_t lane = 0; lane < 4; lane++) {
      sums[lane] += static_cast<double>(a[j + lane]) * static_cast<double>(b[j + lane]);
    }
  }
  for (; j < size; j++) sums[0] += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// One layer of one group, as products see it.
template <typename T>
struct GroupLayer {
  std::size_t l, firstInput;
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
  return {l,
          first,
          {kept ? block.activations(shape, l) + first * below : nullptr, rows, below, below},
          shape.hasDeltas(l) ? block.deltas(shape, l) + first * shape.chains() * width : nullptr,
          width,
          std::ldexp(shape.network.layer(l).weightGain,
                     deltaExponent + (kept ? block.activationExponent(shape, group, l) : 0)),
          shape.biasTerms[l - 1] == 0 ? 0.0 : std::ldexp(shape.network.layer(l).biasGain, deltaExponent)};
}

enum class Each { layer, group };

// Calls body(layer of a group, direction, worker) for every direction, every layer that counts, and every
// group. One item of the team's loop is a direction with one layer, or with one group; it goes through the
// groups, or through the layers, in their order.
template <typename T, typename Body>
void forEachGroupLayer(Run& run, Team& team, const FeatureShape& shape, const FeatureBlock<const T>& block,
                       std::size_t directions, Each item, const Body& body) {
  const std::size_t layers = shape.network.layers(), groups = shape.groupsOf(block.n);
  const std::size_t items = item == Each::layer ? layers : groups;
  const std::size_t steps = item == Each::layer ? groups : layers;
  team.parallelFor(directions * items, [&](std::size_t index, std::size_t worker) {
    for (std::size_t step = 0; step < steps; step++) {
      const std::size_t l = item == Each::layer ? layers - index / directions : step + 1;
      if (!shape.counts(l)) continue;
      run.check();
      const GroupLayer<T> layer =
          groupLayer(shape, block, item == Each::layer ? step : index / directions, l);
      body(layer, index % directions, worker);
      run.advance(2.0 * layer.activations.rows * layer.width * layer.activations.columns);
    }
  });
}

// The weights' parts of some vectors in T: float32 numbers have a power of two for every layer and direction.
template <typename T>
class Weights {
 public:
  Weights(Team& team, const FeatureShape& shape, const std::vector<std::size_t>& offsets,
          std::size_t directions, const double* vectors)
      : offsets_(offsets), vectors_(vectors), exponents_(directions * shape.network.layers(), 0) {
    if constexpr (std::is_same_v<T, float>) {
      const std::size_t layers = shape.network.layers(), total = offsets[layers];
      single_ = Buffer<float>(directions * total);
      team.parallelFor(directions * layers, [&](std::size_t item, std::size_t) {
        const std::size_t l = item / directions + 1, direction = item % directions;
        if (!shape.hasActivations(l)) return;
        const std::size_t begin = direction * total + offsets[l - 1];
        const std::size_t size = shape.network.width(l) * shape.network.width(l - 1);
        double largest = 0;
        for (std::size_t j = 0; j < size; j++) largest = std::max(largest, std::abs(vectors[begin + j]));
        const int exponent = exponentOf(largest);
        const double factor = std::ldexp(1.0, -exponent);
        for (std::size_t j = 0; j < size; j++) {
          single_[begin + j] = static_cast<float>(vectors[begin + j] * factor);
        }
        exponents_[direction * layers + l - 1] = exponent;
      });
    }
  }

  const T* of(std::size_t direction, std::size_t l) const {
    const std::size_t begin = direction * offsets_.back() + offsets_[l - 1];
    if constexpr (std::is_same_v<T, float>) {
      return single_.data() + begin;
    } else {
      return vectors_ + begin;
    }
  }
  int exponent(std::size_t direction, std::size_t l) const {
    return exponents_[direction * (offsets_.size() - 1) + l - 1];
  }

 private:
  const std::vector<std::size_t>& offsets_;
  const double* vectors_;
  std::vector<int> exponents_;
  Buffer<float> single_;
};

}  // namespace

template <typename T>
void addGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                  std::size_t directions, const double* coefficients, double* gradients) {
  Team team(run, threads);
  const std::vector<std::size_t> offsets = layerOffsets(shape.network);
  const std::size_t chains = shape.chains();
  run.expect(directions * flopsOf(shape, block.n));
  struct Scratch {
    Buffer<T> combined, gradient;
  };
  std::vector<Scratch> scratch(team.size());
  // The groups of a layer are added in their order.
  forEachGroupLayer(
      run, team, shape, block, directions, Each::layer,
      [&](const GroupLayer<T>& layer, std::size_t direction, std::size_t worker) {
        auto& [combined, gradient] = scratch[worker];
        const std::size_t rows = layer.activations.rows, below = layer.activations.columns;
        const std::size_t width = layer.width;
        double* const weights = gradients + direction * offsets.back() + offsets[layer.l - 1];
        double* const biases = weights + width * below;
        const double* const c = coefficients + layer.firstInput * chains * directions + direction;
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
            for (std::size_t j = 0; j < width; j++) {
              biases[j] += layer.biasScale * static_cast<double>(row[j]);
            }
          }
        }
      });
}

template <typename T>
void contractGradients(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  Team team(run, threads);
  const std::vector<std::size_t> offsets = layerOffsets(shape.network);
  const std::size_t chains = shape.chains();
  run.expect(directions * flopsOf(shape, block.n));
  const Weights<T> weights(team, shape, offsets, directions, vectors);
  std::vector<Buffer<T>> scratch(team.size());
  std::fill_n(products, block.n * chains * directions, 0.0);
  forEachGroupLayer(
      run, team, shape, block, directions, Each::group,
      [&](const GroupLayer<T>& layer, std::size_t direction, std::size_t worker) {
        Buffer<T>& tangents = scratch[worker];
        const std::size_t rows = layer.activations.rows, below = layer.activations.columns;
        const std::size_t width = layer.width;
        const double* const biases =
            vectors + direction * offsets.back() + offsets[layer.l - 1] + width * below;
        const double weightScale = std::ldexp(layer.weightScale, weights.exponent(direction, layer.l));
        if (layer.activations.data != nullptr) {
          tangents.reserve(shape.group * width);
          gemm<T>(run, T(1), layer.activations, {weights.of(direction, layer.l), width, below, below},
                  Transpose::yes, T(0), {tangents.data(), rows, width, width});
        }
        double* const out = products + layer.firstInput * chains * directions + direction;
        for (std::size_t i = 0; i < rows; i++) {
          const T* const tangent = layer.activations.data == nullptr ? nullptr : tangents.data() + i * width;
          for (std::size_t k = 0; k < chains; k++) {
            double weightPart = 0, biasPart = 0;
            if (layer.deltas == nullptr) {
              // The deltas of the output layer are the identity; those of the sum of logits are not used
              // here.
              weightPart = tangent == nullptr ? 0 : static_cast<double>(tangent[k]);
              biasPart = biases[k];
            } else {
              const T* const delta = layer.deltas + (i * chains + k) * width;
              if (tangent != nullptr) weightPart = dot(delta, tangent, width);
              if (layer.biasScale != 0) biasPart = dot(delta, biases, width);
            }
            out[(i * chains + k) * directions] += (tangent == nullptr ? 0 : weightScale * weightPart) +
                                                  (layer.biasScale == 0 ? 0 : layer.biasScale * biasPart);
          }
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
