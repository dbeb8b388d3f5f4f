// Every target and the TypeScript twin give the same bits: the arithmetic is +, -, *, / and sqrt, compiled
// without contraction into fused multiply-adds (-ffp-contract=off). kReplicaLanes replicas go through the
// layers together. A few units are handled at a time, because they fit the cache.
#include "conditional.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "lane_products.hpp"
#include "normal.hpp"
#include "streams.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kUnits = 16;  // units at a time; an even number, so that no pair of normals is split

using Exponents = std::int64_t[kReplicaLanes];

void setPowersOfTwo(Pack& out, const Exponents& exponents, std::int64_t factor) {
  for (std::size_t i = 0; i < kReplicaLanes; i++) out[i] = powerOfTwo(factor * exponents[i]);
}

// Half the binary exponents of the largest diagonal entries.
void halfExponents(const Pack* matrix, std::size_t n, Exponents& out) {
  for (std::size_t lane = 0; lane < kReplicaLanes; lane++) {
    double largest = 0;
    for (std::size_t i = 0; i < n; i++) largest = std::max(largest, matrix[i * n + i][lane]);
    out[lane] = binaryExponent(largest) >> 1;
  }
}

void scale(Pack* numbers, std::size_t count, const Pack& factor) {
  for (std::size_t i = 0; i < count; i++) numbers[i] *= factor;
}

// What the forward pass keeps of a layer. The true activations are the stored ones times 2^exponents.
struct LayerState {
  Buffer<Pack> gram;            // X'X of this layer, upper triangle
  Buffer<Pack> root, inverses;  // R of the layer's preactivations, over 2^exponents
  Exponents shift, exponents;   // exponents: that of the layer below plus shift
};

class Group {
 public:
  explicit Group(const ConditionalTask& task)
      : task_(task),
        n_(task.n),
        chains_(task.chains()),
        pairs_(n_ * chains_),
        layers_(task.layers()),
        states_(layers_ + 1),
        normals_(layers_ + 1),
        activations_(layers_ + 1) {
    const std::size_t square = n_ * n_;
    double bytes = 0;
    std::size_t widest = 1;
    for (std::size_t l = layers_; l-- > 1;) {
      const std::size_t size = task.widths[l] * n_;
      bytes += 2.0 * static_cast<double>(size * sizeof(Pack));
      widest = std::max(widest, task.widths[l]);
      if (bytes > kLayerMemory) continue;
      normals_[l] = Buffer<Pack>(size);
      activations_[l] = Buffer<Pack>(size);
    }
    if (bytes > kLayerMemory) {
      spareNormals_ = Buffer<Pack>(widest * n_);
      spareActivations_ = Buffer<Pack>(widest * n_);
    }
    for (std::size_t l = 0; l <= layers_; l++) {
      states_[l].gram = Buffer<Pack>(square);
      if (l == 0) continue;
      states_[l].root = Buffer<Pack>(square);
      states_[l].inverses = Buffer<Pack>(n_);
    }
    covariance_ = Buffer<Pack>(square);
    top_ = Buffer<Pack>(task.outputs() * n_);
    gram_ = Buffer<Pack>(pairs_ * pairs_);
    gramBelow_ = Buffer<Pack>(pairs_ * pairs_);
    root_ = Buffer<Pack>(pairs_ * pairs_);
    pivots_ = Buffer<Pack>(pairs_);
    fresh_ = Buffer<Pack>((widest + 1) * pairs_);
    across_ = Buffer<Pack>(n_ * pairs_);
    along_ = Buffer<Pack>(n_ * pairs_);
    alongBelow_ = Buffer<Pack>(n_ * pairs_);
    work_ = Buffer<Pack>(n_ * pairs_);
    deltas_ = Buffer<Pack>(kUnits * pairs_);
    open_ = Buffer<Pack>(kUnits * pairs_);
    kernel_ = Buffer<Pack>(task.terms.size() * task.kernelLength());
    kernelExponents_.resize(task.terms.size() * kReplicaLanes);
  }

  void sample(const Run& run, std::uint64_t replica) {
    replica_ = replica;
    climb(run);
    startDescent();
    for (std::size_t l = layers_; l > 1; l--) {
      run.check();
      descend(l);
      addTerm(l - 1);
    }
  }

  // Writes the kernels of the first `count` lanes. They are replicas `position`, `position` + 1, ... of the
  // task.
  void write(std::size_t position, std::size_t count) const;

