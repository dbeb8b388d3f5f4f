// One replica of the conditional sampler (conditional.hpp), computed by the threads of a block.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "../core/rank.hpp"
#include "../core/streams.hpp"
#include "kernel_samples.hpp"

namespace deepntk::cuda {

constexpr std::size_t kUnits = 16;  // units at a time; an even number, so that no pair of normals is split

// Where a replica's numbers begin, in doubles.
struct ConditionalLayout {
  // In the memory of a block.
  std::size_t covariance, top, gram, gramBelow, root, pivots, across, along, alongBelow, work;
  std::size_t normals, x, fresh, open, deltas, factors, scratch;
  // Of a layer, and of all layers of a replica, in the device's memory.
  std::size_t layer, state;

  ConditionalLayout(std::size_t n, std::size_t chains, std::size_t outputs, std::size_t layers,
                    std::size_t terms) {
    const std::size_t pairs = n * chains;
    std::size_t end = 0;
    const auto take = [&](std::size_t size) {
      end += size;
      return end - size;
    };
    covariance = take(n * n);
    top = take(outputs * n + 1);
    gram = take(pairs * pairs);
    gramBelow = take(pairs * pairs);
    root = take(pairs * pairs);
    pivots = take(pairs);
    across = take(n * pairs);
    along = take(n * pairs);
    alongBelow = take(n * pairs);
    work = take(n * pairs);
    normals = take(kUnits * n);
    x = take(kUnits * n);
    fresh = take(kUnits * pairs);
    open = take(kUnits * pairs);
    deltas = take(kUnits * pairs);
    factors = take(3 * terms);
    scratch = end;
    layer = 2 * n * n + n + 2;
    state = (layers + 1) * layer;
  }
};

struct ConditionalView {
  SampleView task;
  ConditionalLayout layout;
  const double* inputGram;
  std::int64_t inputExponent;
  const double* weightScale;
  double biasVariance;
  std::uint64_t first;
  double* states;           // layout.state doubles a replica
  double* kernels;          // terms x kernelLength a replica
  std::int64_t* exponents;  // terms a replica
  std::int32_t* reported;
};

// One replica. In `team.forEach(count, body)` the threads of a block call body(0) .. body(count - 1). All
// calls are done when it returns. Every thread runs the code between such calls.
template <typename Team>
class ConditionalReplica {
 public:
  DEEPNTK_PORTABLE ConditionalReplica(const Team& team, const ConditionalView& view, std::size_t index,
                                      double* scratch)
      : team_(team),
        view_(view),
        task_(view.task),
        n_(view.task.n),
        chains_(view.task.chains),
        pairs_(view.task.pairs()),
        layers_(view.task.layers),
        replica_(view.first + index),
        scratch_(scratch),
        states_(view.states + index * view.layout.state),
        kernels_(view.kernels + index * view.task.terms * view.task.kernelLength()),
        exponents_(view.exponents + index * view.task.terms),
        reported_(view.reported + index * view.task.terms),
        gram_(scratch + view.layout.gram),
        gramBelow_(scratch + view.layout.gramBelow),
        along_(scratch + view.layout.along),
        alongBelow_(scratch + view.layout.alongBelow) {}

  DEEPNTK_PORTABLE void sample() {
    climb();
    startDescent();
    for (std::size_t l = layers_; l > 1; l--) {
      descend(l);
      addTerm(l - 1);
    }
    finish();
  }

 private:
  // Layer l has X'X (upper triangle), R of the preactivations over 2^exponent, and the inverses of its
  // pivots. The true activations are the drawn ones times 2^exponent.
  DEEPNTK_PORTABLE double* gramOf(std::size_t l) const { return states_ + l * view_.layout.layer; }
  DEEPNTK_PORTABLE double* rootOf(std::size_t l) const { return gramOf(l) + n_ * n_; }
  DEEPNTK_PORTABLE double* inversesOf(std::size_t l) const { return rootOf(l) + n_ * n_; }
  DEEPNTK_PORTABLE std::int64_t exponentOf(std::size_t l) const {
    return static_cast<std::int64_t>(inversesOf(l)[n_]);
  }
  DEEPNTK_PORTABLE std::int64_t shiftOf(std::size_t l) const {
    return static_cast<std::int64_t>(inversesOf(l)[n_ + 1]);
  }

