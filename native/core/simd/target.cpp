#include "target.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace deepntk {

namespace {

Target detected() {
#if defined(DEEPNTK_X86_TARGETS)
  if (__builtin_cpu_supports("avx512f")) return Target::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Target::avx2;
#elif defined(DEEPNTK_NEON_TARGET)
  return Target::neon;  // every 64-bit ARM CPU has it
#endif
  return Target::baseline;
}

Target limit() {
  const char* const value = std::getenv("DEEPNTK_MAX_TARGET");
  const std::string name = value == nullptr ? "" : value;
  if (name.empty() || name == "avx512") return Target::avx512;
  if (name == "avx2") return Target::avx2;
  if (name == "neon") return Target::neon;
  if (name == "baseline") return Target::baseline;
  throw std::runtime_error("DEEPNTK_MAX_TARGET must be baseline, neon, avx2 or avx512, but it is " + name);
}

}  // namespace

Target target() {
  static const Target chosen = std::min(detected(), limit());
  return chosen;
}

}  // namespace deepntk
