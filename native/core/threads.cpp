#include "threads.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace deepntk {

struct Thread::Task {
  std::function<void()> body;
  std::mutex mutex;
  std::condition_variable finished;
  bool over = false;
};

// The idle threads of the process, as a list, the one that was busy last at its top: nothing is allocated
// when a task ends. Never destroyed: they outlive static objects.
struct Thread::Keeper {
  static constexpr std::chrono::seconds kPatience{5};

  struct Idle {
    std::condition_variable wake;
    std::shared_ptr<Task> task;
    Idle* below = nullptr;
  };

  static Keeper& instance() {
    static auto* const keeper = new Keeper;
    return *keeper;
  }

  // Whether an idle thread took the task.
  bool give(const std::shared_ptr<Task>& task) {
    std::lock_guard<std::mutex> lock(mutex);
    if (top == nullptr) return false;
    Idle* const thread = std::exchange(top, top->below);
    thread->task = task;
    thread->wake.notify_one();
    return true;
  }

  void remove(const Idle& thread) {
    Idle** at = &top;
    while (*at != &thread) at = &(*at)->below;
    *at = thread.below;
  }

  void serve(std::shared_ptr<Task> task) {
    Idle self;
    while (task != nullptr) {
      task->body();
      task->body = nullptr;
      {
        // Idle before the task is over: whoever waited for its end finds this thread.
        std::lock_guard<std::mutex> lock(mutex);
        self.below = std::exchange(top, &self);
      }
      {
        std::lock_guard<std::mutex> lock(task->mutex);
        task->over = true;
      }
      task->finished.notify_all();
      task.reset();
      std::unique_lock<std::mutex> lock(mutex);
      const auto patience = keeps ? kPatience : std::chrono::seconds(0);
      if (!self.wake.wait_for(lock, patience, [&] { return self.task != nullptr; })) remove(self);
      task = std::move(self.task);
    }
  }

  std::mutex mutex;
  Idle* top = nullptr;
  bool keeps = true;
};

Thread::Thread(std::function<void()> body) : task_(std::make_shared<Task>()) {
  task_->body = std::move(body);
  Keeper& keeper = Keeper::instance();
  if (!keeper.give(task_)) std::thread([&keeper, task = task_] { keeper.serve(task); }).detach();
}

Thread& Thread::operator=(Thread&& other) {
  if (joinable()) std::terminate();
  task_ = std::move(other.task_);
  return *this;
}

Thread::~Thread() {
  if (joinable()) std::terminate();
}

void Thread::keep(bool idle) {
  Keeper& keeper = Keeper::instance();
  std::lock_guard<std::mutex> lock(keeper.mutex);
  keeper.keeps = idle;
}

void Thread::join() {
  std::unique_lock<std::mutex> lock(task_->mutex);
  task_->finished.wait(lock, [this] { return task_->over; });
  lock.unlock();
  task_.reset();
}

}  // namespace deepntk
