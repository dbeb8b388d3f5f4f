// Every operation of native/cuda on a real device, against native/core. Exits with 77 (skipped) where there
// is none.
#include "../cuda/cuda.hpp"
#include "../cuda/lease.hpp"
#include "device_checks.hpp"

namespace deepntk::cuda {

int testOnDevice() {
  const std::string missing = whyUnavailable();
  if (!missing.empty()) {
    std::printf("skipped: %s\n", missing.c_str());
    return 77;
  }
  const Description found = describe();
  std::printf("%s, compute capability %s, driver %s, runtime %s, cuBLAS %s\n", found.device.c_str(),
              found.capability.c_str(), found.driver.c_str(), found.runtime.c_str(), found.cublas.c_str());
  {
    const Run run;
    const Lease lease(run);
    checkEverything(lease.device(), 200'000, 30'000, 400'000);
  }
  std::printf("float64 product of edge 4096: %.3g s\n", secondsOfGemm(4096, 4096, 4096, false));
  close();  // what is still allocated then is a leak
  return 0;
}

}  // namespace deepntk::cuda

int main() {
  return deepntk::cuda::testOnDevice();
}
