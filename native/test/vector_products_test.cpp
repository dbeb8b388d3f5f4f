// vector_products.hpp against plain loops, on shapes that fill no tile. CTest runs it for several targets.
#include "../core/vector_products.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "check.hpp"

using namespace deepntk;

namespace {

std::mt19937_64 random_(7);

template <typename T>
std::vector<T> numbers(std::size_t count, double openShare = 1) {
  std::uniform_real_distribution<double> value(-1, 1), chance(0, 1);
  std::vector<T> out(count);
  for (T& entry : out) entry = chance(random_) < openShare ? static_cast<T>(value(random_)) : T(0);
  return out;
}

template <typename T>
MatrixView<T> view(std::vector<T>& data, std::size_t rows, std::size_t columns) {
  return {data.data(), rows, columns, columns};
}

template <typename T>
double tolerance(std::size_t inner) {
  return (sizeof(T) == sizeof(double) ? 1e-15 : 1e-6) * static_cast<double>(inner + 1);
}

template <typename T>
void checkRows(std::size_t rows, std::size_t columns, std::size_t length, bool lower) {
  std::vector<T> a = numbers<T>(rows * length), b = numbers<T>(columns * length);
  // One number more than the matrix holds, which must stay as it is.
  std::vector<T> c(rows * columns + 1, T(99));
  const MatrixView<const T> left = view(a, rows, length), right = lower ? left : view(b, columns, length);
  multiplyRows<T>(left, right, lower, view(c, rows, columns));
  for (std::size_t i = 0; i < rows; i++) {
    for (std::size_t j = 0; j < (lower ? i + 1 : columns); j++) {
      double expected = 0;
      for (std::size_t t = 0; t < length; t++)
        expected += static_cast<double>(left.row(i)[t]) * right.row(j)[t];
      CHECK(std::fabs(c[i * columns + j] - expected) <= tolerance<T>(length));
    }
  }
  CHECK(c.back() == T(99));
}

template <typename T>
void checkGated(std::size_t inputs, std::size_t chains, std::size_t above, std::size_t below,
                double openShare) {
  std::vector<T> deltas = numbers<T>(inputs * chains * above),
                 gatesAbove = numbers<T>(inputs * above, openShare);
  std::vector<T> weights = numbers<T>(above * below), gatesBelow = numbers<T>(inputs * below, openShare);
  std::vector<T> out(inputs * chains * below + 1, T(99));
  const T gain = T(1.5);
  const GatedProduct<T> product{inputs,
                                chains,
                                view(deltas, inputs * chains, above),
                                view(gatesAbove, inputs, above),
                                view(weights, above, below),
                                gain,
                                view(out, inputs * chains, below),
                                view(gatesBelow, inputs, below)};
  GatedScratch<T> scratch;
  const T largest = gatedProduct(product, scratch);
  double expectedLargest = 0;
  for (std::size_t row = 0; row < inputs * chains; row++) {
    const std::size_t input = row / chains;
    for (std::size_t j = 0; j < below; j++) {
      double expected = 0;
      for (std::size_t t = 0; t < above; t++) {
        if (gatesAbove[input * above + t] > 0) {
          expected += static_cast<double>(deltas[row * above + t]) * weights[t * below + j];
        }
      }
      if (!(gatesBelow[input * below + j] > 0)) expected = 0;
      CHECK(std::fabs(out[row * below + j] - gain * expected) <= tolerance<T>(above));
      expectedLargest = std::max(expectedLargest, std::fabs(static_cast<double>(out[row * below + j])));
    }
  }
  CHECK(static_cast<double>(largest) == expectedLargest);
  CHECK(out.back() == T(99));
}

template <typename T>
void checkAll() {
  for (const std::size_t rows : {1, 2, 5, 6, 7, 13, 100}) {
    for (const std::size_t length : {0, 1, 3, 8, 17, 100, 700}) {
      checkRows<T>(rows, rows, length, true);
      checkRows<T>(rows, 11, length, false);
    }
  }
  checkRows<T>(200, 150, 3000, false);
  for (const std::size_t chains : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25}) {
    for (const std::size_t below : {1, 7, 16, 33, 70}) checkGated<T>(5, chains, 37, below, 0.6);
  }
  checkGated<T>(40, 10, 300, 290, 0.5);  // several groups of inputs
  checkGated<T>(6, 4, 700, 600, 0.5);    // weights beyond the second-level cache
  checkGated<T>(3, 4, 20, 20, 0);        // dead inputs
  checkGated<T>(3, 4, 20, 20, 2);        // no gate at 0
  checkGated<T>(2, 3, 0, 9, 1);          // a layer that no input activates
}

}  // namespace

int main() {
  checkAll<double>();
  checkAll<float>();
  return 0;
}
