#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "features.hpp"

namespace deepntk {

namespace {

template <typename T, typename Out>
class GramTileComputation {
 public:
  GramTileComputation(Run& run, Team& team, const FeatureShape& shape, FeatureBlock<const T> a,
                      FeatureBlock<const T> b, std::size_t edge, double scale, Out* tile, Out* mirror)
      : run_(run),
        team_(team),
        shape_(shape),
        net_(shape.network),
        a_(a),
        b_(b),
        scale_(scale),
        tile_(tile),
        mirror_(mirror),
        symmetric_(a.values == b.values),
        scratch_(team.size()),
        sums_(team.size()) {
    tiles_ = tilesOf({shape.form, symmetric_, a.n, b.n, net_.outputs(), nullptr, nullptr, nullptr}, edge);
  }

  void compute() {
    double pairs = 0;
    for (const Tile& piece : tiles_) pairs += static_cast<double>(piece.rows) * piece.columns;
    flopsPerPair_ = flopsPerPair();
    run_.expect(pairs * flopsPerPair_);
    team_.parallelFor(tiles_.size(), [&](std::size_t i, std::size_t worker) {
      const Tile& piece = tiles_[i];
      sumLayers(piece, worker);
      store(piece, sums_[worker].data());
      run_.advance(flopsPerPair_ * piece.rows * piece.columns);
    });
    if (beyondRange_.load()) {
      throw std::runtime_error("an entry of the kernel is beyond the range of float32; choose float64");
    }
  }

 private:
  double flopsPerPair() const {
    const double chains = static_cast<double>(shape_.chains());
    double flops = 1;
    for (std::size_t l = 1; l <= net_.layers(); l++) {
      if (shape_.hasActivations(l)) flops += 2.0 * net_.width(l - 1);
      if (shape_.hasDeltas(l)) {
        flops += 2.0 * chains * (shape_.form == KernelForm::full ? chains : 1) * net_.width(l);
      }
    }
    return flops;
  }

  KernelOutput outputOf(const Tile& piece, double* sums) const {
    return {shape_.form,    symmetric_ && piece.row == piece.column,
            piece.rows,     piece.columns,
            net_.outputs(), sums,
            nullptr,        nullptr};
  }

  // The sum over layers, in float64, of one piece of the tile.
  void sumLayers(const Tile& piece, std::size_t worker) {
    const std::size_t entries = outputOf(piece, nullptr).entries();
    sums_[worker].reserve(piece.rows * piece.columns * entries);
    double* const sums = sums_[worker].data();
    std::fill_n(sums, piece.rows * piece.columns * entries, 0.0);
    const KernelOutput output = outputOf(piece, sums);
    const Tile whole{0, 0, piece.rows, piece.columns};
    for (std::size_t l = net_.layers(); l >= 1; l--) {
      if (shape_.counts(l)) addTile(run_, layerOf(l, piece), whole, output, scratch_[worker]);
    }
    if (output.symmetric) mirrorTile(whole, output);
  }

  GramLayer<T> layerOf(std::size_t l, const Tile& piece) const {
    const std::size_t below = net_.width(l - 1), width = l < net_.layers() ? net_.width(l) : 0;
    const auto side = [&](const FeatureBlock<const T>& block, std::size_t first) -> GramSide<T> {
      return {shape_.hasActivations(l) ? block.activations(shape_, l) + first * below : nullptr,
              shape_.hasDeltas(l) ? block.deltas(shape_, l) + first * shape_.chains() * width : nullptr};
    };
    const std::size_t groupA = piece.row / shape_.group, groupB = piece.column / shape_.group;
    return {side(a_, piece.row),
            side(b_, piece.column),
            below,
            !shape_.hasDeltas(l),
            width,
            shape_.chains(),
            shape_.weightTerms[l - 1],
            shape_.biasTerms[l - 1],
            a_.activationExponent(shape_, groupA, l) + b_.activationExponent(shape_, groupB, l),
            a_.deltaExponent(shape_, groupA, l) + b_.deltaExponent(shape_, groupB, l)};
  }

  Out convert(double value) {
    const double scaled = scale_ == 1 ? value : value * scale_;
    if constexpr (!std::is_same_v<Out, double>) {
      // written so that infinities and not-a-number, which float32 has, pass
      if (std::abs(scaled) > std::numeric_limits<Out>::max() && std::isfinite(scaled))
        beyondRange_.store(true);
    }
    return static_cast<Out>(scaled);
  }

  void store(const Tile& piece, const double* sums) {
    const bool full = shape_.form == KernelForm::full;
    const std::size_t outputs = net_.outputs(), entries = outputOf(piece, nullptr).entries();
    for (std::size_t i = 0; i < piece.rows; i++) {
      const double* const from = sums + i * piece.columns * entries;
      Out* const to = tile_ + ((piece.row + i) * b_.n + piece.column) * entries;
      for (std::size_t j = 0; j < piece.columns * entries; j++) to[j] = convert(from[j]);
    }
    // Where both blocks are one, what is above the diagonal is the transpose of what is below.
    Out* const transposed = !symmetric_ ? mirror_ : piece.row != piece.column ? tile_ : nullptr;
    if (transposed == nullptr) return;
    for (std::size_t j = 0; j < piece.columns; j++) {
      Out* const to = transposed + ((piece.column + j) * a_.n + piece.row) * entries;
      for (std::size_t i = 0; i < piece.rows; i++) {
        const double* const from = sums + (i * piece.columns + j) * entries;
        for (std::size_t entry = 0; entry < entries; entry++) {
          const std::size_t k1 = entry / outputs, k2 = entry % outputs;
          to[i * entries + entry] = convert(from[full ? k2 * outputs + k1 : entry]);
        }
      }
    }
  }

  Run& run_;
  Team& team_;
  const FeatureShape& shape_;
  const Network& net_;
  FeatureBlock<const T> a_, b_;
  double scale_;
  Out* tile_;
  Out* mirror_;
  bool symmetric_;
  double flopsPerPair_ = 0;
  std::vector<Tile> tiles_;
  std::vector<TileScratch<T>> scratch_;
  std::vector<Buffer<double>> sums_;
  std::atomic<bool> beyondRange_{false};
};

}  // namespace

template <typename T, typename Out>
void computeGramTile(Run& run, std::size_t threads, const FeatureShape& shape, FeatureBlock<const T> a,
                     FeatureBlock<const T> b, std::size_t edge, double scale, Out* tile, Out* mirror) {
  Team team(run, threads);
  GramTileComputation<T, Out>(run, team, shape, a, b, edge, scale, tile, mirror).compute();
}

template void computeGramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const double>,
                              FeatureBlock<const double>, std::size_t, double, double*, double*);
template void computeGramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const double>,
                              FeatureBlock<const double>, std::size_t, double, float*, float*);
template void computeGramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const float>,
                              FeatureBlock<const float>, std::size_t, double, double*, double*);
template void computeGramTile(Run&, std::size_t, const FeatureShape&, FeatureBlock<const float>,
                              FeatureBlock<const float>, std::size_t, double, float*, float*);

}  // namespace deepntk
