// The vocabulary of AVX2 with FMA. avx512.hpp says what the functions do. A masked store takes some AMD
// processors twenty times as long as a plain one.

constexpr std::size_t kVectorBytes = 32, kRegisters = 16;

#include "vectors.hpp"

DEEPNTK_INLINE __m256i firstOf4(std::size_t lanes) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(lanes)),
                            _mm256_setr_epi64x(0, 1, 2, 3));
}
DEEPNTK_INLINE __m256i firstOf8(std::size_t lanes) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

DEEPNTK_INLINE Doubles loadFirst(const double* from, std::size_t lanes) {
  return _mm256_maskload_pd(from, firstOf4(lanes));
}
DEEPNTK_INLINE void storeFirst(double* to, std::size_t lanes, Doubles value) {
  _mm256_maskstore_pd(to, firstOf4(lanes), value);
}
DEEPNTK_INLINE Doubles multiplyAdd(Doubles a, Doubles b, Doubles sum) {
  return _mm256_fmadd_pd(a, b, sum);
}
DEEPNTK_INLINE bool anyAboveZero(Doubles v) {
  return _mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_GT_OQ)) != 0;
}
DEEPNTK_INLINE Doubles largerMagnitude(Doubles a, Doubles b) {
  return _mm256_max_pd(a, _mm256_andnot_pd(_mm256_set1_pd(-0.0), b));
}
DEEPNTK_INLINE double sumOfLanes(Doubles v) {
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
DEEPNTK_INLINE double largestLane(Doubles v) {
  const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
}

DEEPNTK_INLINE Floats loadFirst(const float* from, std::size_t lanes) {
  return _mm256_maskload_ps(from, firstOf8(lanes));
}
DEEPNTK_INLINE void storeFirst(float* to, std::size_t lanes, Floats value) {
  _mm256_maskstore_ps(to, firstOf8(lanes), value);
}
DEEPNTK_INLINE Floats multiplyAdd(Floats a, Floats b, Floats sum) {
  return _mm256_fmadd_ps(a, b, sum);
}
DEEPNTK_INLINE bool anyAboveZero(Floats v) {
  return _mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ)) != 0;
}
DEEPNTK_INLINE Floats largerMagnitude(Floats a, Floats b) {
  return _mm256_max_ps(a, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), b));
}
DEEPNTK_INLINE float sumOfLanes(Floats v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
DEEPNTK_INLINE float largestLane(Floats v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

DEEPNTK_INLINE Words multiplyLowerHalves(Words a, Words b) {
  return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
