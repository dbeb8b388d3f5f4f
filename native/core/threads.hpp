// Threads that are kept for the next task. A new thread may be put on the core of the one that starts it, and
// wait there until that one's time slice is over: milliseconds, as long as a small kernel takes. One that
// sleeps is woken on an idle core.
#pragma once

#include <functional>
#include <memory>

namespace deepntk {

// A task on a thread of the process: one that is idle, or else a new one, which is kept for some seconds
// after its last task. Threads begin a task in the floating-point mode that another left; a task sets its
// own.
class Thread {
 public:
  Thread() = default;
  // `task` does not throw. Throws std::system_error where the system has no more threads.
  explicit Thread(std::function<void()> task);
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other);
  // As std::thread: a task that nobody has waited for ends the process.
  ~Thread();

  // Whether threads may be kept, as they are by default; where not, each ends with its task. For a library
  // that may be unloaded.
  static void keep(bool idle);

  bool joinable() const { return task_ != nullptr; }
  // Waits until the task is over.
  void join();

 private:
  struct Task;
  struct Keeper;
  std::shared_ptr<Task> task_;
};

}  // namespace deepntk
