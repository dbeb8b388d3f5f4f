// Matrix products on a device, in the arithmetic asked for.
#pragma once

#include <cstddef>
#include <type_traits>

#include "../core/blas.hpp"
#include "device.hpp"
#include "kernels.hpp"

namespace deepntk::cuda {

// How float32 products are computed. `single`: with float32's own units. `tf32`: on tensor cores, operands
// rounded to 11 significant bits. `tf32x3`: on tensor cores, every operand as the sum of two such numbers, by
// three products; what is lost is the product of the two small parts, some 2^-22 of the result.
enum class Arithmetic { single, tf32x3, tf32 };

struct BatchStrides {
  std::size_t a, b, c, count;
};

// `Device::gemm(transposeA, transposeB, alpha, a, b, beta, c, tf32)`: C = alpha op(A) op(B) + beta C,
// row-major; alpha and beta lie in the device's memory. `Device::syrk(a, c)`: the lower triangle of C = A A'.
template <typename Device>
class Products {
 public:
  Products(Device& device, Arithmetic arithmetic) : device_(device), arithmetic_(arithmetic) {}

  template <typename T>
  void multiply(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                MatrixView<const T> b, const T* beta, MatrixView<T> c) {
    if constexpr (std::is_same_v<T, float>) {
      if (arithmetic_ == Arithmetic::tf32x3) {
        const Split left(device_, a), right(device_, b);
        // The small terms first: they are added up before the large one hides them.
        device_.gemm(transposeA, transposeB, alpha, left.low(), right.high(), beta, c, true);
        device_.gemm(transposeA, transposeB, alpha, left.high(), right.low(), device_.template one<T>(), c,
                     true);
        device_.gemm(transposeA, transposeB, alpha, left.high(), right.high(), device_.template one<T>(), c,
                     true);
        return;
      }
    }
    device_.gemm(transposeA, transposeB, alpha, a, b, beta, c, arithmetic_ == Arithmetic::tf32);
  }

  // C = A B', or its lower triangle at least, where both are the same rows.
  template <typename T>
  void gram(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
    if (a.data == b.data && (std::is_same_v<T, double> || arithmetic_ == Arithmetic::single)) {
      device_.syrk(a, c);
    } else {
      multiply<T>(Transpose::no, Transpose::yes, device_.template one<T>(), a, b, device_.template zero<T>(),
                  c);
    }
  }

 private:
  class Split {
   public:
    Split(Device& device, MatrixView<const float> matrix)
        : rows_(matrix.rows),
          columns_(matrix.columns),
          high_(device, matrix.rows * matrix.columns),
          low_(device, matrix.rows * matrix.columns) {
      device.forEach(rows_, columns_,
                     SplitTf32{matrix.data, matrix.stride, high_.data(), low_.data(), columns_});
    }
    MatrixView<const float> high() const { return {high_.data(), rows_, columns_, columns_}; }
    MatrixView<const float> low() const { return {low_.data(), rows_, columns_, columns_}; }

   private:
    std::size_t rows_, columns_;
    DeviceArray<Device, float> high_, low_;
  };

  Device& device_;
  Arithmetic arithmetic_;
};

}  // namespace deepntk::cuda
