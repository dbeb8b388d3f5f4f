// The nets of the tests of kernels, and the distance between results.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../core/gram.hpp"
#include "check.hpp"
#include "random_net.hpp"

namespace deepntk {

constexpr KernelForm kForms[] = {KernelForm::trace, KernelForm::full, KernelForm::diagonal,
                                 KernelForm::sumOfLogits};

inline double largestOf(const std::vector<double>& values) {
  double result = 0;
  for (double value : values) result = std::max(result, std::abs(value));
  return result;
}

inline double distance(const std::vector<double>& actual, const std::vector<double>& expected) {
  CHECK(actual.size() == expected.size());
  double result = 0;
  for (std::size_t i = 0; i < actual.size(); i++) {
    const double difference = std::abs(actual[i] - expected[i]);
    result = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(result, difference);
  }
  return result / std::max(largestOf(expected), std::numeric_limits<double>::min());
}

inline void checkClose(const std::vector<double>& actual, const std::vector<double>& expected,
                       double relative) {
  CHECK_NEAR(distance(actual, expected), 0, relative);
}

struct NetCase {
  std::vector<std::size_t> widths;
  std::size_t n, n2;  // n2 = 0: symmetric
  bool gains;
};

inline std::vector<NetCase> netCases() {
  return {
      {{3, 1}, 4, 0, false},
      {{5, 3}, 4, 3, true},
      {{4, 7, 1}, 1, 0, false},
      {{6, 8, 5, 2}, 4, 3, true},
      {{5, 12, 7, 9, 5}, 12, 0, true},
      {{9, 1, 6, 3}, 7, 0, false},
      {{2, 30, 30, 30, 30, 4}, 6, 9, false},
      {{20, 64, 64, 64, 64, 64, 64, 3}, 70, 0, false},
  };
}

// Roundings of sums of some hundred terms in another order.
constexpr double kRounding = 1e-13;

}  // namespace deepntk
