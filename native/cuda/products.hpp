// Matrix products on a device, in the arithmetic asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>

#include "../core/blas.hpp"
#include "device.hpp"
#include "kernels.hpp"
#include "mixed.hpp"

namespace deepntk::cuda {

// Matrices of a batch: number i of each begins i strides after the first.
struct BatchStrides {
  std::size_t a, b, c, count;
};

// `Device::gemm(transposeA, transposeB, alpha, a, b, beta, c, tf32)`: C = alpha op(A) op(B) + beta C,
// row-major, of some inner length; alpha and beta lie in the device's memory. `Device::gemmBatched(..., c,
// strides, tf32)`: the same of every matrix of a batch. `Device::syrk(a, c)`: the lower triangle of C = A A'.
template <typename Device>
class Products {
 public:
  Products(Device& device, Arithmetic arithmetic) : device_(device), arithmetic_(arithmetic) {}

  template <typename T>
  void multiply(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                MatrixView<const T> b, const T* beta, MatrixView<T> c) {
    if ((transposeA == Transpose::yes ? a.rows : a.columns) == 0) return addNothing<T>(beta, c, 0, 1);
    split<T>(a, b, {0, 0, 0, 1}, beta,
             [&](const auto& left, const auto& right, BatchStrides, const T* factor) {
               device_.gemm(transposeA, transposeB, alpha, left, right, factor, c,
                            arithmetic_ != Arithmetic::single);
             });
  }

  template <typename T>
  void multiplyBatched(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                       MatrixView<const T> b, const T* beta, MatrixView<T> c, BatchStrides strides) {
    if ((transposeA == Transpose::yes ? a.rows : a.columns) == 0)
      return addNothing<T>(beta, c, strides.c, strides.count);
    split<T>(a, b, strides, beta,
             [&](const auto& left, const auto& right, BatchStrides operands, const T* factor) {
               device_.gemmBatched(transposeA, transposeB, alpha, left, right, factor, c, operands,
                                   arithmetic_ != Arithmetic::single);
             });
  }

  // C = A B', or its lower triangle at least, where both are the same rows.
  template <typename T>
  void gram(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
    // Rows of no units begin at the same place, whichever they are.
    const bool same = a.data == b.data && a.columns > 0;
    if (same && (std::is_same_v<T, double> || arithmetic_ == Arithmetic::single)) {
      device_.syrk(a, c);
    } else {
      multiply<T>(Transpose::no, Transpose::yes, device_.template one<T>(), a, b, device_.template zero<T>(),
                  c);
    }
  }

 private:
  // A product of no inner length (of a layer that no input activates), which libraries do not agree on.
  // `beta` is 0 or 1.
  template <typename T>
  void addNothing(const T* beta, MatrixView<T> c, std::size_t step, std::size_t count) {
    if (beta == device_.template zero<T>())
      device_.forEach(count * c.rows, c.columns, ClearMatrices<T>{c.data, c.rows, c.stride, step});
  }

  // Calls product(A, B, strides, beta) for what the arithmetic makes of the operands.
  template <typename T, typename Product>
  void split(MatrixView<const T> a, MatrixView<const T> b, BatchStrides strides, const T* beta,
             const Product& product) {
    if constexpr (std::is_same_v<T, float>) {
      if (arithmetic_ == Arithmetic::tf32x3) {
        const Split left(device_, a, strides.a, strides.count);
        std::optional<Split> other;
        const bool same = a.data == b.data && a.rows == b.rows && a.columns == b.columns &&
                          a.stride == b.stride && strides.a == strides.b;
        if (!same) other.emplace(device_, b, strides.b, strides.count);
        const Split& right = same ? left : *other;
        const BatchStrides operands{left.step(), right.step(), strides.c, strides.count};
        // The small terms first: they are added up before the large one hides them.
        product(left.low(), right.high(), operands, beta);
        product(left.high(), right.low(), operands, device_.template one<T>());
        product(left.high(), right.high(), operands, device_.template one<T>());
        return;
      }
    }
    product(a, b, strides, beta);
  }

  // The two parts of every matrix of a batch, one matrix after the other.
  class Split {
   public:
    Split(Device& device, MatrixView<const float> matrix, std::size_t stride, std::size_t count)
        : rows_(matrix.rows),
          columns_(matrix.columns),
          high_(device, count * rows_ * columns_),
          low_(device, count * rows_ * columns_) {
      device.forEach(
          count * rows_, columns_,
          SplitTf32{matrix.data, matrix.stride, rows_, stride, high_.data(), low_.data(), columns_});
    }
    MatrixView<const float> high() const { return {high_.data(), rows_, columns_, columns_}; }
    MatrixView<const float> low() const { return {low_.data(), rows_, columns_, columns_}; }
    std::size_t step() const { return rows_ * columns_; }

   private:
    std::size_t rows_, columns_;
    DeviceArray<Device, float> high_, low_;
  };

  Device& device_;
  Arithmetic arithmetic_;
};

}  // namespace deepntk::cuda
