// Every operation of native/cuda on a real device, against native/core. Exits with 77 (skipped) where there
// is none.
#include "../addon/compute.hpp"
#include "../cuda/lease.hpp"
#include "device_checks.hpp"

namespace deepntk::cuda {

int testOnDevice() {
  const std::string missing = compute::whyUnavailable();
  if (!missing.empty()) {
    std::printf("skipped: %s\n", missing.c_str());
    return 77;
  }
  for (const auto& [name, value] : compute::describe()) {
    if (const auto* text = std::get_if<std::string>(&value)) std::printf("%s %s\n", name, text->c_str());
  }
  {
    const Run run;
    const Lease lease(run);
    checkEverything(lease.device(), 200'000, 30'000, 400'000);
  }
  std::printf("float64 product of edge 4096: %.3g s\n", compute::secondsOfGemm(4096, 4096, 4096, false));
  Lease::closeDevice();  // what is still allocated then is a leak
  return 0;
}

}  // namespace deepntk::cuda

int main() {
  return deepntk::cuda::testOnDevice();
}
