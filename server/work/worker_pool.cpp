#include "server/work/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace argosy::server {

struct WorkerPool::Impl {
  explicit Impl(Options given) : options(given) {}

  Options options;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::deque<Job> queue;
  std::vector<std::jthread> threads;

  std::optional<Job> next(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    if (!wake.wait(lock, stop, [this] { return !queue.empty(); }) || stop.stop_requested()) return std::nullopt;
    Job job = std::move(queue.front());
    queue.pop_front();
    return job;
  }

  void serve(const std::stop_token& stop) {
    while (auto job = next(stop)) (*job)(stop);
  }
};

WorkerPool::WorkerPool(boost::asio::any_io_executor io, Options options)
    : impl_(std::make_unique<Impl>(options)), io_(std::move(io)) {
  for (std::size_t i = 0; i < options.threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()](std::stop_token stop) { impl->serve(stop); });
  }
}

WorkerPool::~WorkerPool() {
  for (std::jthread& thread : impl_->threads) thread.request_stop();
  impl_->threads.clear();  // joins
}

bool WorkerPool::submit(Job job) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->queue.size() >= impl_->options.queue_limit) return false;
  impl_->queue.push_back(std::move(job));
  impl_->wake.notify_one();
  return true;
}

}  // namespace argosy::server
