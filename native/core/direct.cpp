#include "direct.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "blas.hpp"
#include "elementwise.hpp"
#include "lanes.hpp"
#include "normal.hpp"
#include "streams.hpp"

namespace deepntk {

namespace {

// If the weights of all threads together need more than this many bytes, the backward pass draws them again.
constexpr double kWeightMemory = 1.0 * (1 << 30);

// Divides the numbers by a power of two if they are out of range. Returns its exponent.
std::int64_t normalize(double* values, std::size_t count) {
  const std::int64_t exponent = excessExponent(largestMagnitude(values, count));
  if (exponent == 0) return 0;
  const double factor = powerOfTwo(-exponent);
  for (std::size_t i = 0; i < count; i++) values[i] *= factor;
  return exponent;
}

class Net {
 public:
  Net(const DirectTask& task, double memory)
      : task_(task),
        n_(task.n),
        chains_(task.chains()),
        rows_(n_ * chains_),
        layers_(task.layers()),
        weights_(layers_ + 1),
        activations_(layers_),
        exponents_(layers_),
        sums_(task.terms.size() * task.kernelLength()),
        sumExponents_(task.terms.size()) {
    double bytes = 0;
    std::size_t widest = 1, largest = 0;
    for (std::size_t l = layers_; l >= 1; l--) {
      const std::size_t size = task.widths[l] * task.widths[l - 1];
      bytes += 8.0 * static_cast<double>(size);
      if (bytes <= memory) {
        weights_[l] = Buffer<double>(size);
      } else {
        largest = std::max(largest, size);
      }
      widest = std::max(widest, task.widths[l]);
      if (l < layers_) activations_[l] = Buffer<double>(n_ * task.widths[l]);
    }
    spare_ = Buffer<double>(largest);
    biases_ = Buffer<double>(widest);
    above_ = Buffer<double>(rows_ * widest);
    below_ = Buffer<double>(rows_ * widest);
    gram_ = Buffer<double>(n_ * n_);
    deltaGram_ = Buffer<double>(rows_ * rows_);
    std::fill_n(biases_.data(), widest, 0.0);
  }

  void sample(const Run& run, std::uint64_t replica, std::size_t position) {
    replica_ = replica;
    forward(run);
    backward(run);
    write(position);
  }

 private:
  const double* activations(std::size_t l) const { return l == 0 ? task_.x : activations_[l].data(); }

  // n_l x n_{l-1}
  MatrixView<const double> weightsOf(std::size_t l, bool drawn) {
    const std::size_t rows = task_.widths[l], columns = task_.widths[l - 1];
    const bool kept = weights_[l].size() > 0;
    double* const values = kept ? weights_[l].data() : spare_.data();
    if (!kept || !drawn) {
      fillNormals({values, rows * columns}, {task_.seed, replica_, streamOf(kWeightPurpose, l)},
                  task_.weightDeviations[l - 1]);
    }
    return {values, rows, columns, columns};
  }

  void forward(const Run& run) {
    exponents_[0] = task_.inputExponent;
    for (std::size_t l = 1; l < layers_; l++) {
      const MatrixView<const double> weights = weightsOf(l, false);
      const std::size_t width = weights.rows;
      double* const x = activations_[l].data();
      product(run, task_.weightGains[l - 1], {activations(l - 1), n_, weights.columns, weights.columns},
              weights, Transpose::yes, {x, n_, width, width});
      if (task_.biasDeviations[l - 1] > 0) {
        fillNormals({biases_.data(), width}, {task_.seed, replica_, streamOf(kBiasPurpose, l)},
                    task_.biasDeviations[l - 1]);
      }
      const double gain =
          task_.biasDeviations[l - 1] > 0 ? task_.biasGains[l - 1] * powerOfTwo(-exponents_[l - 1]) : 0;
      for (std::size_t i = 0; i < n_; i++) rectifyRow(x + i * width, biases_.data(), gain, width);
      exponents_[l] = exponents_[l - 1] + normalize(x, n_ * width);
    }
  }

  void backward(const Run& run) {
    std::fill_n(sums_.data(), sums_.size(), 0.0);
    std::fill(sumExponents_.begin(), sumExponents_.end(), kNoExponent);
    deltaExponent_ = 0;
    addTerm(run, layers_);
    for (std::size_t l = layers_; l > 1; l--) {
      const MatrixView<const double> weights = weightsOf(l, l < layers_);
      const std::size_t width = weights.columns;
      const double gain = task_.weightGains[l - 1];
      double* const deltas = below_.data();
      if (l == layers_) {
        spreadOutputs(weights, gain, deltas);
      } else {
        product(run, gain, {above_.data(), rows_, weights.rows, weights.rows}, weights, Transpose::no,
                {deltas, rows_, width, width});
      }
      for (std::size_t row = 0; row < rows_; row++) {
        double* const delta = deltas + row * width;
        gateRow(activations(l - 1) + row / chains_ * width, delta, delta, width);
      }
      deltaExponent_ += normalize(deltas, rows_ * width);
      std::swap(above_, below_);
      addTerm(run, l - 1);
    }
  }

  static void product(const Run& run, double alpha, MatrixView<const double> a, MatrixView<const double> b,
                      Transpose transposeB, MatrixView<double> c) {
    if (a.rows == 1) {
      gemv(run, alpha, b, transposeB == Transpose::yes ? Transpose::no : Transpose::yes, a.data, c.data);
    } else {
      gemm<double>(run, alpha, a, b, transposeB, 0.0, c);
    }
  }

