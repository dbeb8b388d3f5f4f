#include "../addon/compute.hpp"
#include "chain.hpp"
#include "lease.hpp"

namespace deepntk::compute {

void sampleChain(Run& run, std::size_t, const ChainTask& task) {
  const cuda::Lease lease(run);
  cuda::sampleChain(run, lease.device(), task.plan, task.seed, task.first, task.count, task.replicas);
}

}  // namespace deepntk::compute
