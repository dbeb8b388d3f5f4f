// A kernel cut into square blocks of pairs of inputs that fit the device's memory, and their way to the host.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels.hpp"
#include "results.hpp"

namespace deepntk::cuda {

// The block of the kernel of inputs row .. row + rows - 1 by column .. column + columns - 1.
struct BlockOfInputs {
  std::size_t row, rows, column, columns;
  bool symmetric;  // the columns' inputs are the rows'

  // Inputs that the block is made of.
  std::size_t inputs() const { return rows + (symmetric ? 0 : columns); }
};

// The blocks of edge `edge` that cover n x n2 pairs; of a symmetric kernel, its lower triangle.
inline std::vector<BlockOfInputs> blocksOf(std::size_t n, std::size_t n2, bool symmetric, std::size_t edge) {
  std::vector<BlockOfInputs> blocks;
  for (std::size_t row = 0; row < n; row += edge) {
    for (std::size_t column = 0; column < (symmetric ? row + 1 : n2); column += edge) {
      blocks.push_back(
          {row, std::min(edge, n - row), column, std::min(edge, n2 - column), symmetric && row == column});
    }
  }
  return blocks;
}

// Copies the lower triangle of a symmetric block to the upper.
template <typename T>
struct Mirror {
  T* values;
  std::size_t n, outputs, entries;
  bool full;

  DEEPNTK_PORTABLE void operator()(std::size_t i, std::size_t j) const {
    if (j > i) return;
    const T* const lower = values + (i * n + j) * entries;
    T* const upper = values + (j * n + i) * entries;
    for (std::size_t entry = 0; entry < entries; entry++) {
      const std::size_t k1 = entry / outputs, k2 = entry - k1 * outputs;
      if (i == j && (!full || k2 >= k1)) continue;
      upper[full ? k2 * outputs + k1 : entry] = lower[entry];
    }
  }
};

// The same block seen from the other side: to[j][i] = from[i][j], and of every pair the outputs changed over.
template <typename T>
struct TransposeBlock {
  const T* from;
  T* to;
  std::size_t n, n2, outputs, entries;
  bool full;

  DEEPNTK_PORTABLE void operator()(std::size_t j, std::size_t i) const {
    const T* const source = from + (i * n2 + j) * entries;
    T* const target = to + (j * n + i) * entries;
    for (std::size_t entry = 0; entry < entries; entry++) {
      const std::size_t k1 = entry / outputs, k2 = entry - k1 * outputs;
      target[full ? k2 * outputs + k1 : entry] = source[entry];
    }
  }
};

// to = scale from; `beyond` becomes positive where a finite number does not fit.
template <typename Out>
struct Convert {
  const double* from;
  double scale;
  Out* to;
  std::uint64_t* beyond;

  DEEPNTK_PORTABLE void operator()(std::size_t, std::size_t i) const {
    const double value = scale == 1 ? from[i] : from[i] * scale;
    if (std::is_same_v<Out, float> && std::fabs(value) > std::numeric_limits<float>::max() &&
        std::isfinite(value))
      raise(beyond, 1);
    to[i] = static_cast<Out>(value);
  }
};

// Where a kernel goes on the host.
template <typename Out>
struct KernelTarget {
  std::size_t outputs, entries;
  bool full;
  Out* values;
  std::size_t stride;  // numbers from one row of pairs to the next
  Out* mirror;         // where the transposes of blocks go; null: nowhere
  std::size_t mirrorStride;
};

// Sends blocks, and of blocks off the diagonal their mirror images where they are asked for.
template <typename Device, typename Out>
class BlockSender {
 public:
  explicit BlockSender(Device& device) : device_(device), results_(device) {}

  void send(DeviceArray<Device, Out>&& values, const BlockOfInputs& block, const KernelTarget<Out>& target) {
    const std::size_t outputs = target.outputs, entries = target.entries;
    if (block.symmetric) {
      device_.forEach(block.rows, block.rows,
                      Mirror<Out>{values.data(), block.rows, outputs, entries, target.full});
    } else if (target.mirror != nullptr) {
      DeviceArray<Device, Out> other(device_, values.size());
      device_.forEach(block.columns, block.rows,
                      TransposeBlock<Out>{values.data(), other.data(), block.rows, block.columns, outputs,
                                          entries, target.full});
      results_.send(std::move(other),
                    target.mirror + block.column * target.mirrorStride + block.row * entries, block.columns,
                    block.rows * entries, target.mirrorStride);
    }
    results_.send(std::move(values), target.values + block.row * target.stride + block.column * entries,
                  block.rows, block.columns * entries, target.stride);
  }

  void finish() { results_.finish(); }

 private:
  Device& device_;
  Results<Device> results_;
};

}  // namespace deepntk::cuda
