// A device that is none: the interface of native/cuda/device.hpp by loops and OpenBLAS on the host, so that
// all that the CUDA backend does, but the launches themselves, is compared with native/core without a GPU.
// Freed memory is overwritten, memory beyond a limit is refused, and transfers arrive only when they are
// asked for.
#pragma once

#include <cblas.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "../cuda/products.hpp"

namespace deepntk::cuda {

class HostDevice {
 public:
  explicit HostDevice(std::size_t memory = std::size_t{1} << 34) : memory_(memory) {}
  HostDevice(const HostDevice&) = delete;
  HostDevice& operator=(const HostDevice&) = delete;

  std::size_t used() const { return used_; }
  std::size_t peak() const { return peak_; }
  std::size_t replays() const { return replays_; }
  std::size_t captures() const { return captures_; }
  void limitMemory(std::size_t bytes) { memory_ = bytes; }

  void* allocate(std::size_t bytes) {
    if (bytes > memory_ - used_) throw std::bad_alloc();
    void* const data = std::malloc(bytes);
    if (data == nullptr) throw std::bad_alloc();
    std::memset(data, 0xff, bytes);  // not-a-number, should anyone read it
    sizes_[data] = bytes;
    used_ += bytes;
    peak_ = std::max(peak_, used_);
    return data;
  }
  void release(void* data) noexcept {
    const auto found = sizes_.find(data);
    std::memset(data, 0xff, found->second);
    used_ -= found->second;
    sizes_.erase(found);
    std::free(data);
  }
  std::size_t freeMemory() const { return memory_ - used_; }

  void copyIn(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void copyOut(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void clear(void* to, std::size_t bytes) { std::memset(to, 0, bytes); }

  class Transfer {
   public:
    Transfer(const void* from, std::size_t bytes) : from_(from), bytes_(bytes) {}
    const void* finish() {
      const char* const begin = static_cast<const char*>(from_);
      arrived_.assign(begin, begin + bytes_);
      return arrived_.data();
    }

   private:
    const void* from_;
    std::size_t bytes_;
    std::vector<char> arrived_;
  };
  Transfer startTransfer(const void* from, std::size_t bytes) { return {from, bytes}; }

  template <typename Body>
  void forEach(std::size_t rows, std::size_t columns, const Body& body) {
    for (std::size_t i = 0; i < rows; i++) {
      for (std::size_t j = 0; j < columns; j++) body(i, j);
    }
  }

  template <typename T>
  const T* zero() const {
    static const T value = 0;
    return &value;
  }
  template <typename T>
  const T* one() const {
    static const T value = 1;
    return &value;
  }

  template <typename T>
  void gemm(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
            MatrixView<const T> b, const T* beta, MatrixView<T> c, bool tf32 = false) {
    if (c.rows == 0 || c.columns == 0) return;
    if constexpr (std::is_same_v<T, float>) {
      if (tf32) {
        const std::vector<float> left = rounded(a), right = rounded(b);
        multiply(transposeA, transposeB, *alpha, {left.data(), a.rows, a.columns, a.columns},
                 {right.data(), b.rows, b.columns, b.columns}, *beta, c);
        return;
      }
    }
    multiply(transposeA, transposeB, *alpha, a, b, *beta, c);
  }

  template <typename T>
  void gemmBatched(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c, BatchStrides strides) {
    for (std::size_t i = 0; i < strides.count; i++) {
      gemm<T>(Transpose::no, Transpose::yes, one<T>(), {a.data + i * strides.a, a.rows, a.columns, a.stride},
              {b.data + i * strides.b, b.rows, b.columns, b.stride}, zero<T>(),
              {c.data + i * strides.c, c.rows, c.columns, c.stride});
    }
  }

  // Only the lower triangle is written, as on a GPU.
  template <typename T>
  void syrk(MatrixView<const T> a, MatrixView<T> c) {
    std::vector<T> whole(c.rows * c.columns);
    gemm<T>(Transpose::no, Transpose::yes, one<T>(), a, a, zero<T>(),
            {whole.data(), c.rows, c.columns, c.columns});
    for (std::size_t i = 0; i < c.rows; i++) std::copy_n(whole.data() + i * c.columns, i + 1, c.row(i));
  }

  void pace(Run& run, double flops) {
    run.check();
    run.advance(flops);
  }

  // Recording does nothing, as on a GPU; memory may not be asked for meanwhile.
  using Graph = std::function<void()>;
  Graph capture(std::function<void()> body) {
    captures_++;
    return body;
  }
  void replay(const Graph& graph) {
    const std::size_t memory = memory_;
    memory_ = used_;
    graph();
    memory_ = memory;
    replays_++;
  }

 private:
  static std::vector<float> rounded(MatrixView<const float> matrix) {
    std::vector<float> values;
    for (std::size_t i = 0; i < matrix.rows; i++) {
      for (std::size_t j = 0; j < matrix.columns; j++) values.push_back(roundToTf32(matrix.row(i)[j]));
    }
    return values;
  }

  static CBLAS_TRANSPOSE flag(Transpose transpose) {
    return transpose == Transpose::yes ? CblasTrans : CblasNoTrans;
  }
  static int stride(std::size_t stride) { return static_cast<int>(std::max<std::size_t>(stride, 1)); }

  static void multiply(Transpose transposeA, Transpose transposeB, double alpha, MatrixView<const double> a,
                       MatrixView<const double> b, double beta, MatrixView<double> c) {
    const std::size_t inner = transposeA == Transpose::yes ? a.rows : a.columns;
    cblas_dgemm(CblasRowMajor, flag(transposeA), flag(transposeB), static_cast<int>(c.rows),
                static_cast<int>(c.columns), static_cast<int>(inner), alpha, a.data, stride(a.stride), b.data,
                stride(b.stride), beta, c.data, stride(c.stride));
  }
  static void multiply(Transpose transposeA, Transpose transposeB, float alpha, MatrixView<const float> a,
                       MatrixView<const float> b, float beta, MatrixView<float> c) {
    const std::size_t inner = transposeA == Transpose::yes ? a.rows : a.columns;
    cblas_sgemm(CblasRowMajor, flag(transposeA), flag(transposeB), static_cast<int>(c.rows),
                static_cast<int>(c.columns), static_cast<int>(inner), alpha, a.data, stride(a.stride), b.data,
                stride(b.stride), beta, c.data, stride(c.stride));
  }

  std::size_t memory_, used_ = 0, peak_ = 0, replays_ = 0, captures_ = 0;
  std::map<void*, std::size_t> sizes_;
};

}  // namespace deepntk::cuda
