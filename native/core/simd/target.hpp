// Targets are the sets of vector instructions that the library is compiled for. One of them is chosen when
// the program runs.
#pragma once

namespace deepntk {

// From the least capable to the most capable. `baseline` is what every CPU of the platform has.
enum class Target { baseline, neon, avx2, avx512 };

// The most capable target of this CPU. The environment variable DEEPNTK_MAX_TARGET (e.g. avx2) limits it, for
// tests. Throws std::runtime_error if that variable names no target.
Target target();

}  // namespace deepntk

// GCC and clang have vector types. Other compilers get the baseline with plain numbers. A test defines
// DEEPNTK_NO_VECTOR_TYPES to be compiled like that.
#if defined(__GNUC__) && !defined(DEEPNTK_NO_VECTOR_TYPES)
#define DEEPNTK_VECTOR_TYPES
#endif

#if defined(__x86_64__) && defined(DEEPNTK_VECTOR_TYPES)
#define DEEPNTK_X86_TARGETS
#elif defined(__aarch64__) && defined(DEEPNTK_VECTOR_TYPES)
#define DEEPNTK_NEON_TARGET
#endif

// Returns from a function with the result of CALL, a call of a function that for_each_target.hpp has
// compiled.
#if defined(DEEPNTK_X86_TARGETS)
#define DEEPNTK_DISPATCH(CALL) \
  switch (target()) {          \
    case Target::avx512:       \
      return avx512::CALL;     \
    case Target::avx2:         \
      return avx2::CALL;       \
    default:                   \
      return baseline::CALL;   \
  }
#elif defined(DEEPNTK_NEON_TARGET)
#define DEEPNTK_DISPATCH(CALL)                     \
  if (target() == Target::neon) return neon::CALL; \
  return baseline::CALL;
#else
#define DEEPNTK_DISPATCH(CALL) return baseline::CALL;
#endif

// Functions of vectors must be inlined: an argument of 64 bytes would otherwise go through memory. A function
// whose inner loop needs all registers must not be: GCC would keep vectors of that loop in memory, to have
// registers for what its caller needs later.
#if defined(__GNUC__)
#define DEEPNTK_INLINE inline __attribute__((always_inline))
#define DEEPNTK_NOINLINE __attribute__((noinline))
#else
#define DEEPNTK_INLINE inline
#define DEEPNTK_NOINLINE
#endif

// Before a loop over vectors that must stay in registers. They stay there only if the loop is unrolled.
#if defined(__clang__)
#define DEEPNTK_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define DEEPNTK_UNROLL _Pragma("GCC unroll 16")
#else
#define DEEPNTK_UNROLL
#endif
