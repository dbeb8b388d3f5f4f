// Matrix products, and the one owner of the BLAS library's own threads.
#pragma once

#include <cstddef>
#include <string>

#include "buffer.hpp"
#include "run.hpp"

namespace deepntk {

enum class Transpose { no, yes };

// C = alpha A op(B) + beta C; one call of BLAS never lasts more than some 20 ms: larger products are cut, and
// the run is asked between the pieces whether it is cancelled.
template <typename T>
void gemm(const Run& run, T alpha, MatrixView<const T> a, MatrixView<const T> b, Transpose transposeB, T beta,
          MatrixView<T> c);

// C = alpha A' B + beta C; cut like gemm, along the common rows of A and B too.
template <typename T>
void gemmTransposed(const Run& run, T alpha, MatrixView<const T> a, MatrixView<const T> b, T beta,
                    MatrixView<T> c);

// y = alpha op(A) x. Not cut: the matrices of nets are small enough.
void gemv(const Run& run, double alpha, MatrixView<const double> a, Transpose transposeA, const double* x,
          double* y);

// The lower triangle of C = A A'; what is above the diagonal is left as it was. Cut like gemm.
template <typename T>
void syrk(const Run& run, MatrixView<const T> a, MatrixView<T> c);

struct BlasDescription {
  std::string library;
  std::string version;
  std::string core;
  std::string threading;
  int threads;  // of the library itself, now
};

BlasDescription describeBlas();

// While anyone holds it, BLAS runs on one thread; the last to release restores the number that the first
// found.
void acquireSingleThreadedBlas();
void releaseSingleThreadedBlas();

}  // namespace deepntk
