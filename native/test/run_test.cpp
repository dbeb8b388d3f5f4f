// Threads, cancellation and the BLAS library's thread count.
#include "../core/run.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../core/blas.hpp"
#include "check.hpp"

using namespace deepntk;

namespace {

void everyIndexRunsOnce() {
  Run run;
  Team team(run, 4);
  for (std::size_t count : {0, 1, 2, 3, 1000}) {
    std::vector<std::atomic<int>> calls(count);
    team.parallelFor(count, [&](std::size_t i, std::size_t worker) {
      CHECK(worker < team.size());
      calls[i]++;
    });
    for (const auto& call : calls) CHECK(call == 1);
  }
}

void anExceptionOfABodyReachesTheCaller() {
  Run run;
  Team team(run, 4);
  for (int round = 0; round < 100; round++) {
    bool caught = false;
    try {
      team.parallelFor(50, [&](std::size_t i, std::size_t) {
        if (i == 17) throw std::runtime_error("seventeen");
      });
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "seventeen";
    }
    CHECK(caught);
  }
}

// Whoever waits for a thread of the budget can still be cancelled.
void aWaitingTeamCanBeCancelled() {
  Run holder, waiter;
  const Team all(holder, 100000);
  bool cancelled = false;
  std::thread waiting([&] {
    try {
      Team team(waiter, 1);
    } catch (const Cancelled&) {
      cancelled = true;
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  waiter.cancel();
  waiting.join();
  CHECK(cancelled);
}

// One task after the other finds the thread of the one before; tasks at the same time have threads of their
// own.
void threadsAreKept() {
  const auto idOf = [](Thread& thread, std::thread::id& id) {
    thread = Thread([&id] { id = std::this_thread::get_id(); });
  };
  std::thread::id ids[3];
  for (std::thread::id& id : ids) {
    Thread thread;
    CHECK(!thread.joinable());
    idOf(thread, id);
    CHECK(thread.joinable());
    thread.join();
    CHECK(!thread.joinable());
  }
  CHECK(ids[0] != std::this_thread::get_id());
  CHECK(ids[0] == ids[1] && ids[1] == ids[2]);

  constexpr int kTogether = 8;
  std::atomic<int> inside{0};
  Thread threads[kTogether];
  for (int round = 0; round < 50; round++) {
    inside = 0;
    for (Thread& thread : threads) {
      thread = Thread([&] {
        inside++;
        while (inside.load() < kTogether) std::this_thread::yield();
      });
    }
    for (Thread& thread : threads) thread.join();
    CHECK(inside == kTogether);
  }
}

void blasThreadsAreLeftAsFound() {
  const int before = describeBlas().threads;
  {
    Run run;
    const Team one(run, 1);
    CHECK(describeBlas().threads == 1);
    acquireSingleThreadedBlas();
    releaseSingleThreadedBlas();
    CHECK(describeBlas().threads == 1);
  }
  CHECK(describeBlas().threads == before);
}

// Products beyond the size of one call are cut: the pieces must add up to the whole.
void largeProductsAreTheSumOfTheirPieces() {
  const Run run;
  const std::size_t rows = 700, columns = 1100, inner = 1300;
  std::vector<double> a(rows * inner), b(columns * inner), c(rows * columns, 7.0);
  for (std::size_t i = 0; i < a.size(); i++) a[i] = static_cast<double>(i % 7) - 3;
  for (std::size_t i = 0; i < b.size(); i++) b[i] = static_cast<double>(i % 5) - 2;
  gemm<double>(run, 2, {a.data(), rows, inner, inner}, {b.data(), columns, inner, inner}, Transpose::yes, 0,
               {c.data(), rows, columns, columns});
  std::vector<double> square(columns * columns, 0.0);
  syrk<double>(run, {b.data(), columns, inner, inner}, {square.data(), columns, columns, columns});
  // Small integers: every sum is exact.
  for (std::size_t i = 0; i < rows; i += 97) {
    for (std::size_t j = 0; j < columns; j += 89) {
      double sum = 0;
      for (std::size_t k = 0; k < inner; k++) sum += a[i * inner + k] * b[j * inner + k];
      CHECK(c[i * columns + j] == 2 * sum);
    }
  }
  for (std::size_t i = 0; i < columns; i += 97) {
    for (std::size_t j = 0; j <= i; j += 89) {
      double sum = 0;
      for (std::size_t k = 0; k < inner; k++) sum += b[i * inner + k] * b[j * inner + k];
      CHECK(square[i * columns + j] == sum);
    }
  }
}

}  // namespace

int main() {
  everyIndexRunsOnce();
  anExceptionOfABodyReachesTheCaller();
  aWaitingTeamCanBeCancelled();
  threadsAreKept();
  blasThreadsAreLeftAsFound();
  largeProductsAreTheSumOfTheirPieces();
}
