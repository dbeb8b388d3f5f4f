// What is done entry by entry between the matrix products, as functions of one entry (or of one strip of a
// column) that compile for the host and for a GPU alike. Columns lie side by side in memory: neighbouring
// threads work on neighbouring columns. Maxima are kept as the bits of non-negative numbers, which order like
// the numbers, so that they do not depend on the order in which threads come; not-a-number is the largest.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "../core/box_muller.hpp"
#include "../core/philox.hpp"
#include "../core/portable.hpp"

namespace deepntk::cuda {

constexpr std::size_t kStrip = 32;  // rows that one thread of a column-wise kernel goes through

inline std::size_t stripsOf(std::size_t rows) {
  return (rows + kStrip - 1) / kStrip;
}

DEEPNTK_PORTABLE inline void raise(std::uint64_t* to, double magnitude) {
  const std::uint64_t bits = toBits(magnitude) & 0x7fffffffffffffff;
#if defined(__CUDA_ARCH__)
  if (bits <= *to) return;  // it only grows: an old value costs a wait at most
  atomicMax(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(bits));
#else
  if (bits > *to) *to = bits;
#endif
}

// e with 2^e <= value < 2^(e+1), from the bits of a number; 0 of 0, of infinity and of not-a-number.
DEEPNTK_PORTABLE inline int exponentOfBits(std::uint64_t bits) {
  const int biased = static_cast<int>(bits >> 52);
  if (bits == 0 || biased == 0x7ff) return 0;
  if (biased > 0) return biased - 1023;
  int exponent = -1023;  // a denormal number
  for (std::uint64_t rest = bits << 12; (rest >> 63) == 0; rest <<= 1) exponent--;
  return exponent;
}

// h = relu(h + 2^-exponent biasGain b), a strip of one column; the column's largest value into `largest`.
template <typename T>
struct Rectify {
  T* h;
  std::size_t rows, columns;
  const double* biases;
  double biasGain;
  const std::int32_t* exponent;  // null: 0
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t strip, std::size_t j) const {
    const double bias =
        exponent == nullptr ? biasGain * biases[j] : std::ldexp(biasGain * biases[j], -*exponent);
    const std::size_t end = (strip + 1) * kStrip < rows ? (strip + 1) * kStrip : rows;
    double top = 0;
    for (std::size_t i = strip * kStrip; i < end; i++) {
      const T value = static_cast<T>(h[i * columns + j] + bias);
      const T positive = value <= 0 ? T(0) : value;
      h[i * columns + j] = positive;
      if (!(positive <= top)) top = positive;
    }
    if (!(top <= 0)) raise(largest + j, top);
  }
};

// h + biasGain b, and with `relu` its positive part.
struct AddBias {
  double* h;
  std::size_t columns;
  const double* biases;
  double biasGain;
  bool relu;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    const double value = h[i * columns + j] + biasGain * biases[j];
    h[i * columns + j] = relu && value <= 0 ? 0 : value;
  }
};

// The largest magnitude in a strip of one column, into `largest`.
struct ColumnMagnitude {
  const double* values;
  std::size_t rows, columns;
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t strip, std::size_t j) const {
    const std::size_t end = (strip + 1) * kStrip < rows ? (strip + 1) * kStrip : rows;
    double top = 0;
    for (std::size_t i = strip * kStrip; i < end; i++) {
      const double magnitude = std::fabs(values[i * columns + j]);
      if (!(magnitude <= top)) top = magnitude;
    }
    if (!(top <= 0)) raise(largest + j, top);
  }
};

// The largest magnitude of every group of `group` rows, into largest[step * number of the group]; a strip of
// one column of one group (stripsOfGroups).
template <typename T>
struct GroupMagnitude {
  const T* values;
  std::size_t rows, columns, group;
  std::uint64_t* largest;
  std::size_t step;

  DEEPNTK_PORTABLE void operator()(std::size_t strip, std::size_t j) const {
    const std::size_t strips = (group + kStrip - 1) / kStrip, number = strip / strips;
    const std::size_t begin = number * group + (strip - number * strips) * kStrip;
    std::size_t end = begin + kStrip < (number + 1) * group ? begin + kStrip : (number + 1) * group;
    if (end > rows) end = rows;
    double top = 0;
    for (std::size_t i = begin; i < end; i++) {
      const double magnitude = std::fabs(static_cast<double>(values[i * columns + j]));
      if (!(magnitude <= top)) top = magnitude;
    }
    if (!(top <= 0)) raise(largest + number * step, top);
  }
};

inline std::size_t stripsOfGroups(std::size_t rows, std::size_t group) {
  return (rows + group - 1) / group * ((group + kStrip - 1) / kStrip);
}

// The number of the group that a row belongs to.
DEEPNTK_PORTABLE inline std::size_t groupOf(std::size_t row, std::size_t group) {
  return static_cast<std::uint32_t>(row) / static_cast<std::uint32_t>(group);
}

// Numbers times 2^-e, with e the exponent of the largest of their group; never 0 where they are positive:
// gates are read from the result.
template <typename From>
struct NarrowGroups {
  const From* from;
  const std::uint64_t* largest;  // of group g at g * step
  std::size_t step, group;
  float* to;
  std::size_t columns;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    const double value = static_cast<double>(from[i * columns + j]);
    const int exponent = exponentOfBits(largest[groupOf(i, group) * step]);
    const float narrow = static_cast<float>(std::ldexp(value, -exponent));
    to[i * columns + j] = narrow == 0 && value > 0 ? std::numeric_limits<float>::min() : narrow;
  }
};

