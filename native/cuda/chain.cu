#include "chain.hpp"
#include "cuda.hpp"
#include "lease.hpp"

namespace deepntk::cuda {

void sampleChain(Run& run, const ChainPlan& plan, std::uint64_t seed, std::uint64_t first, std::size_t count,
                 const ChainReplicas& out) {
  const Lease lease(run);
  sampleChain(run, lease.device(), plan, seed, first, count, out);
}

}  // namespace deepntk::cuda
