#include "kernel.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <type_traits>
#include <utility>

#include "activations.hpp"
#include "deltas.hpp"
#include "elementwise.hpp"
#include "vector_products.hpp"

namespace deepntk {

namespace {

// The deltas of one layer. Rows are (input, output) pairs. The true deltas are `values` times 2^exponent.
template <typename T>
struct Deltas {
  Buffer<T> values;
  std::size_t width = 0;
  int exponent = 0;
  double largest = 0;  // magnitude among `values`; only kept in float32
};

template <typename T>
class KernelComputation {
 public:
  KernelComputation(Run& run, Team& team, const KernelTask& task)
      : run_(run),
        team_(team),
        task_(task),
        net_(task.network),
        inputs_(task.n + (task.x2 == nullptr ? 0 : task.n2)),
        chains_(task.form == KernelForm::sumOfLogits ? 1 : net_.outputs()),
        scratch_(team.size()),
        gatedScratch_(team.size()) {
    tiles_ = tilesOf(outputOf(1), task.gramEdge);
    lowest_ = 1;
    while (lowest_ <= net_.layers() && !counts(lowest_)) lowest_++;
  }

  void compute() {
    if (lowest_ > net_.layers()) return;
    run_.expect(totalFlops());
    Batch batch{net_,           task_.x,          task_.n, task_.x2,   task_.n2,
                forwardBlock(), task_.compaction, {},      lowest_ - 1};
    for (std::size_t l = 0; l < net_.layers(); l++) batch.work.push_back(workOf(l));
    // An input's closed units are then neighbours, and gatedProduct skips whole strips of them.
    batch.mostOpenFirst = gated();
    activations_ = computeActivations<T>(run_, team_, batch);
    backwardPass();
    if (task_.x2 == nullptr) {
      for (std::size_t l = 1; l <= (task_.weights.empty() ? 1 : net_.layers()); l++) {
        KernelOutput output = outputOf(l);
        if (l > 1) output.kernel = nullptr;
        team_.parallelFor(tiles_.size(), [&](std::size_t i, std::size_t) { mirrorTile(tiles_[i], output); });
      }
    }
  }

 private:
  // Inputs of one forward product. The forward pass has fewer rows than the backward pass, and every thread
  // needs some.
  std::size_t forwardBlock() const {
    return std::min(task_.rowBlock, (inputs_ + team_.size() - 1) / team_.size());
  }

  // Whether the backward pass uses only the units that are open for an input.
  bool gated() const { return hasVectorProducts() && chains_ >= kMinGatedChains; }

  bool counts(std::size_t l) const { return task_.weightTerms[l - 1] != 0 || task_.biasTerms[l - 1] != 0; }

  KernelOutput outputOf(std::size_t l) const {
    const bool parts = !task_.weights.empty();
    return {task_.form,
            task_.x2 == nullptr,
            task_.n,
            task_.n2,
            net_.outputs(),
            task_.kernel,
            parts ? task_.weights[l - 1] : nullptr,
            parts ? task_.biases[l - 1] : nullptr};
  }

  LayerWork workOf(std::size_t l) const {
    const std::size_t last = net_.layers() - 1;  // L
    const bool deltas = l >= lowest_ && l > 0;
    const double pairs = static_cast<double>(task_.n) * task_.n2 * (task_.x2 == nullptr ? 1 : 2);
    return {inputs_, deltas ? inputs_ * chains_ : 0, l < last ? net_.width(l + 1) : 0,
            l > lowest_ && l > 0 ? net_.width(l - 1) : 0, pairs * (deltas ? 1.0 + chains_ : 1.0)};
  }

  // Computes delta^L .. delta^lowest, and adds the part of each layer to the kernel.
  void backwardPass() {
    Deltas<T> above, below;
    Buffer<T> gathered;
    for (std::size_t l = net_.layers();; l--) {
      const bool outputLayer = l == net_.layers();
      const bool last = l == lowest_;
      MatrixView<const T> weights{};
      if (!last) {
        startDeltas(below, l - 1);
        weights = outputLayer ? outputWeights<T>(net_, task_.form == KernelForm::sumOfLogits,
                                                 activations_[l - 1].units, gathered)
                              : gatherWeights<T>(team_, net_.layer(l), &activations_[l].units,
                                                 activations_[l - 1].units, gathered);
        below.exponent = above.exponent;
        if constexpr (!std::is_same_v<T, double>) below.exponent += exponentOf(above.largest);
      }
      const std::size_t step = std::max<std::size_t>(task_.rowBlock / chains_, 1);
      const std::size_t blocks = last ? 0 : (inputs_ + step - 1) / step;
      const std::size_t tiles = counts(l) ? tiles_.size() : 0;
      const GramLayer<T> gram = gramLayer(l, outputLayer ? nullptr : &above);
      const KernelOutput output = outputOf(l);
      std::mutex merging;
      team_.parallelFor(blocks + tiles, [&](std::size_t i, std::size_t worker) {
        if (i >= blocks) {
          const Tile& tile = tiles_[i - blocks];
          addTile(run_, gram, tile, output, scratch_[worker]);
          run_.advance(tileFlops(l) * tile.rows * tile.columns);
          return;
        }
        const std::size_t first = i * step, rows = std::min(step, inputs_ - first);
        double largest = 0;
        if (outputLayer) {
          largest = gate(l - 1, &weights, first, rows, below);
        } else {
          largest = passDown(l, above, weights, first, rows, below, gatedScratch_[worker]);
          run_.advance(2.0 * rows * chains_ * net_.width(l) * net_.width(l - 1));
        }
        std::lock_guard<std::mutex> lock(merging);
        below.largest = std::max(below.largest, largest);
      });
      if (last) return;
      if (l <= net_.layers() - 1) activations_[l].values = {};
      std::swap(above, below);
    }
  }

