#include "job.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <set>

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "../core/floating_point.hpp"

namespace deepntk {

// Keeps the library in memory until the process ends, because our idle threads run its code. Node unloads a
// library that only a worker had loaded when that worker ends. Returns whether it succeeded.
static bool keepLoaded() {
  static const char here = 0;
#ifdef _WIN32
  HMODULE library;
  return GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN, &here,
                            &library) != 0;
#else
  Dl_info library;
  return dladdr(&here, &library) != 0 &&
         dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
#endif
}

// All jobs whose threads run. process.exit() destroys the static objects of the C++ library and of OpenBLAS
// while such threads use them, so an exit handler stops the threads first. The registry is never destroyed.
class Registry {
 public:
  static Registry& instance() {
    static auto* registry = new Registry;
    return *registry;
  }

  void add(Job* job) {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.insert(job);
  }

  void remove(Job* job) {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.erase(job);
    if (jobs_.empty()) empty_.notify_all();
  }

  bool exiting() const { return exiting_.load(); }

 private:
  Registry() {
    Thread::keep(keepLoaded());
    std::atexit([] { instance().stopAll(); });
  }

  void stopAll() {
    std::unique_lock<std::mutex> lock(mutex_);
    exiting_.store(true);
    for (Job* job : jobs_) job->run_.cancel();
    empty_.wait_for(lock, std::chrono::seconds(2), [this] { return jobs_.empty(); });
  }

  std::mutex mutex_;
  std::condition_variable empty_;
  std::set<Job*> jobs_;
  std::atomic<bool> exiting_{false};
};

Job::Job(Work work)
    : work_(std::move(work)), run_([this](double fraction) {
        fraction_.store(fraction);
        send(progress_);
      }) {}

Napi::Value Job::start(Napi::Env env, Napi::Value listener, Memory memory, Work work) {
  if (!listener.IsFunction()) throw Napi::TypeError::New(env, "expected a listener function");
  Registry::instance();  // registers the exit handler, after those of the libraries that it must run before
  std::shared_ptr<Job> job(new Job(std::move(work)));
  auto* const owner = new std::shared_ptr<Job>(job);
  job->channel_ =
      Channel::New(env, listener.As<Napi::Function>(), "deepntk", 0, 1, job.get(), &Job::finalize, owner);
  job->memory_ = std::move(memory);
  Registry::instance().add(job.get());
  try {
    job->thread_ = Thread([raw = job.get()] { raw->compute(); });
  } catch (const std::exception& error) {
    Registry::instance().remove(job.get());
    job->channel_.Release();
    throw Napi::Error::New(env, error.what());
  }
  return Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->run_.cancel(); });
}

void Job::compute() noexcept {
  const StandardFloatingPoint mode;  // also for jobs that compute on a GPU
  try {
    work_(run_);
    outcome_ = Status::done;
  } catch (const Cancelled&) {
    outcome_ = Status::cancelled;
  } catch (const std::bad_alloc&) {
    outcome_ = Status::outOfMemory;
  } catch (const std::exception& error) {
    message_ = error.what();
  } catch (...) {
    message_ = "unknown failure";
  }
  send(outcome_);
  if (!closed_.load() && !Registry::instance().exiting()) channel_.Release();
  Registry::instance().remove(this);
}

void Job::send(Status& status) noexcept {
  if (closed_.load() || Registry::instance().exiting()) return;
  // After napi_closing the channel must not be used again: its finalizer joins this thread and deletes it.
  if (channel_.NonBlockingCall(&status) == napi_closing) closed_.store(true);
}

void Job::notify(Napi::Env env, Napi::Function listener, Job* job, Status* status) {
  if (env == nullptr || listener.IsEmpty()) return;  // the queue is emptied; the job may be gone
  try {
    const Napi::HandleScope scope(env);
    Napi::Value detail = env.Undefined();
    if (*status == Status::progress) detail = Napi::Number::New(env, job->fraction_.load());
    if (*status == Status::failed) detail = Napi::String::New(env, job->message_);
    listener.Call({Napi::Number::New(env, static_cast<int>(*status)), detail});
  } catch (...) {
    // The environment is terminating, so nobody listens any more. The listener itself does not throw.
  }
}

void Job::finalize(Napi::Env, std::shared_ptr<Job>* owner, Job* job) {
  job->run_.cancel();
  if (job->thread_.joinable()) job->thread_.join();
  job->memory_ = {};
  job->work_ = nullptr;
  delete owner;
}

}  // namespace deepntk