 private:
  // From the inputs to the outputs.
  void climb(const Run& run) {
    LayerState& inputs = states_[0];
    for (std::size_t i = 0; i < n_ * n_; i++) inputs.gram[i] = Pack{} + task_.inputGram[i];
    std::fill_n(inputs.exponents, kReplicaLanes, task_.inputExponent);
    for (std::size_t l = 1; l <= layers_; l++) {
      run.check();
      findRoot(l);
      if (l < layers_) {
        std::fill_n(states_[l].gram.data(), n_ * n_, Pack{});
        drawLayer(l, true);
      }
    }
    fillNormalsInLanes({top_.data(), task_.outputs() * n_},
                       {task_.seed, replica_, streamOf(kForwardPurpose, layers_)});
  }

  // R of layer l, scaled to near 1.
  void findRoot(std::size_t l) {
    const LayerState& below = states_[l - 1];
    LayerState& layer = states_[l];
    Pack bias;
    setPowersOfTwo(bias, below.exponents, -2);
    bias *= Pack{} + task_.biasVariance;
    const Pack weight = Pack{} + task_.weightScale[l - 1];
    for (std::size_t i = 0; i < n_ * n_; i++) covariance_[i] = weight * below.gram[i] + bias;
    halfExponents(covariance_.data(), n_, layer.shift);
    Pack factor;
    setPowersOfTwo(factor, layer.shift, -2);
    scale(covariance_.data(), n_ * n_, factor);
    for (std::size_t i = 0; i < kReplicaLanes; i++) layer.exponents[i] = below.exponents[i] + layer.shift[i];
    factorLanes(covariance_.data(), n_, layer.root.data(), layer.inverses.data());
  }

  // Computes Z_h and X = relu(Z_h R) of a hidden layer, and X'X if `withGram` is set.
  void drawLayer(std::size_t l, bool withGram) {
    LayerState& layer = states_[l];
    Pack *const normals = normalsOf(l), *const x = activationsOf(l);
    for (std::size_t unit = 0; unit < task_.widths[l]; unit += kUnits) {
      const std::size_t units = std::min(kUnits, task_.widths[l] - unit), at = unit * n_;
      fillNormalsInLanes({normals + at, units * n_}, {task_.seed, replica_, streamOf(kForwardPurpose, l)},
                         at);
      multiply(units, n_, n_, {normals + at, n_, 1}, {layer.root.data(), n_, 1}, {x + at, n_, 1},
               Entries::triangular, false);
      rectifyLanes(x + at, units * n_);
      if (!withGram) continue;
      multiply(n_, n_, units, {x + at, 1, n_}, {x + at, n_, 1}, {layer.gram.data(), n_, 1}, Entries::upper,
               true);
    }
  }

  bool kept(std::size_t l) const { return normals_[l].size() > 0; }
  Pack* normalsOf(std::size_t l) const { return kept(l) ? normals_[l].data() : spareNormals_.data(); }
  Pack* activationsOf(std::size_t l) const {
    return kept(l) ? activations_[l].data() : spareActivations_.data();
  }

  // Computes Delta' Delta and Z_h' Delta of the output layer. Its deltas are the identity, or a column of
  // 1 / sqrt(K).
  void startDescent() {
    std::fill(kernelExponents_.begin(), kernelExponents_.end(), kNoExponent);
    std::fill_n(kernel_.data(), kernel_.size(), Pack{});
    std::fill_n(deltaExponents_, kReplicaLanes, 0);
    const std::size_t outputs = task_.outputs();
    for (std::size_t i = 0; i < chains_ * chains_; i++) {
      gram_[i] = Pack{} + (i % (chains_ + 1) == 0 ? 1.0 : 0.0);
    }
    const Pack share = Pack{} + 1 / std::sqrt(static_cast<double>(outputs));
    for (std::size_t i = 0; i < n_; i++) {
      if (task_.form == KernelForm::sumOfLogits) {
        Pack sum{};
        for (std::size_t k = 0; k < outputs; k++) sum += top_[k * n_ + i];
        along_[i] = share * sum;
      } else {
        for (std::size_t k = 0; k < outputs; k++) along_[i * chains_ + k] = top_[k * n_ + i];
      }
    }
    addTerm(layers_);
  }

