// Steps of gradient descent on a device, the parameters and moments staying there; the counterpart of
// native/core/training.*. The device counts the steps itself, so that what one step enqueues is the same for
// every step with a batch of the same size: it is recorded once, and replayed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "../core/training.hpp"
#include "forward.hpp"

namespace deepntk::cuda {

// Where the steps are: the number of the one under way, and where its batch begins in the list of rows.
struct Position {
  std::uint64_t step, begin;
};

struct Movement {
  double learningRate, correction1, correction2;
};

// One row of a batch, counted from the batch's `first`: its place in x and y.
struct BatchRows {
  const std::int32_t* list;  // null: all rows in order
  const Position* position;
  std::size_t first;

  DEEPNTK_PORTABLE std::size_t operator[](std::size_t i) const {
    return list == nullptr ? first + i : static_cast<std::size_t>(list[position->begin + first + i]);
  }
};

struct GatherInputs {
  const double* x;
  BatchRows rows;
  double* to;
  std::size_t columns;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    to[i * columns + j] = x[rows[i] * columns + j];
  }
};

// The loss of one sample, and the derivatives of the batch's mean loss by its outputs:
// native/core/training.cpp, row by row.
struct LossOfRow {
  const double *f, *y;
  BatchRows rows;
  std::size_t outputs;
  Loss loss;
  double scale;
  double *losses, *deltas;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const {
    const double* const out = f + i * outputs;
    const double* const target = y + rows[i] * outputs;
    double* const delta = deltas + i * outputs;
    double sum = 0;
    if (loss == Loss::meanSquared) {
      for (std::size_t k = 0; k < outputs; k++) {
        const double difference = out[k] - target[k];
        sum += 0.5 * difference * difference;
        delta[k] = scale * difference;
      }
    } else {
      double largest = -std::numeric_limits<double>::infinity(), exponentials = 0, mass = 0;
      for (std::size_t k = 0; k < outputs; k++) largest = largest < out[k] ? out[k] : largest;
      for (std::size_t k = 0; k < outputs; k++) {
        exponentials += std::exp(out[k] - largest);
        mass += target[k];
      }
      const double logSum = largest + ::log(exponentials);
      for (std::size_t k = 0; k < outputs; k++) {
        const double logShare = out[k] - logSum;
        if (target[k] != 0) sum -= target[k] * logShare;
        delta[k] = scale * (mass * std::exp(logShare) - target[k]);
      }
    }
    losses[i] = sum;
  }
};

constexpr std::size_t kPartialSums = 256;

// Sum number j of kPartialSums: of every kPartialSums-th entry.
struct PartialSums {
  const double* values;
  std::size_t size;
  double* sums;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t j) const {
    double sum = 0;
    for (std::size_t i = j; i < size; i += kPartialSums) sum += values[i];
    sums[j] = sum;
  }
};

struct AddLoss {
  const double* sums;
  const Position* position;
  double size;
  bool first;
  double* losses;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t) const {
    double sum = 0;
    for (std::size_t j = 0; j < kPartialSums; j++) sum += sums[j];
    double& loss = losses[position->step];
    loss = (first ? 0 : loss) + sum / size;
  }
};

struct Move {
  Optimizer rule;
  const Movement* movements;
  const Position* position;
  const double* gradient;
  double *first, *second, *parameters;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const {
    const Movement movement = movements[position->step];
    if (rule.name == Optimizer::Name::gradientDescent) {
      parameters[i] -= movement.learningRate * gradient[i];
    } else if (rule.name == Optimizer::Name::momentum) {
      first[i] = rule.beta1 * first[i] + gradient[i];
      parameters[i] -= movement.learningRate * first[i];
    } else {
      first[i] = rule.beta1 * first[i] + (1 - rule.beta1) * gradient[i];
      second[i] = rule.beta2 * second[i] + (1 - rule.beta2) * gradient[i] * gradient[i];
      parameters[i] -= movement.learningRate / movement.correction1 * first[i] /
                       (std::sqrt(second[i] / movement.correction2) + rule.epsilon);
    }
  }
};

struct AdvancePosition {
  Position* position;
  std::uint64_t size;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t) const {
    position->step++;
    position->begin += size;
  }
};

struct Fill {
  double* to;
  double value;
  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const { to[i] = value; }
};

