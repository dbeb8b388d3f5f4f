#include "blas.hpp"

#include <cblas.h>

#include <algorithm>
#include <mutex>

namespace deepntk {

namespace {

constexpr double kMaxFlops = 8e8;       // of one call: 16 ms at 50 GFLOP/s
constexpr std::size_t kMaxEdge = 1024;  // inner and right edge of a piece of a product that is too large

void gemmPiece(double alpha, MatrixView<const double> a, MatrixView<const double> b,
               CBLAS_TRANSPOSE transposeB, double beta, MatrixView<double> c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transposeB, static_cast<int>(c.rows), static_cast<int>(c.columns),
              static_cast<int>(a.columns), alpha, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), beta, c.data, static_cast<int>(c.stride));
}

void gemmPiece(float alpha, MatrixView<const float> a, MatrixView<const float> b, CBLAS_TRANSPOSE transposeB,
               float beta, MatrixView<float> c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transposeB, static_cast<int>(c.rows), static_cast<int>(c.columns),
              static_cast<int>(a.columns), alpha, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), beta, c.data, static_cast<int>(c.stride));
}

void gemmTransposedPiece(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta,
                         MatrixView<double> c) {
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<int>(c.rows), static_cast<int>(c.columns),
              static_cast<int>(a.rows), alpha, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), beta, c.data, static_cast<int>(c.stride));
}

void gemmTransposedPiece(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta,
                         MatrixView<float> c) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<int>(c.rows), static_cast<int>(c.columns),
              static_cast<int>(a.rows), alpha, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), beta, c.data, static_cast<int>(c.stride));
}

void syrkPiece(MatrixView<const double> a, double beta, MatrixView<double> c) {
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(c.rows), static_cast<int>(a.columns),
              1, a.data, static_cast<int>(a.stride), beta, c.data, static_cast<int>(c.stride));
}

void syrkPiece(MatrixView<const float> a, float beta, MatrixView<float> c) {
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(c.rows), static_cast<int>(a.columns),
              1, a.data, static_cast<int>(a.stride), beta, c.data, static_cast<int>(c.stride));
}

// The length of each of the fewest equal pieces of `total` that are at most `limit` long.
std::size_t evenPiece(std::size_t total, std::size_t limit) {
  const std::size_t pieces = (total + limit - 1) / limit;
  return (total + pieces - 1) / pieces;
}

template <typename T>
void fillZero(MatrixView<T> c) {
  for (std::size_t i = 0; i < c.rows; i++) std::fill_n(c.row(i), c.columns, T(0));
}

}  // namespace

template <typename T>
void gemm(const Run& run, T alpha, MatrixView<const T> a, MatrixView<const T> b, Transpose transposeB, T beta,
          MatrixView<T> c) {
  const std::size_t inner = a.columns;
  if (c.rows == 0 || c.columns == 0) return;
  if (inner == 0) {
    if (beta == T(0)) fillZero(c);
    return;
  }
  const bool transposed = transposeB == Transpose::yes;
  std::size_t rowStep = c.rows, columnStep = c.columns, innerStep = inner;
  if (2.0 * c.rows * c.columns * inner > kMaxFlops) {
    columnStep = evenPiece(c.columns, kMaxEdge);
    innerStep = evenPiece(inner, kMaxEdge);
    const double fitting = kMaxFlops / (2.0 * columnStep * innerStep);
    rowStep = evenPiece(c.rows, fitting > static_cast<double>(c.rows)
                                    ? c.rows
                                    : std::max<std::size_t>(1, static_cast<std::size_t>(fitting)));
  }
  for (std::size_t i = 0; i < c.rows; i += rowStep) {
    for (std::size_t j = 0; j < c.columns; j += columnStep) {
      for (std::size_t k = 0; k < inner; k += innerStep) {
        run.check();
        const std::size_t rows = std::min(rowStep, c.rows - i);
        const std::size_t columns = std::min(columnStep, c.columns - j);
        const std::size_t depth = std::min(innerStep, inner - k);
        const T* right = transposed ? b.data + j * b.stride + k : b.data + k * b.stride + j;
        gemmPiece(alpha, {a.row(i) + k, rows, depth, a.stride}, {right, 0, 0, b.stride},
                  transposed ? CblasTrans : CblasNoTrans, k == 0 ? beta : T(1),
                  {c.row(i) + j, rows, columns, c.stride});
      }
    }
  }
}