  // Replaces gram_, along_ and their exponents, which belong to layer l, by those of the layer below.
  void descend(std::size_t l) {
    const bool top = l == layers_;
    const std::size_t columns = top ? chains_ : pairs_, width = task_.widths[l - 1];
    const LayerState &layer = states_[l], &below = states_[l - 1];
    factorLanes(gram_.data(), columns, root_.data(), pivots_.data());
    const double s = task_.weightScale[l - 1];
    scale(root_.data(), columns * columns, Pack{} + std::sqrt(s));
    if (!kept(l - 1)) drawLayer(l - 1, false);
    const Pack *const normals = normalsOf(l - 1), *const x = activationsOf(l - 1);

    // X~' Z. The last row of Z belongs to the biases.
    const StreamKey key{task_.seed, replica_, streamOf(kBackwardPurpose, l - 1)};
    std::fill_n(across_.data(), n_ * columns, Pack{});
    for (std::size_t unit = 0; unit < width; unit += kUnits) {
      const std::size_t units = std::min(kUnits, width - unit), at = unit * columns;
      fillNormalsInLanes({fresh_.data() + at, units * columns}, key, at);
      multiply(n_, columns, units, {x + unit * n_, 1, n_}, {fresh_.data() + at, columns, 1},
               {across_.data(), columns, 1}, Entries::all, true);
    }
    if (task_.biasVariance > 0) addBiasRow(key, s, width, columns, below.exponents);

    // S replaces Z_h' Delta. The stored R is divided by 2^shift, in units of the layer below.
    Pack shift;
    setPowersOfTwo(shift, layer.shift, -1);
    multiply(n_, columns, columns, {across_.data(), columns, 1}, {root_.data(), columns, 1},
             {work_.data(), columns, 1}, Entries::triangular, false);
    solveTransposed(layer.root.data(), layer.inverses.data(), n_, work_.data(), columns);
    for (std::size_t i = 0; i < n_ * columns; i++) along_[i] -= shift * work_[i];
    solveUpper(layer.root.data(), layer.inverses.data(), n_, along_.data(), columns);
    scale(along_.data(), n_ * columns, shift * s);

    // Z C + X S, the gates, and the Gram matrices of the result that the next step needs.
    std::fill_n(gramBelow_.data(), pairs_ * pairs_, Pack{});
    std::fill_n(alongBelow_.data(), n_ * pairs_, Pack{});
    for (std::size_t unit = 0; unit < width; unit += kUnits) {
      const std::size_t units = std::min(kUnits, width - unit);
      multiply(units, columns, columns, {fresh_.data() + unit * columns, columns, 1},
               {root_.data(), columns, 1}, {open_.data(), columns, 1}, Entries::triangular, false);
      multiply(units, columns, n_, {x + unit * n_, n_, 1}, {along_.data(), columns, 1},
               {open_.data(), columns, 1}, Entries::all, true);
      gateLanes(x + unit * n_, open_.data(), top, units, n_, chains_, deltas_.data());
      multiply(pairs_, pairs_, units, {deltas_.data(), 1, pairs_}, {deltas_.data(), pairs_, 1},
               {gramBelow_.data(), pairs_, 1}, Entries::upper, true);
      if (l == 2) continue;
      multiply(n_, pairs_, units, {normals + unit * n_, 1, n_}, {deltas_.data(), pairs_, 1},
               {alongBelow_.data(), pairs_, 1}, Entries::all, true);
    }
    std::swap(gram_, gramBelow_);
    std::swap(along_, alongBelow_);
    Exponents by;
    halfExponents(gram_.data(), pairs_, by);
    Pack factor;
    setPowersOfTwo(factor, by, -2);
    scale(gram_.data(), pairs_ * pairs_, factor);
    setPowersOfTwo(factor, by, -1);
    scale(along_.data(), n_ * pairs_, factor);
    for (std::size_t i = 0; i < kReplicaLanes; i++) deltaExponents_[i] += by[i];
  }

  void addBiasRow(StreamKey key, double s, std::size_t width, std::size_t columns,
                  const Exponents& exponents) {
    const std::size_t at = width * columns, even = at & ~std::size_t{1};
    Pack* const row = fresh_.data() + even;
    if (even < at) open_[0] = fresh_[even];
    fillNormalsInLanes({row, at - even + columns}, key, even);
    Pack length;
    setPowersOfTwo(length, exponents, -1);
    length *= Pack{} + std::sqrt(task_.biasVariance / s);
    for (std::size_t i = 0; i < n_; i++) {
      for (std::size_t j = 0; j < columns; j++) across_[i * columns + j] += length * fresh_[at + j];
    }
  }

  void addTerm(std::size_t l);

  const ConditionalTask& task_;
  const std::size_t n_, chains_, pairs_, layers_;
  std::uint64_t replica_ = 0;
  std::vector<LayerState> states_;
  std::vector<Buffer<Pack>> normals_,
      activations_;  // of hidden layers; empty for layers that are drawn again
  Buffer<Pack> spareNormals_, spareActivations_;
  Buffer<Pack> covariance_, top_;
  Buffer<Pack> gram_, gramBelow_;                    // Delta' Delta, upper triangle
  Buffer<Pack> root_, pivots_;                       // C, and the inverses of its pivots
  Buffer<Pack> fresh_;                               // Z
  Buffer<Pack> across_, along_, alongBelow_, work_;  // X~' Z; Z_h' Delta, then S
  Buffer<Pack> deltas_, open_;                       // of a few units, after and before their gates
  Exponents deltaExponents_;
  Buffer<Pack> kernel_;  // terms x n x n x entries, where row <= column
  std::vector<std::int64_t> kernelExponents_;
};

