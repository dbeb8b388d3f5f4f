#include "training.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "elementwise.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kUpdateTile = std::size_t{1}
                                    << 16;  // parameters moved at a time: their arrays fit the cache

// The factors of one step.
struct Movement {
  double learningRate, correction1, correction2;
};

class Training {
 public:
  Training(Run& run, std::size_t threads, const TrainTask& task)
      : run_(run), team_(run, threads), task_(task), net_(task.network), scratch_(team_.size()) {
    std::size_t largest = 0;
    for (std::size_t step = 0; step < task.batchSizes.size; step++) {
      largest = std::max<std::size_t>(largest, task.batchSizes[step]);
    }
    rowBlock_ = std::min(task.rowBlock, largest);
    slotLosses_.resize(task.gradients.size());
  }

  void run() {
    run_.expect(totalFlops());
    std::size_t begin = 0;
    for (std::size_t step = 0; step < task_.batchSizes.size; step++) {
      const std::size_t size = task_.batchSizes[step], slots = slotCount(size);
      team_.parallelFor(slots, [&](std::size_t slot, std::size_t worker) {
        runSlot(scratch_[worker], slot, begin, slot * size / slots, (slot + 1) * size / slots, size);
      });
      double loss = 0;
      for (std::size_t slot = 0; slot < slots; slot++) loss += slotLosses_[slot];
      task_.losses[step] = loss / size;
      const Movement movement = movementOf(step);
      team_.parallelFor(
          (task_.parameterCount + kUpdateTile - 1) / kUpdateTile, [&](std::size_t tile, std::size_t) {
            const std::size_t first = tile * kUpdateTile;
            updateRange(first, std::min(first + kUpdateTile, task_.parameterCount), slots, movement);
          });
      begin += size;
    }
  }

 private:
  // What one thread needs to send a block of samples through the net and back.
  struct Scratch {
    Buffer<double> inputs;                    // the rows of a batch that is a list
    std::vector<Buffer<double>> activations;  // x^1 .. x^L at l, then the outputs at L + 1
    Buffer<double> deltas, below;
  };

  std::size_t slotCount(std::size_t size) const {
    return std::min(task_.gradients.size(), (size + task_.minSlotRows - 1) / task_.minSlotRows);
  }

  double flopsPerSample() const {
    double flops = 0;
    for (std::size_t l = 1; l <= net_.layers(); l++)
      flops += (l == 1 ? 4.0 : 6.0) * net_.width(l - 1) * net_.width(l);
    return flops;
  }

  double totalFlops() const {
    double samples = 0;
    for (std::size_t step = 0; step < task_.batchSizes.size; step++) samples += task_.batchSizes[step];
    return samples * flopsPerSample();
  }

  // --- Forward and backward
  // -------------------------------------------------------------------------------------------

  // Samples `first` to `end` of the batch that begins at `begin` in the list of rows: their losses and their
  // gradient.
  void runSlot(Scratch& scratch, std::size_t slot, std::size_t begin, std::size_t first, std::size_t end,
               std::size_t size) {
    const std::size_t rows = end - first, blocks = (rows + task_.rowBlock - 1) / task_.rowBlock;
    double loss = 0;
    for (std::size_t block = 0; block < blocks; block++) {
      const std::size_t from = first + block * rows / blocks, to = first + (block + 1) * rows / blocks;
      const std::int32_t* const list = task_.batchRows == nullptr ? nullptr : task_.batchRows + begin + from;
      const MatrixView<const double> x = inputsOf(scratch, list, from, to - from);
      forwardBlock(scratch, x);
      loss += lossAndDeltas(scratch, list, from, to - from, size);
      backwardBlock(scratch, x, task_.gradients[slot], block > 0);
      run_.advance((to - from) * flopsPerSample());
    }
    slotLosses_[slot] = loss;
  }

  MatrixView<const double> inputsOf(Scratch& scratch, const std::int32_t* list, std::size_t first,
                                    std::size_t rows) {
    const std::size_t width = net_.inputs();
    if (list == nullptr) return {task_.x + first * width, rows, width, width};
    scratch.inputs.reserve(rowBlock_ * width);
    for (std::size_t i = 0; i < rows; i++)
      std::copy_n(task_.x + list[i] * width, width, scratch.inputs.data() + i * width);
    return {scratch.inputs.data(), rows, width, width};
  }

  void forwardBlock(Scratch& scratch, MatrixView<const double> x) {
    scratch.activations.resize(net_.layers() + 1);
    for (std::size_t l = 1; l <= net_.layers(); l++) {
      const Layer& layer = net_.layer(l);
      const std::size_t width = layer.weights.rows;
      scratch.activations[l].reserve(rowBlock_ * width);
      const MatrixView<double> h{scratch.activations[l].data(), x.rows, width, width};
      applyWeights(run_, x, layer.weights, layer.weightGain, h);
      addBias(h, layer, l < net_.layers());
      x = h;
    }
  }

