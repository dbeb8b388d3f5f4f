#include "cuda.hpp"
#include "forward.hpp"
#include "jacobian.hpp"
#include "lease.hpp"

namespace deepntk::cuda {

void forward(Run& run, const Network& network, const double* x, std::size_t n, double* out) {
  const Lease lease(run);
  forward(run, lease.device(), network, x, n, out);
}

void computeJacobian(Run& run, const JacobianTask& task) {
  const Lease lease(run);
  computeJacobian(run, lease.device(), task);
}

}  // namespace deepntk::cuda
