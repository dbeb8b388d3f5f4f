// The steps of the direct sampler (direct.hpp) between its matrix products, for many nets at once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/direct.hpp"
#include "../core/streams.hpp"
#include "kernel_samples.hpp"

namespace deepntk::cuda {

// Draws normals number 2 pair and 2 pair + 1 of a layer, of net number `net` of the batch.
struct DrawLayer {
  double* out;  // `size` numbers a net
  std::size_t size;
  const std::uint64_t* firstReplica;  // on the device
  std::uint64_t seed;
  std::uint32_t stream;
  double deviation;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t pair) const {
    double normals[2];
    NormalStream(seed, *firstReplica + net, stream).pairAt(pair, normals);
    for (std::size_t k = 0; k < 2 && 2 * pair + k < size; k++)
      out[net * size + 2 * pair + k] = normals[k] * deviation;
  }
};

// x = relu(h + gain b) of unit j of one net, for all inputs. Updates the largest number of the net.
struct RectifyNets {
  double* h;  // nets x n x width
  std::size_t n, width;
  const double* biases;  // nets x width; null: none
  double gain;
  const std::int64_t* exponents;  // of the layer below
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t j) const {
    const double bias =
        biases == nullptr ? 0.0 : gain * powerOfTwo(-exponents[net]) * biases[net * width + j];
    double top = 0;
    for (std::size_t i = 0; i < n; i++) {
      double& x = h[(net * n + i) * width + j];
      const double value = x + bias;
      x = value > 0 ? value : 0;
      if (top < x) top = x;
    }
    if (top > 0) raise(largest + net, top);
  }
};

// Applies the gates to the deltas of unit j of one net, all rows. With `weights`, those of the output layer,
// the deltas are first set to its rows, or to the sum of its rows over sqrt(K). Updates the largest magnitude
// of the net.
struct GateNets {
  const double* activations;  // nets x n x width
  const double* weights;      // nets x outputs x width; null: the deltas themselves
  std::size_t outputs;
  bool sum;
  double gain;
  double* deltas;  // nets x (n chains) x width
  std::size_t n, chains, width;
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t j) const {
    double summed = 0;
    const double* const own = weights == nullptr ? nullptr : weights + net * outputs * width + j;
    for (std::size_t k = 0; own != nullptr && sum && k < outputs; k++) summed += own[k * width];
    double top = 0;
    for (std::size_t row = 0; row < n * chains; row++) {
      const std::size_t i = row / chains, k = row - i * chains;
      double& delta = deltas[(net * n * chains + row) * width + j];
      const double value = own == nullptr ? delta : sum ? gain * summed : gain * own[k * width];
      delta = activations[(net * n + i) * width + j] > 0 ? value : 0;
      const double magnitude = delta < 0 ? -delta : delta;
      if (top < magnitude) top = magnitude;
    }
    if (top > 0) raise(largest + net, top);
  }
};

struct DivideNets {
  double* values;
  std::size_t size;  // numbers a net
  const std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t i) const {
    const std::int64_t by = excessExponent(fromBits(largest[net]));
    if (by != 0) values[net * size + i] *= powerOfTwo(-by);
  }
};

// exponents = before + the exponent that the layer was divided by. Resets `largest` for the next layer.
struct NoteDivision {
  std::uint64_t* largest;
  const std::int64_t* before;
  std::int64_t* exponents;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t net) const {
    exponents[net] = before[net] + excessExponent(fromBits(largest[net]));
    largest[net] = 0;
  }
};

struct SetExponent {
  std::int64_t *exponents, value;
  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const { exponents[i] = value; }
};

struct AdvanceReplica {
  std::uint64_t *replica, by;
  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t) const { *replica += by; }
};

// A layer's two Gram matrices of every net, and their exponents.
struct NetGrams {
  const double* activations;  // nets x n x n
  const double* deltas;       // nets x rows x rows; null: the identity (the output layer)
  std::size_t deltaRows;      // n for traces, else n chains
  const std::int64_t *activationExponents, *deltaExponents;

  DEEPNTK_PORTABLE DeltaGram deltasOf(const SampleView& task, std::size_t net) const {
    return {deltas == nullptr ? nullptr : deltas + net * deltaRows * deltaRows, task.form, task.n,
            task.chains};
  }
};

struct FindFactors {
  SampleView task;
  std::size_t layer;
  NetGrams grams;
  TermFactors* factors;     // nets x terms
  std::int64_t* exponents;  // likewise

  DEEPNTK_PORTABLE void operator()(std::size_t net, std::size_t term) const {
    const double activations = largestOnDiagonal(grams.activations + net * task.n * task.n, task.n);
    const std::size_t at = net * task.terms + term;
    factors[at] =
        factorsOf(task.layerTerms(term, layer), activations, grams.activationExponents[net],
                  grams.deltasOf(task, net).largestOnDiagonal(), grams.deltaExponents[net], exponents[at]);
  }
};

// sums = keep sums + (weight A A' + bias) o D D', into the lower triangle.
struct AddNetTerms {
  SampleView task;
  NetGrams grams;
  const TermFactors* factors;
  double* sums;  // nets x terms x kernelLength

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t number) const {
    const std::size_t net = row / task.terms, pair = number / task.entries,
                      entry = number - pair * task.entries;
    const std::size_t i = pair / task.n, j = pair - i * task.n;
    const bool full = task.form == KernelForm::full;
    const std::size_t k = full ? entry / task.chains : entry, m = full ? entry - k * task.chains : entry;
    if (j > i || (full && i == j && m > k)) return;
    const TermFactors& own = factors[row];
    const double gram = own.weight * grams.activations[(net * task.n + i) * task.n + j] + own.bias;
    double& sum = sums[row * task.kernelLength() + number];
    sum = own.keep * sum + gram * grams.deltasOf(task, net)(i, k, j, m);
  }
};

// Writes both triangles of the kernels, and their exponents.
struct FinishNets {
  SampleView task;
  const double* sums;
  const std::int64_t* exponents;
  double* kernels;
  std::int32_t* reported;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t number) const {
    const std::size_t pair = number / task.entries, entry = number - pair * task.entries;
    const std::size_t i = pair / task.n, j = pair - i * task.n, base = row * task.kernelLength();
    const bool full = task.form == KernelForm::full;
    if (number == 0) reported[row] = reportedExponent(exponents[row]);
    if (j > i || (full && i == j && entry % task.chains > entry / task.chains)) return;
    kernels[base + number] = sums[base + number];
    kernels[base + mirrored(task, i, j, entry)] = sums[base + number];
  }
};

}  // namespace deepntk::cuda
