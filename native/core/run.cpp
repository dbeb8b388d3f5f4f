#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>

#include "blas.hpp"

namespace deepntk {

namespace {

constexpr std::int64_t kReportInterval = 33'000'000;  // ns
constexpr int kSpins = 4000;                          // some tens of microseconds, the gap between two layers

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The compute threads of the process that no computation holds. Never destroyed: threads may outlive static
// objects.
struct Budget {
  std::mutex mutex;
  std::condition_variable released;
  std::size_t total = std::max(1u, std::thread::hardware_concurrency());
  std::size_t free = total;
};

Budget& budget() {
  static auto* instance = new Budget;
  return *instance;
}

std::size_t lease(Run& run, std::size_t asked) {
  Budget& shared = budget();
  std::unique_lock<std::mutex> lock(shared.mutex);
  while (shared.free == 0) {
    run.check();
    shared.released.wait_for(lock, std::chrono::milliseconds(20));
  }
  const std::size_t granted = std::clamp<std::size_t>(asked, 1, shared.free);
  shared.free -= granted;
  return granted;
}

void giveBack(std::size_t threads) {
  Budget& shared = budget();
  {
    std::lock_guard<std::mutex> lock(shared.mutex);
    shared.free += threads;
  }
  shared.released.notify_all();
}

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

void Run::advance(double flops) {
  const auto amount = static_cast<std::uint64_t>(flops);
  const std::uint64_t done = done_.fetch_add(amount, std::memory_order_relaxed) + amount;
  if (!hook_ || total_ <= 0) return;
  const std::int64_t time = now();
  std::int64_t due = nextReport_.load(std::memory_order_relaxed);
  if (time < due) return;
  if (!nextReport_.compare_exchange_strong(due, time + kReportInterval)) return;
  hook_(std::min(1.0, static_cast<double>(done) / total_));
}

Team::Team(Run& run, std::size_t asked) : run_(run), leased_(lease(run, asked)) {
  acquireSingleThreadedBlas();
  try {
    helpers_.reserve(leased_ - 1);
    for (std::size_t worker = 1; worker < leased_; worker++) {
      helpers_.emplace_back([this, worker] {
        const StandardFloatingPoint mode;
        help(worker);
      });
    }
  } catch (const std::system_error&) {
    // The system has no more threads: those that did start do the work.
  } catch (...) {
    stop();
    throw;
  }
}

Team::~Team() {
  stop();
}

void Team::stop() noexcept {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (Thread& helper : helpers_) helper.join();
  helpers_.clear();
  releaseSingleThreadedBlas();
  giveBack(leased_);
}

void Team::parallelFor(std::size_t count, const Body& body) {
  run_.check();
  if (helpers_.empty() || count < 2) {
    for (std::size_t i = 0; i < count; i++) {
      run_.check();
      body(i, 0);
    }
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0);
    open_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  drain(0);
  // A helper that has not woken by now, because the machine is busy with other things, is not waited for.
  std::unique_lock<std::mutex> lock(mutex_);
  open_ = false;
  lock.unlock();
  for (int i = 0; i < kSpins && inside_.load() != 0; i++) pause();
  lock.lock();
  finished_.wait(lock, [this] { return inside_.load() == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Team::help(std::size_t worker) {
  std::uint64_t seen = 0;
  while (true) {
    for (int i = 0; i < kSpins && generation_.load() == seen; i++) pause();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load() != seen; });
      seen = generation_.load();
      if (stopping_) return;
      if (!open_) continue;
      inside_.fetch_add(1);
    }
    drain(worker);
    std::lock_guard<std::mutex> lock(mutex_);
    if (inside_.fetch_sub(1) == 1) finished_.notify_one();
  }
}

void Team::drain(std::size_t worker) noexcept {
  try {
    for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
      run_.check();
      (*body_)(i, worker);
    }
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
    next_.store(count_);
  }
}

}  // namespace deepntk
