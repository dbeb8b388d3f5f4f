// One job's hold of the device.
#pragma once

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

}  // namespace deepntk::cuda