// The largest of the columns' maxima.
struct LargestColumn {
  const std::uint64_t* columns;
  std::uint64_t* largest;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t j) const {
    if (columns[j] != 0) raise(largest, fromBits(columns[j]));
  }
};

// exponent = below + the exponent of the largest; and alpha = gain 2^(below - exponent), for the product that
// makes numbers with this exponent of such with the one below.
struct Normalize {
  const std::uint64_t* largest;
  const std::int32_t* below;  // null: 0
  std::int32_t* exponent;
  double gain;
  float* alpha;  // null: not asked for

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t) const {
    const int by = exponentOfBits(*largest);
    *exponent = (below == nullptr ? 0 : *below) + by;
    if (alpha != nullptr) *alpha = static_cast<float>(std::ldexp(gain, -by));
  }
};

// to = from 2^-by, with `by` the exponent of the largest; never 0 where from > 0: gates are read from the
// result.
template <typename From>
struct Narrow {
  const From* from;
  const std::uint64_t* largest;
  float* to;
  std::size_t columns;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    const From value = from[i * columns + j];
    const float narrow =
        static_cast<float>(std::ldexp(static_cast<double>(value), -exponentOfBits(*largest)));
    to[i * columns + j] = narrow == 0 && value > 0 ? std::numeric_limits<float>::min() : narrow;
  }
};

// to[i][j] = from[rowList[i]][columnList[j]]; a null list stands for all.
template <typename From, typename To>
struct Gather {
  const From* from;
  std::size_t stride;
  const std::uint32_t* rowList;
  const std::uint32_t* columnList;
  To* to;
  std::size_t columns;
  double gain = 1;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    const std::size_t row = rowList == nullptr ? i : rowList[i];
    const std::size_t column = columnList == nullptr ? j : columnList[j];
    to[i * columns + j] = static_cast<To>(gain * static_cast<double>(from[row * stride + column]));
  }
};

// The sum of all rows of the output layer's weights, times gain.
template <typename T>
struct SumRows {
  const double* weights;
  std::size_t rows, width;
  const std::uint32_t* columnList;
  double gain;
  T* to;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t j) const {
    const std::size_t column = columnList == nullptr ? j : columnList[j];
    double sum = 0;
    for (std::size_t i = 0; i < rows; i++) sum += weights[i * width + column];
    to[j] = static_cast<T>(sum * gain);
  }
};

// Deltas, (input, output) pairs as rows, times relu'(h), a strip of one column. With `source` they are first
// set to its rows, one for every output.
template <typename T>
struct Gate {
  const T* activations;  // inputs x columns
  const T* source;       // null: the deltas themselves
  T* deltas;             // (inputs chains) x columns
  std::size_t rows, chains, columns;
  std::uint64_t* largest;  // of each column; null: not asked for

  DEEPNTK_PORTABLE void operator()(std::size_t strip, std::size_t j) const {
    const std::size_t end = (strip + 1) * kStrip < rows ? (strip + 1) * kStrip : rows;
    double top = 0;
    for (std::size_t row = strip * kStrip; row < end; row++) {
      const std::size_t input = row / chains;
      T* const at = deltas + row * columns + j;
      const T from = source == nullptr ? *at : source[(row - input * chains) * columns + j];
      const T value = activations[input * columns + j] > 0 ? from : T(0);
      *at = value;
      const double magnitude = std::fabs(static_cast<double>(value));
      if (!(magnitude <= top)) top = magnitude;
    }
    if (largest != nullptr && !(top <= 0)) raise(largest + j, top);
  }
};

// The part of a number that TF32 holds (10 bits after the leading one, to nearest), and what is left of it.
DEEPNTK_PORTABLE inline float roundToTf32(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7f800000) == 0x7f800000) return value;
  bits += 0xfff + ((bits >> 13) & 1);
  bits &= 0xffffe000;
  float rounded;
  std::memcpy(&rounded, &bits, sizeof rounded);
  return rounded;
}

// Row number m rows + i is row i of matrix m of a batch.
template <typename T>
struct ClearMatrices {
  T* to;
  std::size_t rows, stride, matrixStride;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t j) const {
    const std::size_t matrix = row / rows;
    to[matrix * matrixStride + (row - matrix * rows) * stride + j] = 0;
  }
};

struct SplitTf32 {
  const float* from;
  std::size_t stride, rows, matrixStride;
  float *high, *low;
  std::size_t columns;

  DEEPNTK_PORTABLE void operator()(std::size_t row, std::size_t j) const {
    const std::size_t matrix = row / rows, i = row - matrix * rows;
    const float value = from[matrix * matrixStride + i * stride + j], rounded = roundToTf32(value);
    high[row * columns + j] = rounded;
    low[row * columns + j] = std::isfinite(rounded) ? value - rounded : 0.0f;
  }
};

// Normals number 2 i and 2 i + 1 of a stream, times scale.
struct FillNormals {
  double* out;
  std::size_t size;
  std::uint64_t seed, replica;
  std::uint32_t stream;
  double scale;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const {
    const PhiloxBlock block =
        philox4x32({{static_cast<std::uint32_t>(i), stream, static_cast<std::uint32_t>(replica),
                     static_cast<std::uint32_t>(replica >> 32)}},
                   static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
    double normals[2];
    boxMuller(uniform(block.words[0], block.words[1]), uniform(block.words[2], block.words[3]), normals[0],
              normals[1]);
    for (std::size_t k = 0; k < 2 && 2 * i + k < size; k++) out[2 * i + k] = normals[k] * scale;
  }
};

}  // namespace deepntk::cuda
