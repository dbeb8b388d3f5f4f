// The vector instructions that vector_products.cpp is written for, in one vocabulary.
#pragma once

// Tests of what other CPUs get define DEEPNTK_NO_VECTORS.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(DEEPNTK_NO_VECTORS)
#define DEEPNTK_X86_VECTORS 1
#include <immintrin.h>

#include <cstddef>

// Functions may be inlined only into functions for the same instructions.
#define DEEPNTK_AVX512 __attribute__((target("avx512f"), always_inline)) static inline
#define DEEPNTK_AVX2 __attribute__((target("avx2,fma"), always_inline)) static inline

namespace deepntk {

// `Mask` stands for the first so many lanes; loads read, and stores write, no others. (A masked store of AVX2
// takes some AMD processors twenty times as long as a plain one.) `above` is 0 where
// `gate` is not positive; not-a-number is not.
struct Avx512Double {
  using Scalar = double;
  using Vector = __m512d;
  using Mask = __mmask8;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRegisters = 32;

  DEEPNTK_AVX512 Mask first(std::size_t lanes) { return static_cast<Mask>((1u << lanes) - 1); }
  DEEPNTK_AVX512 Vector zero() { return _mm512_setzero_pd(); }
  DEEPNTK_AVX512 Vector all(double value) { return _mm512_set1_pd(value); }
  DEEPNTK_AVX512 Vector load(const double* from) { return _mm512_loadu_pd(from); }
  DEEPNTK_AVX512 Vector load(const double* from, Mask mask) { return _mm512_maskz_loadu_pd(mask, from); }
  DEEPNTK_AVX512 void store(double* to, Vector value) { _mm512_storeu_pd(to, value); }
  DEEPNTK_AVX512 void store(double* to, Mask mask, Vector value) { _mm512_mask_storeu_pd(to, mask, value); }
  DEEPNTK_AVX512 Vector add(Vector a, Vector b, Vector sum) { return _mm512_fmadd_pd(a, b, sum); }
  DEEPNTK_AVX512 Vector times(Vector a, Vector b) { return _mm512_mul_pd(a, b); }
  DEEPNTK_AVX512 Vector above(Vector gate, Vector value) {
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(gate, zero(), _CMP_GT_OQ), value);
  }
  DEEPNTK_AVX512 bool anyAbove(Vector gate) { return _mm512_cmp_pd_mask(gate, zero(), _CMP_GT_OQ) != 0; }
  DEEPNTK_AVX512 Vector larger(Vector a, Vector b) { return _mm512_max_pd(a, _mm512_abs_pd(b)); }
  DEEPNTK_AVX512 double sum(Vector a) { return _mm512_reduce_add_pd(a); }
  DEEPNTK_AVX512 double largest(Vector a) { return _mm512_reduce_max_pd(a); }
};

struct Avx512Float {
  using Scalar = float;
  using Vector = __m512;
  using Mask = __mmask16;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kRegisters = 32;

  DEEPNTK_AVX512 Mask first(std::size_t lanes) { return static_cast<Mask>((1u << lanes) - 1); }
  DEEPNTK_AVX512 Vector zero() { return _mm512_setzero_ps(); }
  DEEPNTK_AVX512 Vector all(float value) { return _mm512_set1_ps(value); }
  DEEPNTK_AVX512 Vector load(const float* from) { return _mm512_loadu_ps(from); }
  DEEPNTK_AVX512 Vector load(const float* from, Mask mask) { return _mm512_maskz_loadu_ps(mask, from); }
  DEEPNTK_AVX512 void store(float* to, Vector value) { _mm512_storeu_ps(to, value); }
  DEEPNTK_AVX512 void store(float* to, Mask mask, Vector value) { _mm512_mask_storeu_ps(to, mask, value); }
  DEEPNTK_AVX512 Vector add(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
  DEEPNTK_AVX512 Vector times(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  DEEPNTK_AVX512 Vector above(Vector gate, Vector value) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(gate, zero(), _CMP_GT_OQ), value);
  }
  DEEPNTK_AVX512 bool anyAbove(Vector gate) { return _mm512_cmp_ps_mask(gate, zero(), _CMP_GT_OQ) != 0; }
  DEEPNTK_AVX512 Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, _mm512_abs_ps(b)); }
  DEEPNTK_AVX512 float sum(Vector a) { return _mm512_reduce_add_ps(a); }
  DEEPNTK_AVX512 float largest(Vector a) { return _mm512_reduce_max_ps(a); }
};

