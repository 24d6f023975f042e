// One thread for work that blocks: hashing, patching, validating, switching. Jobs run in order; the queue is bounded.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace argosy::agent {

class JobThread {
 public:
  static constexpr std::size_t queue_limit = 256;

  JobThread();
  ~JobThread();  // finishes the job that runs, drops those that wait
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  // From any thread; false when the queue is full.
  bool post(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace argosy::agent
