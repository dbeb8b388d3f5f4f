#include "conditional.hpp"
#include "cuda.hpp"
#include "direct.hpp"
#include "lease.hpp"

namespace deepntk::cuda {

void sampleConditional(Run& run, const ConditionalTask& task) {
  const Lease lease(run);
  sampleConditional(run, lease.device(), task);
}

void sampleDirect(Run& run, const DirectTask& task) {
  const Lease lease(run);
  sampleDirect(run, lease.device(), task);
}

}  // namespace deepntk::cuda