  DEEPNTK_PORTABLE NormalStream stream(std::uint32_t purpose, std::size_t l) const {
    return {task_.seed, replica_, streamOf(purpose, l)};
  }

  // Draws numbers first .. first + count - 1 of a stream. `first` is even.
  DEEPNTK_PORTABLE void draw(double* to, const NormalStream& from, std::size_t first,
                             std::size_t count) const {
    team_.forEach((count + 1) / 2, [&](std::size_t pair) {
      double normals[2];
      from.pairAt(first / 2 + pair, normals);
      to[2 * pair] = normals[0];
      if (2 * pair + 1 < count) to[2 * pair + 1] = normals[1];
    });
  }

  DEEPNTK_PORTABLE void clear(double* numbers, std::size_t count) const {
    team_.forEach(count, [&](std::size_t i) { numbers[i] = 0; });
  }

  // From the inputs to the outputs.
  DEEPNTK_PORTABLE void climb() {
    team_.forEach(n_ * n_, [&](std::size_t i) { gramOf(0)[i] = view_.inputGram[i]; });
    setExponents(0, view_.inputExponent, 0);
    for (std::size_t l = 1; l <= layers_; l++) {
      findRoot(l);
      if (l == layers_) break;
      double* const gram = gramOf(l);
      clear(gram, n_ * n_);
      for (std::size_t unit = 0; unit < task_.widths[l]; unit += kUnits) {
        const std::size_t units = drawUnits(l, unit);
        const double* const x = scratch_ + view_.layout.x;
        team_.forEach(n_ * n_, [&](std::size_t entry) {
          const std::size_t i = entry / n_, j = entry - i * n_;
          if (j < i) return;
          double sum = gram[entry];
          for (std::size_t u = 0; u < units; u++) sum += x[u * n_ + i] * x[u * n_ + j];
          gram[entry] = sum;
        });
      }
    }
    draw(scratch_ + view_.layout.top, stream(kForwardPurpose, layers_), 0, task_.outputs * n_);
  }

  DEEPNTK_PORTABLE void setExponents(std::size_t l, std::int64_t exponent, std::int64_t shift) const {
    team_.forEach(1, [&](std::size_t) {
      inversesOf(l)[n_] = static_cast<double>(exponent);
      inversesOf(l)[n_ + 1] = static_cast<double>(shift);
    });
  }

  // R of layer l, scaled to near 1.
  DEEPNTK_PORTABLE void findRoot(std::size_t l) const {
    double* const covariance = scratch_ + view_.layout.covariance;
    const double *const below = gramOf(l - 1), weight = view_.weightScale[l - 1];
    const double bias = powerOfTwo(-2 * exponentOf(l - 1)) * view_.biasVariance;
    team_.forEach(n_ * n_, [&](std::size_t i) { covariance[i] = weight * below[i] + bias; });
    const std::int64_t shift = binaryExponent(largestOnDiagonal(covariance, n_)) >> 1;
    team_.sync();  // every thread has read the matrix before it is scaled
    const double factor = powerOfTwo(-2 * shift);
    team_.forEach(n_ * n_, [&](std::size_t i) { covariance[i] *= factor; });
    setExponents(l, exponentOf(l - 1) + shift, shift);
    factorize(covariance, n_, rootOf(l), inversesOf(l));
  }

  // factorLanes (core/lane_products.hpp), one row at a time: each row is subtracted from all later rows at
  // once.
  DEEPNTK_PORTABLE void factorize(const double* a, std::size_t n, double* r, double* inverses) const {
    const auto pivot = [&](std::size_t j) {
      const double square = r[j * n + j];
      const bool independent = square > kRankTolerance * a[j * n + j];
      const double root = independent ? std::sqrt(square) : 0;
      r[j * n + j] = root;
      inverses[j] = independent ? 1 / root : 0;
    };
    team_.forEach(n * n, [&](std::size_t entry) {
      const std::size_t i = entry / n, j = entry - i * n;
      r[entry] = j < i ? 0 : a[entry];
      if (entry == 0) pivot(0);
    });
    for (std::size_t k = 0; k + 1 < n; k++) {
      const std::size_t rest = n - k - 1;
      team_.forEach(rest, [&](std::size_t j) { r[k * n + k + 1 + j] *= inverses[k]; });
      team_.forEach(rest * rest, [&](std::size_t entry) {
        const std::size_t row = entry / rest, i = k + 1 + row, j = k + 1 + entry - row * rest;
        if (j < i) return;
        r[i * n + j] -= r[k * n + i] * r[k * n + j];
        if (entry == 0) pivot(k + 1);
      });
    }
  }