  // Writes the derivatives of the batch's loss by the outputs; returns the sum of the samples' losses.
  double lossAndDeltas(Scratch& scratch, const std::int32_t* list, std::size_t first, std::size_t rows,
                       std::size_t size) {
    const std::size_t outputs = net_.outputs();
    const double scale = 1.0 / size;
    scratch.deltas.reserve(rowBlock_ * net_.widest());
    scratch.below.reserve(rowBlock_ * net_.widest());
    double loss = 0;
    for (std::size_t i = 0; i < rows; i++) {
      const double* const f = scratch.activations[net_.layers()].data() + i * outputs;
      const double* const y = task_.y + (list == nullptr ? first + i : list[i]) * outputs;
      double* const delta = scratch.deltas.data() + i * outputs;
      if (task_.loss == Loss::crossEntropy) {
        loss += crossEntropyRow(f, y, outputs, scale, delta);
        continue;
      }
      for (std::size_t k = 0; k < outputs; k++) {
        const double difference = f[k] - y[k];
        loss += 0.5 * difference * difference;
        delta[k] = scale * difference;
      }
    }
    return loss;
  }

  // -sum_k y_k log softmax(f)_k, with the derivatives (sum_k y_k) softmax(f) - y. A NaN among the outputs
  // stays one.
  static double crossEntropyRow(const double* f, const double* y, std::size_t outputs, double scale,
                                double* delta) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0, mass = 0, loss = 0;
    for (std::size_t k = 0; k < outputs; k++) largest = std::max(largest, f[k]);
    for (std::size_t k = 0; k < outputs; k++) {
      sum += std::exp(f[k] - largest);
      mass += y[k];
    }
    const double logSum = largest + std::log(sum);
    for (std::size_t k = 0; k < outputs; k++) {
      const double logShare = f[k] - logSum;
      if (y[k] != 0) loss -= y[k] * logShare;
      delta[k] = scale * (mass * std::exp(logShare) - y[k]);
    }
    return loss;
  }

  // From the deltas of the outputs down to layer 1: the gradient of each layer, and the deltas of the one
  // below.
  void backwardBlock(Scratch& scratch, MatrixView<const double> x, double* gradient, bool add) {
    const std::size_t rows = x.rows;
    double* deltas = scratch.deltas.data();
    double* below = scratch.below.data();
    double* layerEnd = gradient + task_.parameterCount;
    for (std::size_t l = net_.layers(); l >= 1; l--) {
      const Layer& layer = net_.layer(l);
      const std::size_t width = layer.weights.rows, inputs = layer.weights.columns;
      double* const biases = layerEnd - width;
      double* const weights = biases - width * inputs;
      layerEnd = weights;
      const MatrixView<const double> input =
          l == 1 ? x : MatrixView<const double>{scratch.activations[l - 1].data(), rows, inputs, inputs};
      gemmTransposed<double>(run_, layer.weightGain, {deltas, rows, width, width}, input, add ? 1.0 : 0.0,
                             {weights, width, inputs, inputs});
      addColumnSums({deltas, rows, width, width}, layer.biasGain, add, biases);
      if (l == 1) return;
      gemm<double>(run_, layer.weightGain, {deltas, rows, width, width}, layer.weights, Transpose::no, 0.0,
                   {below, rows, inputs, inputs});
      gateRow(input.data, below, below, rows * inputs);
      std::swap(deltas, below);
    }
  }

  void addColumnSums(MatrixView<const double> deltas, double gain, bool add, double* out) const {
    if (!add) std::fill_n(out, deltas.columns, 0.0);
    if (!task_.biasGradients) return;
    for (std::size_t i = 0; i < deltas.rows; i++) {
      const double* const row = deltas.row(i);
      for (std::size_t j = 0; j < deltas.columns; j++) out[j] += gain * row[j];
    }
  }

  // --- The step
  // -------------------------------------------------------------------------------------------------------

  Movement movementOf(std::size_t step) const {
    const double t = static_cast<double>(task_.stepsBefore + step + 1);
    return {task_.learningRates[step], 1 - std::pow(task_.optimizer.beta1, t),
            1 - std::pow(task_.optimizer.beta2, t)};
  }

  void updateRange(std::size_t begin, std::size_t end, std::size_t slots, const Movement& movement) {
    const std::size_t count = end - begin;
    double* const gradient = task_.gradients[0] + begin;
    for (std::size_t slot = 1; slot < slots; slot++)
      addScaled(gradient, 1, task_.gradients[slot] + begin, count);
    double* const parameters = task_.parameters + begin;
    const Optimizer& rule = task_.optimizer;
    if (rule.name == Optimizer::Name::gradientDescent) {
      addScaled(parameters, -movement.learningRate, gradient, count);
    } else if (rule.name == Optimizer::Name::momentum) {
      double* const velocity = task_.firstMoments + begin;
      for (std::size_t i = 0; i < count; i++) velocity[i] = rule.beta1 * velocity[i] + gradient[i];
      addScaled(parameters, -movement.learningRate, velocity, count);
    } else {
      adam({rule.beta1, rule.beta2, rule.epsilon, movement.learningRate / movement.correction1,
            movement.correction2},
           gradient, task_.firstMoments + begin, task_.secondMoments + begin, parameters, count);
    }
  }

  Run& run_;
  Team team_;
  const TrainTask& task_;
  const Network& net_;
  std::size_t rowBlock_ = 0;
  std::vector<Scratch> scratch_;
  std::vector<double> slotLosses_;
};

}  // namespace

void takeSteps(Run& run, std::size_t threads, const TrainTask& task) {
  Training(run, threads, task).run();
}

}  // namespace deepntk
