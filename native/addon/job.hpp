// One computation on a thread of its own. It reports to one JavaScript function.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../core/run.hpp"
#include "../core/threads.hpp"
#include "object.hpp"

namespace deepntk {

// The events of a job: it calls listener(status, detail). The same numbers are in
// src/backend/native/addon.ts.
enum class Status : int {
  progress = 0,  // detail: the finished share of the work
  done = 1,
  cancelled = 2,
  outOfMemory = 3,
  failed = 4,  // detail: a message
};

// The thread-safe function owns the job. The job's thread releases it when the work is over, or it ends with
// its environment (worker.terminate()) while the work goes on. Both run its finalizer, which cancels, joins
// the thread, and only then releases the memory that the work uses.
class Job {
 public:
  using Work = std::function<void(Run&)>;

  // Starts `work` and returns a JavaScript function that cancels it. `memory` is held until the work is over.
  static Napi::Value start(Napi::Env env, Napi::Value listener, Memory memory, Work work);

 private:
  explicit Job(Work work);
  void compute() noexcept;
  void send(Status& status) noexcept;

  static void notify(Napi::Env env, Napi::Function listener, Job* job, Status* status);
  static void finalize(Napi::Env env, std::shared_ptr<Job>* owner, Job* job);
  using Channel = Napi::TypedThreadSafeFunction<Job, Status, &Job::notify>;

  Work work_;
  Run run_;
  Status progress_ = Status::progress;  // the channel carries pointers to these two
  Status outcome_ = Status::failed;
  std::string message_;
  std::atomic<double> fraction_{0};
  std::atomic<bool> closed_{false};  // the channel is closing with its environment
  Channel channel_;
  Memory memory_;
  Thread thread_;

  friend class Registry;
};

}  // namespace deepntk