  // Draws Z_h and X = relu(Z_h R) of the next units of a hidden layer. Returns their number.
  DEEPNTK_PORTABLE std::size_t drawUnits(std::size_t l, std::size_t unit) const {
    const std::size_t left = task_.widths[l] - unit, units = left < kUnits ? left : kUnits;
    double *const normals = scratch_ + view_.layout.normals, *const x = scratch_ + view_.layout.x;
    const double* const root = rootOf(l);
    draw(normals, stream(kForwardPurpose, l), unit * n_, units * n_);
    team_.forEach(units * n_, [&](std::size_t entry) {
      const std::size_t u = entry / n_, j = entry - u * n_;
      double sum = 0;
      for (std::size_t t = 0; t <= j; t++) sum += normals[u * n_ + t] * root[t * n_ + j];
      x[entry] = sum > 0 ? sum : 0;
    });
    return units;
  }

  // Goes through a hidden layer, a few units at a time. Draws Z_h and X of these units, and Z from stream
  // `key`, and then calls body(units).
  template <typename Body>
  DEEPNTK_PORTABLE void forUnits(std::size_t l, const NormalStream& key, std::size_t columns,
                                 const Body& body) const {
    for (std::size_t unit = 0; unit < task_.widths[l]; unit += kUnits) {
      const std::size_t units = drawUnits(l, unit);
      draw(scratch_ + view_.layout.fresh, key, unit * columns, units * columns);
      body(units);
    }
  }

  // Computes Delta' Delta and Z_h' Delta of the output layer. Its deltas are the identity, or a column of
  // 1 / sqrt(K).
  DEEPNTK_PORTABLE void startDescent() {
    const double* const top = scratch_ + view_.layout.top;
    const std::size_t outputs = task_.outputs;
    team_.forEach(task_.terms, [&](std::size_t term) { exponents_[term] = kNoExponent; });
    clear(kernels_, task_.terms * task_.kernelLength());
    deltaExponent_ = 0;
    team_.forEach(chains_ * chains_, [&](std::size_t i) { gram_[i] = i % (chains_ + 1) == 0 ? 1.0 : 0.0; });
    if (task_.form == KernelForm::sumOfLogits) {
      const double share = 1 / std::sqrt(static_cast<double>(outputs));
      team_.forEach(n_, [&](std::size_t i) {
        double sum = 0;
        for (std::size_t k = 0; k < outputs; k++) sum += top[k * n_ + i];
        along_[i] = share * sum;
      });
    } else {
      team_.forEach(n_ * outputs, [&](std::size_t entry) {
        const std::size_t i = entry / outputs, k = entry - i * outputs;
        along_[entry] = top[k * n_ + i];
      });
    }
    addTerm(layers_);
  }

