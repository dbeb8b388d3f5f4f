// A check that a computation ends soon after it is cancelled.
#pragma once

#include <chrono>
#include <thread>

#include "../core/run.hpp"
#include "check.hpp"

namespace deepntk {

// `compute(run)` takes much longer than 30 ms if nobody cancels it.
template <typename Compute>
void checkCancellation(const Compute& compute, std::chrono::milliseconds limit) {
  Run run;
  bool cancelled = false;
  std::thread job([&] {
    try {
      compute(run);
    } catch (const Cancelled&) {
      cancelled = true;
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const auto start = std::chrono::steady_clock::now();
  run.cancel();
  job.join();
  CHECK(cancelled);
  CHECK(std::chrono::steady_clock::now() - start < limit);
}

}  // namespace deepntk