struct Avx2Double {
  using Scalar = double;
  using Vector = __m256d;
  using Mask = __m256i;
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kRegisters = 16;

  DEEPNTK_AVX2 Mask first(std::size_t lanes) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(lanes)),
                              _mm256_setr_epi64x(0, 1, 2, 3));
  }
  DEEPNTK_AVX2 Vector zero() { return _mm256_setzero_pd(); }
  DEEPNTK_AVX2 Vector all(double value) { return _mm256_set1_pd(value); }
  DEEPNTK_AVX2 Vector load(const double* from) { return _mm256_loadu_pd(from); }
  DEEPNTK_AVX2 Vector load(const double* from, Mask mask) { return _mm256_maskload_pd(from, mask); }
  DEEPNTK_AVX2 void store(double* to, Vector value) { _mm256_storeu_pd(to, value); }
  DEEPNTK_AVX2 void store(double* to, Mask mask, Vector value) { _mm256_maskstore_pd(to, mask, value); }
  DEEPNTK_AVX2 Vector add(Vector a, Vector b, Vector sum) { return _mm256_fmadd_pd(a, b, sum); }
  DEEPNTK_AVX2 Vector times(Vector a, Vector b) { return _mm256_mul_pd(a, b); }
  DEEPNTK_AVX2 Vector above(Vector gate, Vector value) {
    return _mm256_and_pd(_mm256_cmp_pd(gate, zero(), _CMP_GT_OQ), value);
  }
  DEEPNTK_AVX2 bool anyAbove(Vector gate) {
    return _mm256_movemask_pd(_mm256_cmp_pd(gate, zero(), _CMP_GT_OQ)) != 0;
  }
  DEEPNTK_AVX2 Vector larger(Vector a, Vector b) {
    return _mm256_max_pd(a, _mm256_andnot_pd(_mm256_set1_pd(-0.0), b));
  }
  DEEPNTK_AVX2 double sum(Vector a) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  }
  DEEPNTK_AVX2 double largest(Vector a) {
    const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
  }
};

struct Avx2Float {
  using Scalar = float;
  using Vector = __m256;
  using Mask = __m256i;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRegisters = 16;

  DEEPNTK_AVX2 Mask first(std::size_t lanes) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  DEEPNTK_AVX2 Vector zero() { return _mm256_setzero_ps(); }
  DEEPNTK_AVX2 Vector all(float value) { return _mm256_set1_ps(value); }
  DEEPNTK_AVX2 Vector load(const float* from) { return _mm256_loadu_ps(from); }
  DEEPNTK_AVX2 Vector load(const float* from, Mask mask) { return _mm256_maskload_ps(from, mask); }
  DEEPNTK_AVX2 void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }
  DEEPNTK_AVX2 void store(float* to, Mask mask, Vector value) { _mm256_maskstore_ps(to, mask, value); }
  DEEPNTK_AVX2 Vector add(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }
  DEEPNTK_AVX2 Vector times(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  DEEPNTK_AVX2 Vector above(Vector gate, Vector value) {
    return _mm256_and_ps(_mm256_cmp_ps(gate, zero(), _CMP_GT_OQ), value);
  }
  DEEPNTK_AVX2 bool anyAbove(Vector gate) {
    return _mm256_movemask_ps(_mm256_cmp_ps(gate, zero(), _CMP_GT_OQ)) != 0;
  }
  DEEPNTK_AVX2 Vector larger(Vector a, Vector b) {
    return _mm256_max_ps(a, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), b));
  }
  DEEPNTK_AVX2 float sum(Vector a) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  DEEPNTK_AVX2 float largest(Vector a) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
};

}  // namespace deepntk

#undef DEEPNTK_AVX512
#undef DEEPNTK_AVX2
#endif
