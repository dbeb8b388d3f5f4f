// Compiles one file of loops for each target of the platform. A source file writes
//
//   #define DEEPNTK_LOOPS "../NAME_loops.hpp"
//   #include "simd/for_each_target.hpp"
//
// and gets the functions of that file in the namespaces avx512, avx2, neon and baseline, as far as the
// platform has these targets. DEEPNTK_DISPATCH calls the one of this CPU. The loops are either plain C++,
// which the compiler vectorizes, or written with the vocabulary of vectors.hpp. A file of loops includes
// nothing. It has no lambdas, because GCC does not compile these for the target.
//
// All targets give the same bits unless the loops use multiplyAdd or sumOfLanes: the library is compiled with
// -ffp-contract=off.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "target.hpp"

// GCC and clang compile a part of a file for other instructions than the rest.
#define DEEPNTK_PRAGMA(TOKENS) _Pragma(#TOKENS)
#if defined(__clang__)
#define DEEPNTK_BEGIN_TARGET(FEATURES) \
  DEEPNTK_PRAGMA(clang attribute push(__attribute__((target(FEATURES))), apply_to = function))
#define DEEPNTK_END_TARGET _Pragma("clang attribute pop")
#elif defined(__GNUC__)
#define DEEPNTK_BEGIN_TARGET(FEATURES) _Pragma("GCC push_options") DEEPNTK_PRAGMA(GCC target(FEATURES))
#define DEEPNTK_END_TARGET _Pragma("GCC pop_options")
#endif

#if defined(DEEPNTK_X86_TARGETS)
#include <immintrin.h>

DEEPNTK_BEGIN_TARGET("avx512f")
namespace deepntk {
namespace {
namespace avx512 {
#include "avx512.hpp"
#include DEEPNTK_LOOPS
}  // namespace avx512
}  // namespace
}  // namespace deepntk
DEEPNTK_END_TARGET

DEEPNTK_BEGIN_TARGET("avx2,fma")
namespace deepntk {
namespace {
namespace avx2 {
#include "avx2.hpp"
#include DEEPNTK_LOOPS
}  // namespace avx2
}  // namespace
}  // namespace deepntk
DEEPNTK_END_TARGET
#endif

#if defined(DEEPNTK_NEON_TARGET)
#include <arm_neon.h>

namespace deepntk {
namespace {
namespace neon {
#include "neon.hpp"
#include DEEPNTK_LOOPS
}  // namespace neon
}  // namespace
}  // namespace deepntk
#endif

namespace deepntk {
namespace {
namespace baseline {
#include "baseline.hpp"
#include DEEPNTK_LOOPS
}  // namespace baseline
}  // namespace
}  // namespace deepntk
