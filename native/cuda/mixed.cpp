#include "mixed.hpp"

#include <cstdlib>
#include <stdexcept>

namespace deepntk::cuda {

MixedMode mixedMode(std::string& name) {
  const char* const text = std::getenv("DEEPNTK_CUDA_MIXED");
  name = text == nullptr || *text == '\0' ? "float32" : text;
  if (name == "float32") return {Arithmetic::single, false};
  if (name == "tf32x3") return {Arithmetic::tf32x3, false};
  if (name == "tf32") return {Arithmetic::tf32, false};
  if (name == "all-float32") return {Arithmetic::single, true};
  throw std::runtime_error(
      "DEEPNTK_CUDA_MIXED: expected \"float32\", \"tf32x3\", \"tf32\" or \"all-float32\", got \"" + name +
      "\"");
}

}  // namespace deepntk::cuda
