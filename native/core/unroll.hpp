// Before a loop over sums that are to stay in registers: they do only where the loop is unrolled.
#pragma once

#if defined(__clang__)
#define DEEPNTK_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define DEEPNTK_UNROLL _Pragma("GCC unroll 16")
#else
#define DEEPNTK_UNROLL
#endif
