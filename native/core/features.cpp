#include "features.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "activations.hpp"
#include "deltas.hpp"

namespace deepntk {

std::size_t FeatureShape::lowest() const {
  std::size_t l = 1;
  while (l <= network.layers() && !counts(l)) l++;
  return l;
}

std::size_t FeatureShape::offset(std::size_t l) const {
  std::size_t sum = 0;
  for (std::size_t below = 1; below < l; below++) {
    if (hasActivations(below)) sum += network.width(below - 1);
    if (hasDeltas(below)) sum += chains() * network.width(below);
  }
  return sum;
}

namespace {

// What one thread works in.
template <typename T>
struct GroupScratch {
  Buffer<double> input, output;  // the activations of two layers in float64
  Buffer<T> gates;               // the activations of layers that the block does not keep
  Buffer<T> deltas[2];           // likewise; two layers take turns
  std::vector<T*> activations;   // of layers 0 .. L, wherever they lie; null where nothing needs them
};

template <typename T>
class FeatureComputation {
 public:
  FeatureComputation(Run& run, Team& team, const FeatureShape& shape, const double* x, FeatureBlock<T> block)
      : run_(run),
        team_(team),
        shape_(shape),
        net_(shape.network),
        x_(x),
        block_(block),
        lowest_(shape.lowest()),
        scratch_(team.size()) {}

  void compute() {
    if (lowest_ > net_.layers()) return;
    expectWork();
    const std::size_t layers = net_.layers();
    for (std::size_t l = 0; l < layers; l++) units_.push_back({net_.width(l), true, {}});
    weights_.resize(layers + 1);
    gathered_.resize(layers + 1);
    for (std::size_t l = std::max<std::size_t>(lowest_ + 1, 2); l < layers; l++) {
      weights_[l] = gatherWeights<T>(team_, net_.layer(l), &units_[l], units_[l - 1], gathered_[l]);
    }
    if (lowest_ < layers) {
      weights_[layers] = outputWeights<T>(net_, shape_.form == KernelForm::sumOfLogits, units_[layers - 1],
                                          gathered_[layers]);
    }
    team_.parallelFor(shape_.groupsOf(block_.n), [&](std::size_t group, std::size_t worker) {
      const std::size_t first = group * shape_.group, rows = std::min(shape_.group, block_.n - first);
      std::int32_t* const exponents = block_.exponents + group * net_.layers() * 2;
      std::fill_n(exponents, net_.layers() * 2, 0);
      forwardGroup(scratch_[worker], first, rows, exponents);
      backwardGroup(scratch_[worker], first, rows, exponents);
    });
  }

 private:
  void expectWork() {
    for (std::size_t l = 1; l < net_.layers(); l++) {
      const double product = 2.0 * net_.width(l - 1) * net_.width(l);
      flopsPerInput_ += product + (l > lowest_ ? product * shape_.chains() : 0.0);
    }
    run_.expect(flopsPerInput_ * block_.n);
  }

  bool keepsActivations(std::size_t l) const { return shape_.hasActivations(l + 1); }

  // x^0 .. x^L of one group, narrowed to T: where the block keeps a layer into it, else into scratch, because
  // the backward pass reads its gates there.
  void forwardGroup(GroupScratch<T>& scratch, std::size_t first, std::size_t rows, std::int32_t* exponents) {
    const std::size_t layers = net_.layers();
    std::size_t hidden = 0;
    for (std::size_t l = lowest_; l < layers; l++) hidden += keepsActivations(l) ? 0 : net_.width(l);
    scratch.gates.reserve(rows * hidden);
    scratch.input.reserve(shape_.group * net_.widest());
    scratch.output.reserve(shape_.group * net_.widest());
    scratch.activations.assign(layers, nullptr);
    T* room = scratch.gates.data();
    const double* current = x_ + first * net_.inputs();
    for (std::size_t l = 0; l < layers; l++) {
      const std::size_t width = net_.width(l);
      double largest = 0;
      if (l > 0) {
        const Layer& layer = net_.layer(l);
        const MatrixView<double> h{scratch.output.data(), rows, width, width};
        applyWeights(run_, {current, rows, layer.weights.columns, layer.weights.columns}, layer.weights,
                     layer.weightGain, h);
        std::vector<double> sums(width, 0.0);
        rectify(h, layer, sums.data());
        largest = *std::max_element(sums.begin(), sums.end());
        expectGates(largest, l);
        current = scratch.output.data();
        std::swap(scratch.input, scratch.output);
      } else if constexpr (!std::is_same_v<T, double>) {
        for (std::size_t i = 0; i < rows * width; i++) largest = std::max(largest, std::abs(current[i]));
      }
      T* to = nullptr;
      if (keepsActivations(l)) {
        to = block_.activations(shape_, l + 1) + first * width;
      } else if (l >= lowest_) {
        to = room;
        room += rows * width;
      }
      scratch.activations[l] = to;
      if (to == nullptr) continue;
      if constexpr (std::is_same_v<T, double>) {
        std::copy_n(current, rows * width, to);
      } else {
        const int exponent = exponentOf(largest);
        exponents[l * 2] = exponent;
        narrow(current, std::ldexp(1.0, -exponent), to, rows * width);
      }
    }
  }

  // delta^L .. delta^lowest of one group.
  void backwardGroup(GroupScratch<T>& scratch, std::size_t first, std::size_t rows, std::int32_t* exponents) {
    const std::size_t chains = shape_.chains(), layers = net_.layers();
    const T* above = nullptr;
    int exponent = 0;
    double largest = 0;
    for (std::size_t l = layers - 1; l >= lowest_; l--) {
      const std::size_t width = net_.width(l);
      T* to;
      if (shape_.hasDeltas(l)) {
        to = block_.deltas(shape_, l) + first * chains * width;
      } else {
        scratch.deltas[l % 2].reserve(shape_.group * chains * net_.widest());
        to = scratch.deltas[l % 2].data();
      }
      const bool start = l == layers - 1;
      if (!start) {
        const int scale = std::is_same_v<T, double> ? 0 : exponentOf(largest);
        exponent += scale;
        const std::size_t wide = net_.width(l + 1);
        gemm<T>(run_, static_cast<T>(std::ldexp(net_.layer(l + 1).weightGain, -scale)),
                {above, rows * chains, wide, wide}, weights_[l + 1], Transpose::no, T(0),
                {to, rows * chains, width, width});
      }
      largest = gateDeltas<T>({scratch.activations[l], rows, width, width},
                              start ? &weights_[layers] : nullptr, chains, to);
      exponents[(l - 1) * 2 + 1] = exponent;
      above = to;
    }
    run_.advance(flopsPerInput_ * rows);
  }

  Run& run_;
  Team& team_;
  const FeatureShape& shape_;
  const Network& net_;
  const double* x_;
  FeatureBlock<T> block_;
  std::size_t lowest_;
  double flopsPerInput_ = 0;
  std::vector<Units> units_;  // all of every layer
  std::vector<MatrixView<const T>> weights_;
  std::vector<Buffer<T>> gathered_;
  std::vector<GroupScratch<T>> scratch_;
};

}  // namespace

template <typename T>
void computeFeatures(Run& run, std::size_t threads, const FeatureShape& shape, const double* x,
                     FeatureBlock<T> block) {
  Team team(run, threads);
  FeatureComputation<T>(run, team, shape, x, block).compute();
}

template void computeFeatures(Run&, std::size_t, const FeatureShape&, const double*, FeatureBlock<double>);
template void computeFeatures(Run&, std::size_t, const FeatureShape&, const double*, FeatureBlock<float>);

}  // namespace deepntk
