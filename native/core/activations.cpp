#include "activations.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "elementwise.hpp"

namespace deepntk {

namespace {

template <typename T>
class ForwardPass {
 public:
  ForwardPass(Run& run, Team& team, const Batch& batch)
      : run_(run),
        team_(team),
        batch_(batch),
        inputs_(batch.inputs()),
        activations_(batch.network.layers()) {}

  std::vector<Activations<T>> compute() {
    const Network& network = batch_.network;
    keepInputs();
    Buffer<double> gathered;
    for (std::size_t l = 1; l < network.layers(); l++) {
      const Layer& layer = network.layer(l);
      const Units& below = activations_[l - 1].units;
      const MatrixView<const double> weights = gatherWeights<double>(team_, layer, nullptr, below, gathered);
      const double* const input = valuesOf(l - 1);
      const std::size_t width = layer.weights.rows;
      Buffer<double> output(inputs_ * width);
      std::vector<double> sums(width, 0.0);
      std::vector<std::uint32_t> opened(batch_.mostOpenFirst ? width : 0, 0);
      std::mutex merging;
      forEachBlock(team_, inputs_, batch_.rowBlock, [&](std::size_t first, std::size_t rows) {
        const MatrixView<double> h{output.data() + first * width, rows, width, width};
        applyWeights(run_, {input + first * below.count(), rows, below.count(), below.count()}, weights,
                     layer.weightGain, h);
        std::vector<double> own(width, 0.0);
        rectify(h, layer, own.data());
        std::vector<std::uint32_t> ownOpened(opened.size(), 0);
        if (batch_.mostOpenFirst) countOpen(h, ownOpened.data());
        run_.advance(2.0 * rows * width * layer.weights.columns);
        // Maxima, not sums, over the blocks: their order does not matter.
        std::lock_guard<std::mutex> lock(merging);
        for (std::size_t j = 0; j < width; j++)
          sums[j] = std::isnan(own[j]) ? own[j] : std::max(sums[j], own[j]);
        for (std::size_t j = 0; j < opened.size(); j++) opened[j] += ownOpened[j];
      });
      expectGates(*std::max_element(sums.begin(), sums.end()), l);
      if (l < batch_.lowest + 1) activations_[l - 1].values = {};
      keep(l, std::move(output), sums, opened);
    }
    return std::move(activations_);
  }

 private:
  // x^0: the rows of X, below them those of X2. Units that are 0 for all inputs (dark pixels) are dropped
  // like others.
  void keepInputs() {
    const std::size_t width = batch_.network.inputs();
    Buffer<double> stacked(inputs_ * width);
    std::vector<double> sums(width, 0.0);
    for (std::size_t i = 0; i < inputs_; i++) {
      run_.check();
      const double* const row = i < batch_.n ? batch_.x + i * width : batch_.x2 + (i - batch_.n) * width;
      std::copy_n(row, width, stacked.data() + i * width);
      for (std::size_t j = 0; j < width; j++) sums[j] += std::abs(row[j]);
    }
    keep(0, std::move(stacked), sums, {});
  }

  // Compacts the activations of layer l where that pays, and stores them. `sums` tells which units are
  // active, and to within a factor of the number of inputs how large the activations are; `opened`, if not
  // empty, how many inputs open each of them.
  void keep(std::size_t l, Buffer<double> dense, const std::vector<double>& sums,
            const std::vector<std::uint32_t>& opened) {
    Activations<T>& kept = activations_[l];
    kept.units = chooseUnits(sums, batch_.work[l], batch_.compaction);
    if (!opened.empty()) {
      std::stable_sort(kept.units.kept.begin(), kept.units.kept.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return opened[a] > opened[b]; });
    }
    const std::size_t width = sums.size(), count = kept.units.count();
    Buffer<double> compact(kept.units.all ? 0 : inputs_ * count);
    const double* const values = kept.units.all ? dense.data() : compact.data();
    double scale = 1;
    if constexpr (!std::is_same_v<T, double>) {
      kept.exponent = exponentOf(*std::max_element(sums.begin(), sums.end()));
      kept.values = Buffer<T>(inputs_ * count);
      scale = std::ldexp(1.0, -kept.exponent);
    }
    if (!kept.units.all || !std::is_same_v<T, double>) {
      forEachBlock(team_, inputs_, batch_.rowBlock, [&](std::size_t first, std::size_t rows) {
        if (!kept.units.all) {
          for (std::size_t i = first; i < first + rows; i++) {
            gatherColumns(dense.data() + i * width, kept.units, compact.data() + i * count);
          }
        }
        if constexpr (!std::is_same_v<T, double>) {
          narrow(values + first * count, scale, kept.values.data() + first * count, rows * count);
        }
      });
    }
    if (!kept.units.all) dense = std::move(compact);
    if constexpr (std::is_same_v<T, double>) {
      kept.values = std::move(dense);
    } else {
      current_ = std::move(dense);
    }
  }

  // The float64 activations of layer l, the last one kept.
  const double* valuesOf(std::size_t l) const {
    if constexpr (std::is_same_v<T, double>) return activations_[l].values.data();
    return current_.data();
  }

  Run& run_;
  Team& team_;
  const Batch& batch_;
  std::size_t inputs_;
  std::vector<Activations<T>> activations_;
  Buffer<double> current_;  // in float32: the float64 activations that the next layer is computed from
};

}  // namespace

template <typename T>
std::vector<Activations<T>> computeActivations(Run& run, Team& team, const Batch& batch) {
  return ForwardPass<T>(run, team, batch).compute();
}

int exponentOf(double magnitude) {
  return magnitude > 0 && std::isfinite(magnitude) ? std::max(std::ilogb(magnitude), -1022) : 0;
}

void expectGates(double largest, std::size_t l) {
  if (largest > 0 && largest < 0x1p-960) {
    throw std::range_error("the activations of layer " + std::to_string(l) +
                           " are below 2^-960, the range of doubles nearly left: gates are lost there");
  }
}

template std::vector<Activations<double>> computeActivations(Run&, Team&, const Batch&);
template std::vector<Activations<float>> computeActivations(Run&, Team&, const Batch&);

}  // namespace deepntk