  void startDeltas(Deltas<T>& deltas, std::size_t l) {
    deltas.width = activations_[l].units.count();
    deltas.largest = 0;
    deltas.values.reserve(inputs_ * chains_ * deltas.width);
  }

  // below = relu'(h^{l-1}) o (above W^l), over the kept units of both layers. Returns the largest magnitude
  // (float32 only).
  double passDown(std::size_t l, const Deltas<T>& above, MatrixView<const T> weights, std::size_t first,
                  std::size_t rows, Deltas<T>& below, GatedScratch<T>& scratch) {
    const T gain = static_cast<T>(std::ldexp(net_.layer(l).weightGain, above.exponent - below.exponent));
    const MatrixView<const T> from = rowsOf<const T>(above, first * chains_, rows * chains_);
    const MatrixView<T> to = rowsOf<T>(below, first * chains_, rows * chains_);
    if (gated()) {
      run_.check();
      const GatedProduct<T> product{rows,    chains_, from, gatesOf(l, first, rows),
                                    weights, gain,    to,   gatesOf(l - 1, first, rows)};
      return static_cast<double>(gatedProduct(product, scratch));
    }
    gemm<T>(run_, gain, from, weights, Transpose::no, T(0), to);
    return gate(l - 1, nullptr, first, rows, below);
  }

  template <typename View>
  static MatrixView<View> rowsOf(const Deltas<T>& deltas, std::size_t first, std::size_t rows) {
    return {deltas.values.data() + first * deltas.width, rows, deltas.width, deltas.width};
  }

  // The activations of layer l: where they are positive, relu' is 1.
  MatrixView<const T> gatesOf(std::size_t l, std::size_t first, std::size_t rows) const {
    const std::size_t width = activations_[l].units.count();
    return {activations_[l].values.data() + first * width, rows, width, width};
  }

  // Multiplies the deltas of layer l by relu'(h^l), which is 1 where the activation is positive and else 0.
  // With `source`, the deltas are first set to its rows, one for every output. Returns the largest magnitude
  // (float32 only).
  double gate(std::size_t l, const MatrixView<const T>* source, std::size_t first, std::size_t rows,
              Deltas<T>& deltas) {
    const std::size_t width = deltas.width;
    return gateDeltas<T>({activations_[l].values.data() + first * width, rows, width, width}, source, chains_,
                         deltas.values.data() + first * chains_ * width);
  }

  GramLayer<T> gramLayer(std::size_t l, const Deltas<T>* deltas) const {
    const Activations<T>& inputs = activations_[l - 1];
    const std::size_t columns = task_.x2 == nullptr ? 0 : task_.n;  // the first row of what columns belong to
    const auto side = [&](std::size_t first) -> GramSide<T> {
      return {inputs.values.data() + first * inputs.units.count(),
              deltas == nullptr ? nullptr : deltas->values.data() + first * chains_ * deltas->width};
    };
    return {side(0),
            side(columns),
            inputs.units.count(),
            deltas == nullptr,
            deltas == nullptr ? 0 : deltas->width,
            chains_,
            task_.weightTerms[l - 1],
            task_.biasTerms[l - 1],
            2 * inputs.exponent,
            deltas == nullptr ? 0 : 2 * deltas->exponent};
  }

  // The operations of layer l's Gram matrices for one pair of inputs of a tile, without compaction.
  double tileFlops(std::size_t l) const {
    const double perEntry = task_.form == KernelForm::full ? 2.0 * chains_ * chains_ : 2.0 * chains_;
    return (task_.weightTerms[l - 1] != 0 ? 2.0 * net_.width(l - 1) : 0.0) +
           (l < net_.layers() ? perEntry * net_.width(l) : 0.0) + 1;
  }

  double totalFlops() const {
    double pairs = 0, total = 0;
    for (const Tile& tile : tiles_) pairs += static_cast<double>(tile.rows) * tile.columns;
    for (std::size_t l = 1; l <= net_.layers(); l++) {
      const double product = 2.0 * inputs_ * net_.width(l - 1) * net_.width(l);
      if (l < net_.layers()) total += product;
      if (l > lowest_ && l < net_.layers()) total += product * chains_;
      if (l >= lowest_ && counts(l)) total += pairs * tileFlops(l);
    }
    return total;
  }

  Run& run_;
  Team& team_;
  const KernelTask& task_;
  const Network& net_;
  std::size_t inputs_;  // rows of the batch: n, and n2 more where X2 is given
  std::size_t chains_;  // deltas of one input: K, or 1 for the sum of logits
  std::size_t lowest_ = 1;
  std::vector<Tile> tiles_;
  std::vector<Activations<T>> activations_;  // of layers 0 .. L
  std::vector<TileScratch<T>> scratch_;
  std::vector<GatedScratch<T>> gatedScratch_;
};

}  // namespace

void computeKernel(Run& run, std::size_t threads, const KernelTask& task) {
  Team team(run, threads);
  if (task.mixed) {
    KernelComputation<float>(run, team, task).compute();
  } else {
    KernelComputation<double>(run, team, task).compute();
  }
}

}  // namespace deepntk
