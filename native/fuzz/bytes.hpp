// What the fuzzers make their tasks from: numbers out of the fuzzer's bytes, most of them hostile.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace deepntk {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : provider_(data, size) {}

  std::size_t size(std::size_t min, std::size_t max) {
    return provider_.ConsumeIntegralInRange<std::size_t>(min, max);
  }
  bool flag() { return provider_.ConsumeBool(); }
  bool rarely() { return provider_.ConsumeIntegral<std::uint8_t>() == 0xa5; }
  template <typename T>
  T integer(T min, T max) {
    return provider_.ConsumeIntegralInRange<T>(min, max);
  }

  double number() {
    static const double kHostile[] = {0.0,
                                      -0.0,
                                      1.0,
                                      -1.0,
                                      0.5,
                                      std::numeric_limits<double>::quiet_NaN(),
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::denorm_min(),
                                      std::numeric_limits<double>::min(),
                                      std::numeric_limits<double>::max(),
                                      1e-150,
                                      -1e150,
                                      1e300};
    constexpr std::size_t kCount = sizeof(kHostile) / sizeof(kHostile[0]);
    const auto choice = provider_.ConsumeIntegralInRange<std::uint8_t>(0, 2 * kCount);
    if (choice < kCount) return kHostile[choice];
    return provider_.ConsumeFloatingPointInRange<double>(-2, 2);
  }

  // Exactly `count` numbers on the heap: the few that were drawn, again and again.
  std::vector<double> numbers(std::size_t count) {
    std::vector<double> drawn(1 + provider_.ConsumeIntegralInRange<std::size_t>(0, 7));
    for (double& entry : drawn) entry = number();
    std::vector<double> result(count);
    for (std::size_t i = 0; i < count; i++) result[i] = drawn[(i * 7 + i / 5) % drawn.size()];
    result.shrink_to_fit();
    return result;
  }

  template <typename T>
  std::vector<T> integers(std::size_t count, T min, T max) {
    std::vector<T> result(count);
    for (T& entry : result) entry = provider_.ConsumeIntegralInRange<T>(min, max);
    return result;
  }

 private:
  FuzzedDataProvider provider_;
};

}  // namespace deepntk
