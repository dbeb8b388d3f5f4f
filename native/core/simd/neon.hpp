// The vocabulary of NEON on 64-bit ARM. avx512.hpp says what the functions do.

constexpr std::size_t kVectorBytes = 16, kRegisters = 32;

#include "vectors.hpp"

DEEPNTK_INLINE Doubles multiplyAdd(Doubles a, Doubles b, Doubles sum) {
  return vfmaq_f64(sum, a, b);
}
DEEPNTK_INLINE Doubles largerMagnitude(Doubles a, Doubles b) {
  return vmaxq_f64(a, vabsq_f64(b));
}
DEEPNTK_INLINE bool anyAboveZero(Doubles v) {
  return vmaxvq_u32(vreinterpretq_u32_u64(vcgtzq_f64(v))) != 0;
}
DEEPNTK_INLINE double sumOfLanes(Doubles v) {
  return vaddvq_f64(v);
}
DEEPNTK_INLINE double largestLane(Doubles v) {
  return vmaxvq_f64(v);
}

DEEPNTK_INLINE Floats multiplyAdd(Floats a, Floats b, Floats sum) {
  return vfmaq_f32(sum, a, b);
}
DEEPNTK_INLINE Floats largerMagnitude(Floats a, Floats b) {
  return vmaxq_f32(a, vabsq_f32(b));
}
DEEPNTK_INLINE bool anyAboveZero(Floats v) {
  return vmaxvq_u32(vcgtzq_f32(v)) != 0;
}
DEEPNTK_INLINE float sumOfLanes(Floats v) {
  return vaddvq_f32(v);
}
DEEPNTK_INLINE float largestLane(Floats v) {
  return vmaxvq_f32(v);
}

DEEPNTK_INLINE Words multiplyLowerHalves(Words a, Words b) {
  return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