  // Replaces gram_, along_ and their exponent, which belong to layer l, by those of the layer below.
  DEEPNTK_PORTABLE void descend(std::size_t l) {
    const bool top = l == layers_;
    const std::size_t columns = top ? chains_ : pairs_, width = task_.widths[l - 1];
    double *const root = scratch_ + view_.layout.root, *const across = scratch_ + view_.layout.across;
    double* const fresh = scratch_ + view_.layout.fresh;
    const double *const normals = scratch_ + view_.layout.normals, *const x = scratch_ + view_.layout.x;
    factorize(gram_, columns, root, scratch_ + view_.layout.pivots);
    const double s = view_.weightScale[l - 1], deviation = std::sqrt(s);
    team_.forEach(columns * columns, [&](std::size_t i) { root[i] *= deviation; });

    // X~' Z. The last row of Z belongs to the biases.
    const NormalStream key = stream(kBackwardPurpose, l - 1);
    clear(across, n_ * columns);
    forUnits(l - 1, key, columns, [&](std::size_t units) {
      team_.forEach(n_ * columns, [&](std::size_t entry) {
        const std::size_t i = entry / columns, j = entry - i * columns;
        double sum = across[entry];
        for (std::size_t u = 0; u < units; u++) sum += x[u * n_ + i] * fresh[u * columns + j];
        across[entry] = sum;
      });
    });
    if (view_.biasVariance > 0) {
      const double length = powerOfTwo(-exponentOf(l - 1)) * std::sqrt(view_.biasVariance / s);
      team_.forEach(columns, [&](std::size_t j) { fresh[j] = key[width * columns + j]; });
      team_.forEach(n_ * columns,
                    [&](std::size_t entry) { across[entry] += length * fresh[entry % columns]; });
    }
    solve(l, columns, s);

    // Z C + X S, the gates, and the Gram matrices of the result that the next step needs.
    double *const open = scratch_ + view_.layout.open, *const deltas = scratch_ + view_.layout.deltas;
    clear(gramBelow_, pairs_ * pairs_);
    clear(alongBelow_, n_ * pairs_);
    forUnits(l - 1, key, columns, [&](std::size_t units) {
      team_.forEach(units * columns, [&](std::size_t entry) {
        const std::size_t u = entry / columns, j = entry - u * columns;
        double sum = 0;
        for (std::size_t t = 0; t <= j; t++) sum += fresh[u * columns + t] * root[t * columns + j];
        for (std::size_t t = 0; t < n_; t++) sum += x[u * n_ + t] * along_[t * columns + j];
        open[entry] = sum;
      });
      team_.forEach(units * pairs_, [&](std::size_t entry) {
        const std::size_t u = entry / pairs_, pair = entry - u * pairs_, i = pair / chains_;
        const double value = open[u * columns + (top ? pair - i * chains_ : pair)];
        deltas[entry] = x[u * n_ + i] > 0 ? value : 0;
      });
      const std::size_t grams = pairs_ * pairs_;
      team_.forEach(grams + (l == 2 ? 0 : n_ * pairs_), [&](std::size_t entry) {
        const bool gram = entry < grams;
        const std::size_t at = gram ? entry : entry - grams, i = at / pairs_, j = at - i * pairs_;
        if (gram && j < i) return;
        const double* const left = gram ? deltas + i : normals + i;
        const std::size_t step = gram ? pairs_ : n_;
        double* const to = (gram ? gramBelow_ : alongBelow_) + at;
        double sum = *to;
        for (std::size_t u = 0; u < units; u++) sum += left[u * step] * deltas[u * pairs_ + j];
        *to = sum;
      });
    });
    double* const gram = gramBelow_;
    gramBelow_ = gram_;
    gram_ = gram;
    double* const along = alongBelow_;
    alongBelow_ = along_;
    along_ = along;
    const std::int64_t by = binaryExponent(largestOnDiagonal(gram_, pairs_)) >> 1;
    team_.sync();  // every thread has read the matrix before it is scaled
    const double square = powerOfTwo(-2 * by), factor = powerOfTwo(-by);
    team_.forEach(pairs_ * pairs_, [&](std::size_t i) { gram_[i] *= square; });
    team_.forEach(n_ * pairs_, [&](std::size_t i) { along_[i] *= factor; });
    deltaExponent_ += by;
  }

