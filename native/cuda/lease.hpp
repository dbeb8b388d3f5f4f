// One job's hold of the device, and what the environment says of how it computes.
#pragma once

#include <string>

#include "../core/run.hpp"
#include "cuda_device.hpp"

namespace deepntk::cuda {

class Lease {
 public:
  // Waits, cancellably, for the job that has the device; opens it at the first call.
  explicit Lease(const Run& run);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  CudaDevice& device() const { return *device_; }

 private:
  CudaDevice* device_;
};

// DEEPNTK_CUDA_MIXED, and its name; a DeviceError where it is none that is known.
MixedMode mixedMode(std::string& name);
inline MixedMode mixedMode() {
  std::string name;
  return mixedMode(name);
}

}  // namespace deepntk::cuda
