#include "threads.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace deepntk {

struct Thread::Task {
  std::function<void()> body;
  std::mutex mutex;
  std::condition_variable finished;
  bool over = false;
};

// The idle threads of the process, the one that was busy last at the end. Never destroyed: they outlive
// static objects.
struct Thread::Keeper {
  static constexpr std::chrono::seconds kPatience{5};

  struct Idle {
    std::condition_variable wake;
    std::shared_ptr<Task> next;
  };

  static Keeper& instance() {
    static auto* const keeper = new Keeper;
    return *keeper;
  }

  // Whether an idle thread took the task.
  bool give(const std::shared_ptr<Task>& task) {
    std::lock_guard<std::mutex> lock(mutex);
    if (idle.empty()) return false;
    Idle* const thread = idle.back();
    idle.pop_back();
    thread->next = task;
    thread->wake.notify_one();
    return true;
  }

  void serve(std::shared_ptr<Task> task) {
    Idle self;
    while (task != nullptr) {
      task->body();
      task->body = nullptr;
      {
        // Idle before the task is over: whoever waited for its end finds this thread.
        std::lock_guard<std::mutex> lock(mutex);
        idle.push_back(&self);
      }
      {
        std::lock_guard<std::mutex> lock(task->mutex);
        task->over = true;
      }
      task->finished.notify_all();
      task.reset();
      std::unique_lock<std::mutex> lock(mutex);
      if (!self.wake.wait_for(lock, kPatience, [&] { return self.next != nullptr; })) {
        idle.erase(std::find(idle.begin(), idle.end(), &self));
      }
      task = std::move(self.next);
    }
  }

  std::mutex mutex;
  std::vector<Idle*> idle;
};

Thread::Thread(std::function<void()> body) : task_(std::make_shared<Task>()) {
  task_->body = std::move(body);
  Keeper& keeper = Keeper::instance();
  if (!keeper.give(task_)) std::thread([&keeper, task = task_] { keeper.serve(task); }).detach();
}

void Thread::join() {
  std::unique_lock<std::mutex> lock(task_->mutex);
  task_->finished.wait(lock, [this] { return task_->over; });
  lock.unlock();
  task_.reset();
}

}  // namespace deepntk
