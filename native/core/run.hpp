// What every computation carries: a way to stop it, a count of what is done, and the threads that it may use.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "floating_point.hpp"
#include "threads.hpp"

namespace deepntk {

// Thrown out of a computation that was cancelled.
struct Cancelled {};

// The control block of one computation. `cancel` may be called from any thread.
class Run {
 public:
  using ProgressHook = std::function<void(double fraction)>;

  Run() = default;
  // `hook` is called from whichever thread computes, at most about 30 times a second.
  explicit Run(ProgressHook hook) : hook_(std::move(hook)) {}

  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  void check() const {
    if (cancelled()) throw Cancelled{};
  }

  // Work is counted in floating-point operations of the dense algorithm.
  void expect(double flops) { total_ = flops; }
  void advance(double flops);

 private:
  std::atomic<bool> cancelled_{false};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::int64_t> nextReport_{0};
  double total_ = 0;
  ProgressHook hook_;
};

// The threads of one computation: the calling one and helpers, leased from a budget of the whole
// process (one thread a core), so that several computations at once do not oversubscribe the machine. While a
// team lives, BLAS runs on one thread: parallelism is over tiles, and results do not depend on the number of
// threads; nor on the floating-point mode that the calling thread had, and has again afterwards.
class Team {
 public:
  using Body = std::function<void(std::size_t index, std::size_t worker)>;

  // Takes up to `asked` threads of those that are free; waits, cancellably, while there is none.
  Team(Run& run, std::size_t asked);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::size_t size() const { return helpers_.size() + 1; }

  // Calls body(0 .. count - 1, worker), each index once, on all threads; checks for cancellation before each
  // index. The first exception that a body throws ends the loop and is thrown here.
  void parallelFor(std::size_t count, const Body& body);

 private:
  void help(std::size_t worker);
  void drain(std::size_t worker) noexcept;
  void stop() noexcept;

  const StandardFloatingPoint mode_;  // the first to come and the last to go, also where the rest throws
  Run& run_;
  std::size_t leased_ = 0;
  std::vector<Thread> helpers_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::atomic<std::uint64_t> generation_{0};
  bool open_ = false;                   // helpers may still join the loop under way
  std::atomic<std::size_t> inside_{0};  // helpers that joined it and have not left
  std::atomic<std::size_t> next_{0};
  std::size_t count_ = 0;
  const Body* body_ = nullptr;
  std::exception_ptr error_;
  bool stopping_ = false;
};

}  // namespace deepntk