template <typename T>
void gemmTransposed(const Run& run, T alpha, MatrixView<const T> a, MatrixView<const T> b, T beta,
                    MatrixView<T> c) {
  const std::size_t columnStep = evenPiece(c.columns, kMaxEdge), rowStep = evenPiece(c.rows, kMaxEdge);
  const double fitting = kMaxFlops / (2.0 * rowStep * columnStep);
  const std::size_t innerStep =
      evenPiece(a.rows, std::clamp<std::size_t>(static_cast<std::size_t>(fitting), 1, a.rows));
  for (std::size_t i = 0; i < c.rows; i += rowStep) {
    for (std::size_t j = 0; j < c.columns; j += columnStep) {
      for (std::size_t k = 0; k < a.rows; k += innerStep) {
        run.check();
        const std::size_t rows = std::min(rowStep, c.rows - i), columns = std::min(columnStep, c.columns - j);
        const std::size_t depth = std::min(innerStep, a.rows - k);
        gemmTransposedPiece(alpha, {a.row(k) + i, depth, rows, a.stride},
                            {b.row(k) + j, depth, columns, b.stride}, k == 0 ? beta : T(1),
                            {c.row(i) + j, rows, columns, c.stride});
      }
    }
  }
}

void gemv(const Run& run, double alpha, MatrixView<const double> a, Transpose transposeA, const double* x,
          double* y) {
  run.check();
  cblas_dgemv(CblasRowMajor, transposeA == Transpose::yes ? CblasTrans : CblasNoTrans,
              static_cast<int>(a.rows), static_cast<int>(a.columns), alpha, a.data,
              static_cast<int>(a.stride), x, 1, 0.0, y, 1);
}

template <typename T>
void syrk(const Run& run, MatrixView<const T> a, MatrixView<T> c) {
  if (a.columns == 0) return fillZero(c);
  if (c.rows > kMaxEdge) {
    const std::size_t half = c.rows / 2, rest = c.rows - half;
    syrk<T>(run, a.rowRange(0, half), {c.data, half, half, c.stride});
    gemm<T>(run, 1, a.rowRange(half, rest), a.rowRange(0, half), Transpose::yes, 0,
            {c.row(half), rest, half, c.stride});
    syrk<T>(run, a.rowRange(half, rest), {c.row(half) + half, rest, rest, c.stride});
    return;
  }
  const double perColumn = static_cast<double>(c.rows) * c.rows;
  const std::size_t step =
      perColumn * a.columns > kMaxFlops
          ? evenPiece(a.columns, std::max<std::size_t>(1, static_cast<std::size_t>(kMaxFlops / perColumn)))
          : a.columns;
  for (std::size_t k = 0; k < a.columns; k += step) {
    run.check();
    syrkPiece({a.data + k, a.rows, std::min(step, a.columns - k), a.stride}, k == 0 ? T(0) : T(1), c);
  }
}

template void gemm(const Run&, double, MatrixView<const double>, MatrixView<const double>, Transpose, double,
                   MatrixView<double>);
template void gemm(const Run&, float, MatrixView<const float>, MatrixView<const float>, Transpose, float,
                   MatrixView<float>);
template void gemmTransposed(const Run&, double, MatrixView<const double>, MatrixView<const double>, double,
                             MatrixView<double>);
template void gemmTransposed(const Run&, float, MatrixView<const float>, MatrixView<const float>, float,
                             MatrixView<float>);
template void syrk(const Run&, MatrixView<const double>, MatrixView<double>);
template void syrk(const Run&, MatrixView<const float>, MatrixView<float>);

BlasDescription describeBlas() {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the second word is the version.
  const std::string config = openblas_get_config();
  const std::size_t start = std::min(config.find(' ') + 1, config.size());
  const char* const threading[] = {"sequential", "pthread", "openmp"};
  return {"OpenBLAS", config.substr(start, config.find(' ', start) - start), openblas_get_corename(),
          threading[std::clamp(openblas_get_parallel(), 0, 2)], openblas_get_num_threads()};
}

namespace {

// Never destroyed: a thread may still compute while the process runs its exit handlers.
struct Owner {
  std::mutex mutex;
  int holders = 0;
  int found = 1;
};

Owner& owner() {
  static auto* instance = new Owner;
  return *instance;
}

}  // namespace

void acquireSingleThreadedBlas() {
  std::lock_guard<std::mutex> lock(owner().mutex);
  if (owner().holders++ > 0) return;
  owner().found = openblas_get_num_threads();
  openblas_set_num_threads(1);
}

void releaseSingleThreadedBlas() {
  std::lock_guard<std::mutex> lock(owner().mutex);
  if (--owner().holders > 0) return;
  openblas_set_num_threads(owner().found);
}

}  // namespace deepntk