template <typename Device>
class Training {
 public:
  Training(Run& run, Device& device, const TrainTask& task)
      : run_(run),
        device_(device),
        products_(device, Arithmetic::single),
        task_(task),
        net_(task.network),
        resident_(device, task.network) {
    const std::size_t steps = task.batchSizes.size;
    std::size_t listed = 0, highest = 0, largest = 1;
    for (std::size_t step = 0; step < steps; step++) {
      largest = std::max<std::size_t>(largest, task.batchSizes[step]);
      listed += task.batchSizes[step];
    }
    if (task.batchRows == nullptr) {
      highest = largest;
      listed = 0;
    } else {
      for (std::size_t i = 0; i < listed; i++)
        highest = std::max<std::size_t>(highest, task.batchRows[i] + 1);
    }
    x_ = DeviceArray<Device, double>(device, task.x, highest * net_.inputs());
    y_ = DeviceArray<Device, double>(device, task.y, highest * net_.outputs());
    list_ = DeviceArray<Device, std::int32_t>(device, task.batchRows, listed);
    const bool moments = task.optimizer.name != Optimizer::Name::gradientDescent;
    const bool adam = task.optimizer.name == Optimizer::Name::adam;
    first_ = DeviceArray<Device, double>(device, task.firstMoments, moments ? task.parameterCount : 0);
    second_ = DeviceArray<Device, double>(device, task.secondMoments, adam ? task.parameterCount : 0);
    gradient_ = DeviceArray<Device, double>(device, task.parameterCount);
    gradient_.clear();
    losses_ = DeviceArray<Device, double>(device, steps);
    movements_ = DeviceArray<Device, Movement>(device, movements());
    position_ = DeviceArray<Device, Position>(device, 1);
    position_.clear();
    makeRoom(largest);
  }

  void run() {
    const std::size_t steps = task_.batchSizes.size;
    double samples = 0;
    for (std::size_t step = 0; step < steps; step++) samples += task_.batchSizes[step];
    run_.expect(samples * flopsPerSample());
    std::map<std::size_t, typename Device::Graph> graphs;
    std::set<std::size_t> seen;
    for (std::size_t step = 0; step < steps; step++) {
      const std::size_t size = task_.batchSizes[step];
      if (seen.insert(size).second) {
        enqueueStep(size);  // libraries load what they need at the first call, which must not be recorded
      } else {
        auto graph = graphs.find(size);
        if (graph == graphs.end())
          graph = graphs.emplace(size, device_.capture([this, size] { enqueueStep(size); })).first;
        device_.replay(graph->second);
      }
      device_.pace(run_, size * flopsPerSample());
    }
    losses_.copyOut(task_.losses);
    resident_.parameters().copyOut(task_.parameters);
    first_.copyOut(task_.firstMoments);
    second_.copyOut(task_.secondMoments);
  }

 private:
  std::vector<Movement> movements() const {
    std::vector<Movement> movements;
    for (std::size_t step = 0; step < task_.learningRates.size; step++) {
      const double t = static_cast<double>(task_.stepsBefore + step + 1);
      movements.push_back({task_.learningRates[step], 1 - std::pow(task_.optimizer.beta1, t),
                           1 - std::pow(task_.optimizer.beta2, t)});
    }
    return movements;
  }

  double flopsPerSample() const {
    double flops = 0;
    for (std::size_t l = 1; l <= net_.layers(); l++)
      flops += (l == 1 ? 4.0 : 6.0) * net_.width(l - 1) * net_.width(l);
    return flops;
  }

  // The arrays of one block of samples: as many as fit three quarters of the free memory.
  void makeRoom(std::size_t largestBatch) {
    double units = 2.0 * net_.widest() + net_.inputs() + 2;
    for (std::size_t l = 1; l <= net_.layers(); l++) units += net_.width(l);
    const double fitting = 0.75 * static_cast<double>(device_.freeMemory()) / (8 * units);
    rowBlock_ = static_cast<std::size_t>(std::clamp(fitting, 1.0, static_cast<double>(largestBatch)));
    if (task_.batchRows != nullptr) inputs_ = DeviceArray<Device, double>(device_, rowBlock_ * net_.inputs());
    activations_.resize(net_.layers() + 1);
    for (std::size_t l = 1; l <= net_.layers(); l++)
      activations_[l] = DeviceArray<Device, double>(device_, rowBlock_ * net_.width(l));
    deltas_ = DeviceArray<Device, double>(device_, rowBlock_ * net_.widest());
    below_ = DeviceArray<Device, double>(device_, rowBlock_ * net_.widest());
    ones_ = DeviceArray<Device, double>(device_, rowBlock_);
    device_.forEach(1, rowBlock_, Fill{ones_.data(), 1.0});
    rowLosses_ = DeviceArray<Device, double>(device_, rowBlock_);
    sums_ = DeviceArray<Device, double>(device_, kPartialSums);
  }

