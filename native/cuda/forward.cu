#include "../addon/compute.hpp"
#include "forward.hpp"
#include "jacobian.hpp"
#include "lease.hpp"

namespace deepntk::compute {

void forward(Run& run, std::size_t, const ForwardTask& task) {
  const cuda::Lease lease(run);
  cuda::forward(run, lease.device(), task.network, task.x, task.n, task.outputs);
}

void jacobian(Run& run, std::size_t, const JacobianTask& task) {
  const cuda::Lease lease(run);
  cuda::computeJacobian(run, lease.device(), task);
}

}  // namespace deepntk::compute
