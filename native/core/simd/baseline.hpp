// The vocabulary of every CPU. avx512.hpp says what the functions do, except that multiplyAdd rounds twice
// here.

constexpr std::size_t kVectorBytes = 16, kRegisters = 16;

#include "vectors.hpp"

template <typename V>
DEEPNTK_INLINE V multiplyAdd(V a, V b, V sum) {
  return a * b + sum;
}

#if defined(DEEPNTK_VECTOR_TYPES)
DEEPNTK_INLINE double lane(Doubles v, std::size_t i) {
  return v[i];
}
DEEPNTK_INLINE float lane(Floats v, std::size_t i) {
  return v[i];
}
#else
DEEPNTK_INLINE double lane(double v, std::size_t) {
  return v;
}
DEEPNTK_INLINE float lane(float v, std::size_t) {
  return v;
}
#endif

template <typename V>
constexpr std::size_t kLanesOf = sizeof(V) / sizeof(lane(V{}, 0));

template <typename V>
DEEPNTK_INLINE bool anyAboveZero(V v) {
  bool any = false;
  for (std::size_t i = 0; i < kLanesOf<V>; i++) any = any || lane(v, i) > 0;
  return any;
}

template <typename V>
DEEPNTK_INLINE V largerMagnitude(V a, V b) {
  const V magnitude = b > 0 ? b : V{} - b;  // of 0 it is 0, not -0
  return a > magnitude ? a : magnitude;
}

template <typename V>
DEEPNTK_INLINE auto sumOfLanes(V v) {
  auto sum = lane(v, 0);
  for (std::size_t i = 1; i < kLanesOf<V>; i++) sum += lane(v, i);
  return sum;
}

template <typename V>
DEEPNTK_INLINE auto largestLane(V v) {
  auto largest = lane(v, 0);
  for (std::size_t i = 1; i < kLanesOf<V>; i++) largest = lane(v, i) > largest ? lane(v, i) : largest;
  return largest;
}

DEEPNTK_INLINE Words multiplyLowerHalves(Words a, Words b) {
#if defined(DEEPNTK_X86_TARGETS)
  return (Words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}
