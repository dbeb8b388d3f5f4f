// The floating-point mode of a thread: how results are rounded, and whether denormal numbers count.
#pragma once

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#define DEEPNTK_MODE_IN_MXCSR
#else
#include <cfenv>
#endif

namespace deepntk {

// While it lives, the calling thread rounds to nearest, keeps denormal numbers and traps nothing, whatever
// the host had set; then all is as it was found. New threads inherit the mode of the one that starts them.
class StandardFloatingPoint {
 public:
  StandardFloatingPoint() {
#ifdef DEEPNTK_MODE_IN_MXCSR
    found_ = _mm_getcsr();
    _mm_setcsr(kStandard);
#else
    std::fegetenv(&found_);
    std::fesetenv(FE_DFL_ENV);
#endif
  }
  ~StandardFloatingPoint() {
#ifdef DEEPNTK_MODE_IN_MXCSR
    _mm_setcsr(found_);
#else
    std::fesetenv(&found_);
#endif
  }
  StandardFloatingPoint(const StandardFloatingPoint&) = delete;
  StandardFloatingPoint& operator=(const StandardFloatingPoint&) = delete;

 private:
#ifdef DEEPNTK_MODE_IN_MXCSR
  static constexpr unsigned kStandard = 0x1f80;  // all exceptions masked, none raised
  unsigned found_;
#else
  std::fenv_t found_;
#endif
};

}  // namespace deepntk