// The term of layer l: (weights 4^exponents X'X + biases) o (4^deltaExponents Delta' Delta).
void Group::addTerm(std::size_t l) {
  const LayerState& below = states_[l - 1];
  const bool top = l == layers_;
  const std::size_t columns = top ? chains_ : pairs_, step = top ? 0 : chains_, entries = task_.entries();
  for (std::size_t term = 0; term < task_.terms.size(); term++) {
    const LayerTerms terms = task_.terms[term].layer(l);
    std::int64_t* const exponents = kernelExponents_.data() + term * kReplicaLanes;
    Pack* const kernel = kernel_.data() + term * task_.kernelLength();
    Pack keep, weight, bias;
    for (std::size_t lane = 0; lane < kReplicaLanes; lane++) {
      double activations = 0, deltas = 0;
      for (std::size_t i = 0; i < n_; i++) activations = std::max(activations, below.gram[i * n_ + i][lane]);
      for (std::size_t i = 0; i < columns; i++) deltas = std::max(deltas, gram_[i * columns + i][lane]);
      const TermFactors factors = factorsOf(terms, activations, below.exponents[lane], deltas,
                                            deltaExponents_[lane], exponents[lane]);
      keep[lane] = factors.keep;
      weight[lane] = factors.weight;
      bias[lane] = factors.bias;
    }
    for (std::size_t i = 0; i < n_; i++) {
      for (std::size_t j = i; j < n_; j++) {
        const Pack gram = weight * below.gram[i * n_ + j] + bias;
        Pack* const out = kernel + (i * n_ + j) * entries;
        const auto deltas = [&](std::size_t k, std::size_t m) -> const Pack& {
          return gram_[(i * step + k) * columns + j * step + m];
        };
        switch (task_.form) {
          case KernelForm::trace: {
            Pack sum{};
            for (std::size_t k = 0; k < chains_; k++) sum += deltas(k, k);
            *out = keep * *out + gram * sum;
            break;
          }
          case KernelForm::full:
            for (std::size_t k = 0; k < chains_; k++) {
              for (std::size_t m = i == j ? k : 0; m < chains_; m++) {
                Pack& entry = out[k * chains_ + m];
                entry = keep * entry + gram * deltas(top ? std::min(k, m) : k, top ? std::max(k, m) : m);
              }
            }
            break;
          default:
            for (std::size_t k = 0; k < chains_; k++) out[k] = keep * out[k] + gram * deltas(k, k);
        }
      }
    }
  }
}

void Group::write(std::size_t position, std::size_t count) const {
  const std::size_t entries = task_.entries(), length = task_.kernelLength(), sets = task_.terms.size();
  const bool full = task_.form == KernelForm::full;
  for (std::size_t lane = 0; lane < count; lane++) {
    for (std::size_t term = 0; term < sets; term++) {
      const std::size_t at = (position + lane) * sets + term;
      double* const out = task_.kernels + at * length;
      const Pack* const kernel = kernel_.data() + term * length;
      task_.exponents[at] = reportedExponent(kernelExponents_[term * kReplicaLanes + lane]);
      for (std::size_t i = 0; i < n_; i++) {
        for (std::size_t j = i; j < n_; j++) {
          for (std::size_t entry = 0; entry < entries; entry++) {
            if (full && i == j && entry % chains_ < entry / chains_) continue;
            const double value = kernel[(i * n_ + j) * entries + entry][lane];
            out[(i * n_ + j) * entries + entry] = value;
            out[(j * n_ + i) * entries + transposedEntry(task_.form, chains_, entry)] = value;
          }
        }
      }
    }
  }
}

}  // namespace

void sampleConditional(Run& run, std::size_t threads, const ConditionalTask& task) {
  const std::size_t groups = (task.count + kReplicaLanes - 1) / kReplicaLanes;
  run.expect(static_cast<double>(task.count));
  Team team(run, std::min(threads, groups));
  std::vector<std::unique_ptr<Group>> workers(team.size());
  team.parallelFor(groups, [&](std::size_t group, std::size_t worker) {
    if (!workers[worker]) workers[worker] = std::make_unique<Group>(task);
    const std::size_t from = group * kReplicaLanes, count = std::min(kReplicaLanes, task.count - from);
    workers[worker]->sample(run, task.first + from);
    workers[worker]->write(from, count);
    run.advance(static_cast<double>(count));
  });
}

}  // namespace deepntk
