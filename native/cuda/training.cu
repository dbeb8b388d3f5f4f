#include "../addon/compute.hpp"
#include "lease.hpp"
#include "training.hpp"

namespace deepntk::compute {

void train(Run& run, std::size_t, const TrainTask& task) {
  const cuda::Lease lease(run);
  cuda::takeSteps(run, lease.device(), task);
}

}  // namespace deepntk::compute
