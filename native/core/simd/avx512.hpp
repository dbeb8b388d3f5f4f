// The vocabulary of AVX-512F, beyond vectors.hpp. Functions of doubles and of floats are written one by one,
// because the names of their instructions differ.

constexpr std::size_t kVectorBytes = 64, kRegisters = 32;

#include "vectors.hpp"

DEEPNTK_INLINE __mmask8 firstOf8(std::size_t lanes) {
  return static_cast<__mmask8>((1u << lanes) - 1);
}
DEEPNTK_INLINE __mmask16 firstOf16(std::size_t lanes) {
  return static_cast<__mmask16>((1u << lanes) - 1);
}

DEEPNTK_INLINE Doubles loadFirst(const double* from, std::size_t lanes) {
  return _mm512_maskz_loadu_pd(firstOf8(lanes), from);
}
DEEPNTK_INLINE void storeFirst(double* to, std::size_t lanes, Doubles value) {
  _mm512_mask_storeu_pd(to, firstOf8(lanes), value);
}
// a b + sum, rounded once
DEEPNTK_INLINE Doubles multiplyAdd(Doubles a, Doubles b, Doubles sum) {
  return _mm512_fmadd_pd(a, b, sum);
}
DEEPNTK_INLINE bool anyAboveZero(Doubles v) {
  return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_GT_OQ) != 0;
}
// max(a, |b|)
DEEPNTK_INLINE Doubles largerMagnitude(Doubles a, Doubles b) {
  return _mm512_max_pd(a, _mm512_abs_pd(b));
}
DEEPNTK_INLINE double sumOfLanes(Doubles v) {
  return _mm512_reduce_add_pd(v);
}
DEEPNTK_INLINE double largestLane(Doubles v) {
  return _mm512_reduce_max_pd(v);
}

DEEPNTK_INLINE Floats loadFirst(const float* from, std::size_t lanes) {
  return _mm512_maskz_loadu_ps(firstOf16(lanes), from);
}
DEEPNTK_INLINE void storeFirst(float* to, std::size_t lanes, Floats value) {
  _mm512_mask_storeu_ps(to, firstOf16(lanes), value);
}
DEEPNTK_INLINE Floats multiplyAdd(Floats a, Floats b, Floats sum) {
  return _mm512_fmadd_ps(a, b, sum);
}
DEEPNTK_INLINE bool anyAboveZero(Floats v) {
  return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ) != 0;
}
DEEPNTK_INLINE Floats largerMagnitude(Floats a, Floats b) {
  return _mm512_max_ps(a, _mm512_abs_ps(b));
}
DEEPNTK_INLINE float sumOfLanes(Floats v) {
  return _mm512_reduce_add_ps(v);
}
DEEPNTK_INLINE float largestLane(Floats v) {
  return _mm512_reduce_max_ps(v);
}

// The products of the lower halves of the lanes.
DEEPNTK_INLINE Words multiplyLowerHalves(Words a, Words b) {
  return (Words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
