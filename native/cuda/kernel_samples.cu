#include "../addon/compute.hpp"
#include "conditional.hpp"
#include "direct.hpp"
#include "lease.hpp"

namespace deepntk::compute {

void sampleKernels(Run& run, std::size_t, const AnySampleTask& any) {
  const cuda::Lease lease(run);
  if (const auto* direct = std::get_if<DirectTask>(&any)) {
    cuda::sampleDirect(run, lease.device(), *direct);
  } else {
    cuda::sampleConditional(run, lease.device(), std::get<ConditionalTask>(any));
  }
}

}  // namespace deepntk::compute
