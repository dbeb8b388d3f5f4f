// One job's hold of the device. Other jobs wait, and can be cancelled meanwhile. A job on the device throws
// std::bad_alloc if the memory of the device or the host does not suffice, Cancelled, or a std::runtime_error
// with the report of the device.
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

  // Gives back all that is held of the device between jobs. The next job opens it again.
  static void closeDevice();

 private:
  CudaDevice* device_;
};

}  // namespace deepntk::cuda