  // S replaces Z_h' Delta. The stored R is divided by 2^shift, in units of the layer below.
  DEEPNTK_PORTABLE void solve(std::size_t l, std::size_t columns, double s) const {
    const double *const c = scratch_ + view_.layout.root, *const across = scratch_ + view_.layout.across;
    double* const work = scratch_ + view_.layout.work;
    const double *const r = rootOf(l), *const inverses = inversesOf(l);
    const double shift = powerOfTwo(-shiftOf(l));
    team_.forEach(n_ * columns, [&](std::size_t entry) {
      const std::size_t i = entry / columns, j = entry - i * columns;
      double sum = 0;
      for (std::size_t t = 0; t <= j; t++) sum += across[i * columns + t] * c[t * columns + j];
      work[entry] = sum;
    });
    // Columns are independent of each other.
    team_.forEach(columns, [&](std::size_t j) {
      for (std::size_t i = 0; i < n_; i++) {
        double sum = work[i * columns + j];
        for (std::size_t k = 0; k < i; k++) sum -= r[k * n_ + i] * work[k * columns + j];
        work[i * columns + j] = sum * inverses[i];
      }
      for (std::size_t i = 0; i < n_; i++) along_[i * columns + j] -= shift * work[i * columns + j];
      for (std::size_t i = n_; i-- > 0;) {
        double sum = along_[i * columns + j];
        for (std::size_t k = i + 1; k < n_; k++) sum -= r[i * n_ + k] * along_[k * columns + j];
        along_[i * columns + j] = sum * inverses[i];
      }
      for (std::size_t i = 0; i < n_; i++) along_[i * columns + j] *= shift * s;
    });
  }

  // The term of layer l: (weights 4^exponents X'X + biases) o (4^deltaExponent Delta' Delta).
  DEEPNTK_PORTABLE void addTerm(std::size_t l) const {
    const bool top = l == layers_;
    const std::size_t columns = top ? chains_ : pairs_, step = top ? 0 : chains_, entries = task_.entries;
    const double* const below = gramOf(l - 1);
    double* const factors = scratch_ + view_.layout.factors;
    team_.forEach(task_.terms, [&](std::size_t term) {
      const TermFactors found =
          factorsOf(task_.layerTerms(term, l), largestOnDiagonal(below, n_), exponentOf(l - 1),
                    largestOnDiagonal(gram_, columns), deltaExponent_, exponents_[term]);
      factors[3 * term] = found.keep;
      factors[3 * term + 1] = found.weight;
      factors[3 * term + 2] = found.bias;
    });
    const std::size_t length = task_.kernelLength();
    team_.forEach(task_.terms * length, [&](std::size_t at) {
      const std::size_t term = at / length, number = at - term * length;
      const std::size_t pair = number / entries, entry = number - pair * entries;
      const std::size_t i = pair / n_, j = pair - i * n_;
      const bool full = task_.form == KernelForm::full;
      std::size_t k = full ? entry / chains_ : entry, m = full ? entry - k * chains_ : entry;
      if (j < i || (full && i == j && m < k)) return;
      if (top && m < k) {
        const std::size_t swapped = k;
        k = m;
        m = swapped;
      }
      const double gram = factors[3 * term + 1] * below[i * n_ + j] + factors[3 * term + 2];
      double delta = 0;
      if (task_.form == KernelForm::trace) {
        for (std::size_t c = 0; c < chains_; c++) delta += gram_[(i * step + c) * columns + j * step + c];
      } else {
        delta = gram_[(i * step + k) * columns + j * step + m];
      }
      kernels_[at] = factors[3 * term] * kernels_[at] + gram * delta;
    });
  }

  // The other triangle, and the exponents.
  DEEPNTK_PORTABLE void finish() const {
    const std::size_t length = task_.kernelLength(), entries = task_.entries;
    team_.forEach(task_.terms * length, [&](std::size_t at) {
      const std::size_t term = at / length, number = at - term * length;
      const std::size_t pair = number / entries, entry = number - pair * entries;
      const std::size_t i = pair / n_, j = pair - i * n_;
      const bool full = task_.form == KernelForm::full;
      if (j < i || (i == j && !(full && entry / chains_ < entry % chains_))) return;
      kernels_[term * length + mirrored(task_, i, j, entry)] = kernels_[at];
    });
    team_.forEach(task_.terms,
                  [&](std::size_t term) { reported_[term] = reportedExponent(exponents_[term]); });
  }

  const Team& team_;
  const ConditionalView& view_;
  const SampleView& task_;
  std::size_t n_, chains_, pairs_, layers_;
  std::uint64_t replica_;
  double *scratch_, *states_, *kernels_;
  std::int64_t* exponents_;
  std::int32_t* reported_;
  double *gram_, *gramBelow_;    // Delta' Delta, upper triangle
  double *along_, *alongBelow_;  // Z_h' Delta, then S
  std::int64_t deltaExponent_ = 0;
};

}  // namespace deepntk::cuda