  // The rows of W^{L+1} for every input, or their sum over sqrt(K).
  void spreadOutputs(MatrixView<const double> weights, double gain, double* out) const {
    const std::size_t width = weights.columns;
    if (task_.form == KernelForm::sumOfLogits) {
      const double share = gain / std::sqrt(static_cast<double>(weights.rows));
      for (std::size_t j = 0; j < width; j++) {
        double sum = 0;
        for (std::size_t k = 0; k < weights.rows; k++) sum += weights.row(k)[j];
        out[j] = share * sum;
      }
    } else {
      for (std::size_t i = 0; i < weights.rows * width; i++) out[i] = gain * weights.data[i];
    }
    for (std::size_t i = 1; i < n_; i++) std::copy_n(out, chains_ * width, out + i * chains_ * width);
  }

  // The term of layer l, into the lower triangle: (weights 4^exponents X X' + biases) o (4^deltaExponent
  // Delta Delta').
  void addTerm(const Run& run, std::size_t l);
  void write(std::size_t position) const;

  const DirectTask& task_;
  const std::size_t n_, chains_, rows_, layers_;
  std::uint64_t replica_ = 0;
  std::vector<Buffer<double>> weights_;      // of layers 1 .. L+1; empty for layers that are drawn again
  std::vector<Buffer<double>> activations_;  // of hidden layers; the true ones are these times 2^exponents
  std::vector<std::int64_t> exponents_;
  Buffer<double> spare_, biases_, above_, below_, gram_, deltaGram_;
  std::int64_t deltaExponent_ = 0;
  Buffer<double> sums_;
  std::vector<std::int64_t> sumExponents_;
};

void Net::addTerm(const Run& run, std::size_t l) {
  const bool top = l == layers_;
  const std::size_t width = task_.widths[l - 1], entries = task_.entries();
  syrk<double>(run, {activations(l - 1), n_, width, width}, {gram_.data(), n_, n_, n_});
  if (!top) {
    const std::size_t size = task_.widths[l];
    // For a trace, one product of inner length chains x width sums over the outputs.
    if (task_.form == KernelForm::trace) {
      syrk<double>(run, {above_.data(), n_, chains_ * size, chains_ * size}, {deltaGram_.data(), n_, n_, n_});
    } else {
      syrk<double>(run, {above_.data(), rows_, size, size}, {deltaGram_.data(), rows_, rows_, rows_});
    }
  }
  const DeltaGram deltas{top ? nullptr : deltaGram_.data(), task_.form, n_, chains_};
  const double largestActivation = largestOnDiagonal(gram_.data(), n_),
               largestDelta = deltas.largestOnDiagonal();
  for (std::size_t term = 0; term < task_.terms.size(); term++) {
    double* const sums = sums_.data() + term * task_.kernelLength();
    const TermFactors factors = factorsOf(task_.terms[term].layer(l), largestActivation, exponents_[l - 1],
                                          largestDelta, deltaExponent_, sumExponents_[term]);
    for (std::size_t i = 0; i < n_; i++) {
      for (std::size_t j = 0; j <= i; j++) {
        const double gram = factors.weight * gram_[i * n_ + j] + factors.bias;
        double* const out = sums + (i * n_ + j) * entries;
        for (std::size_t entry = 0; entry < entries; entry++) {
          const bool full = task_.form == KernelForm::full;
          const std::size_t k = full ? entry / chains_ : entry, m = full ? entry % chains_ : entry;
          if (full && i == j && m > k) continue;
          out[entry] = factors.keep * out[entry] + gram * deltas(i, k, j, m);
        }
      }
    }
  }
}

void Net::write(std::size_t position) const {
  const std::size_t entries = task_.entries(), length = task_.kernelLength(), sets = task_.terms.size();
  const bool full = task_.form == KernelForm::full;
  for (std::size_t term = 0; term < sets; term++) {
    const std::size_t at = position * sets + term;
    double* const out = task_.kernels + at * length;
    const double* const sums = sums_.data() + term * length;
    task_.exponents[at] = reportedExponent(sumExponents_[term]);
    for (std::size_t i = 0; i < n_; i++) {
      for (std::size_t j = 0; j <= i; j++) {
        for (std::size_t entry = 0; entry < entries; entry++) {
          if (full && i == j && entry % chains_ > entry / chains_) continue;
          const double value = sums[(i * n_ + j) * entries + entry];
          out[(i * n_ + j) * entries + entry] = value;
          out[(j * n_ + i) * entries + transposedEntry(task_.form, chains_, entry)] = value;
        }
      }
    }
  }
}

}  // namespace

void sampleDirect(Run& run, std::size_t threads, const DirectTask& task) {
  run.expect(static_cast<double>(task.count));
  Team team(run, std::min(threads, task.count));
  std::vector<std::unique_ptr<Net>> workers(team.size());
  team.parallelFor(task.count, [&](std::size_t replica, std::size_t worker) {
    if (!workers[worker]) {
      workers[worker] = std::make_unique<Net>(task, kWeightMemory / static_cast<double>(team.size()));
    }
    workers[worker]->sample(run, task.first + replica, replica);
    run.advance(1);
  });
}

}  // namespace deepntk