  // One step with a batch of `size` samples.
  void enqueueStep(std::size_t size) {
    const std::size_t blocks = (size + rowBlock_ - 1) / rowBlock_;
    for (std::size_t block = 0; block < blocks; block++) {
      const std::size_t first = block * size / blocks, rows = (block + 1) * size / blocks - first;
      enqueueBlock({task_.batchRows == nullptr ? nullptr : list_.data(), position_.data(), first}, rows, size,
                   block == 0);
    }
    device_.forEach(1, task_.parameterCount,
                    Move{task_.optimizer, movements_.data(), position_.data(), gradient_.data(),
                         first_.data(), second_.data(), resident_.parameters().data()});
    device_.forEach(1, 1, AdvancePosition{position_.data(), size});
  }

  void enqueueBlock(const BatchRows& samples, std::size_t rows, std::size_t size, bool first) {
    const std::size_t layers = net_.layers(), inputs = net_.inputs();
    MatrixView<const double> x{x_.data() + samples.first * inputs, rows, inputs, inputs};
    if (samples.list != nullptr) {
      device_.forEach(rows, inputs, GatherInputs{x_.data(), samples, inputs_.data(), inputs});
      x.data = inputs_.data();
    }
    for (std::size_t l = 1; l <= layers; l++) {
      const std::size_t width = net_.width(l);
      applyLayer<Device>(device_, products_, resident_, l, activationsOf(l - 1, x), l < layers,
                         {activations_[l].data(), rows, width, width});
    }
    device_.forEach(1, rows,
                    LossOfRow{activations_[layers].data(), y_.data(), samples, net_.outputs(), task_.loss,
                              1.0 / size, rowLosses_.data(), deltas_.data()});
    device_.forEach(1, kPartialSums, PartialSums{rowLosses_.data(), rows, sums_.data()});
    device_.forEach(
        1, 1, AddLoss{sums_.data(), position_.data(), static_cast<double>(size), first, losses_.data()});
    enqueueBackward(x, rows, first);
  }

  // From the deltas of the outputs down to layer 1: the gradient of each layer, and the deltas of the one
  // below.
  void enqueueBackward(MatrixView<const double> x, std::size_t rows, bool first) {
    const double* const beta = first ? device_.template zero<double>() : device_.template one<double>();
    double* deltas = deltas_.data();
    double* below = below_.data();
    double* layerEnd = gradient_.data() + task_.parameterCount;
    for (std::size_t l = net_.layers(); l >= 1; l--) {
      const Layer& layer = resident_.view().layer(l);
      const std::size_t width = layer.weights.rows, inputs = layer.weights.columns;
      double* const biases = layerEnd - width;
      double* const weights = biases - width * inputs;
      layerEnd = weights;
      const MatrixView<const double> input = activationsOf(l - 1, x);
      const MatrixView<const double> above{deltas, rows, width, width};
      products_.template multiply<double>(Transpose::yes, Transpose::no, resident_.weightGain(l), above,
                                          input, beta, {weights, width, inputs, inputs});
      if (task_.biasGradients) {
        // Column sums, as a product with a column of ones.
        products_.template multiply<double>(Transpose::yes, Transpose::no, resident_.biasGain(l), above,
                                            {ones_.data(), rows, 1, 1}, beta, {biases, width, 1, 1});
      }
      if (l == 1) return;
      products_.template multiply<double>(Transpose::no, Transpose::no, resident_.weightGain(l), above,
                                          layer.weights, device_.template zero<double>(),
                                          {below, rows, inputs, inputs});
      device_.forEach(stripsOf(rows), inputs,
                      Gate<double>{input.data, nullptr, below, rows, 1, inputs, nullptr});
      std::swap(deltas, below);
    }
  }

  MatrixView<const double> activationsOf(std::size_t l, MatrixView<const double> x) const {
    return l == 0 ? x
                  : MatrixView<const double>{activations_[l].data(), x.rows, net_.width(l), net_.width(l)};
  }

  Run& run_;
  Device& device_;
  Products<Device> products_;
  const TrainTask& task_;
  const Network& net_;
  ResidentNetwork<Device> resident_;
  std::size_t rowBlock_ = 1;
  DeviceArray<Device, double> x_, y_, first_, second_, gradient_, losses_;
  DeviceArray<Device, std::int32_t> list_;
  DeviceArray<Device, Movement> movements_;
  DeviceArray<Device, Position> position_;
  DeviceArray<Device, double> inputs_, deltas_, below_, ones_, rowLosses_, sums_;
  std::vector<DeviceArray<Device, double>> activations_;  // x^1 .. x^L at l, then the outputs at L + 1
};

template <typename Device>
void takeSteps(Run& run, Device& device, const TrainTask& task) {
  Training<Device>(run, device, task).run();
}

}  // namespace deepntk::cuda
