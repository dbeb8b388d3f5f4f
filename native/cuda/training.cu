#include "cuda.hpp"
#include "lease.hpp"
#include "training.hpp"

namespace deepntk::cuda {

void takeSteps(Run& run, const TrainTask& task) {
  const Lease lease(run);
  takeSteps(run, lease.device(), task);
}

}  // namespace deepntk::cuda
