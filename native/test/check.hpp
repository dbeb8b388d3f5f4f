// The few lines that the test programs need of a test framework.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                \
    }                                                                              \
  } while (false)

#define CHECK_NEAR(actual, expected, tolerance)                                                       \
  do {                                                                                                \
    const double actual_ = (actual), expected_ = (expected), tolerance_ = (tolerance);                \
    if (!(std::abs(actual_ - expected_) <= tolerance_)) {                                             \
      std::fprintf(stderr, "%s:%d: %s is %.17g, expected %s = %.17g within %g\n", __FILE__, __LINE__, \
                   #actual, actual_, #expected, expected_, tolerance_);                               \
      std::exit(1);                                                                                   \
    }                                                                                                 \
  } while (false)
