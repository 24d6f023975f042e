// Threads for work that would block the I/O thread: hashing, passwords, patches. Knows no domain word. Bounded: when
// the queue is full, run() answers Errc::unavailable at once. Give long jobs (patches) a pool of their own, so that a
// login never waits behind one.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/error.hpp"

namespace argosy::server {

namespace detail {
template <class T>
struct work_result {
  using type = Result<T>;
};
template <class T>
struct work_result<Result<T>> {
  using type = Result<T>;
};
// Work may take a std::stop_token: it is told to stop when the pool shuts down, and should look now and then.
template <class Work>
decltype(auto) call_work(Work& work, std::stop_token stop) {
  if constexpr (std::is_invocable_v<Work&, std::stop_token>) {
    return work(std::move(stop));
  } else {
    return work();
  }
}
template <class Work>
using work_value_t = decltype(call_work(std::declval<Work&>(), std::stop_token{}));
template <class Work>
using work_result_t = typename work_result<work_value_t<Work>>::type;
}  // namespace detail

class WorkerPool {
 public:
  struct Options {
    std::size_t threads = 1;
    std::size_t queue_limit = 256;
  };
  WorkerPool(boost::asio::any_io_executor io, Options options);
  ~WorkerPool();  // asks running work to stop and waits for it; what is still queued never runs
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work()` or `work(std::stop_token)` - a named functor that owns its arguments and returns T or Result<T> - on
  // a worker thread and resumes the caller on the I/O executor. An exception becomes Errc::internal with its text.
  template <class Work>
  auto run(Work work) -> boost::asio::awaitable<detail::work_result_t<Work>>;
  // The same with a Work made of `arguments`.
  template <class Work, class... Arguments>
  auto run(Arguments&&... arguments) {
    return run(Work{std::forward<Arguments>(arguments)...});
  }

 private:
  using Job = std::function<void(std::stop_token)>;
  bool submit(Job job);  // false: the queue is full

  struct Impl;
  std::unique_ptr<Impl> impl_;
  boost::asio::any_io_executor io_;
};

template <class Work>
auto WorkerPool::run(Work work) -> boost::asio::awaitable<detail::work_result_t<Work>> {
  using Raw = detail::work_value_t<Work>;
  using R = detail::work_result_t<Work>;
  auto initiate = [this](auto handler, Work owned) {
    auto shared_work = std::make_shared<Work>(std::move(owned));
    auto slot = std::make_shared<R>(make_error(Errc::unavailable, "the worker's queue is full; try again"));
    auto shared_handler = std::make_shared<decltype(handler)>(std::move(handler));
    // Tracked: an io_context does not run out of work while a job is under way.
    auto io = boost::asio::prefer(io_, boost::asio::execution::outstanding_work.tracked);
    auto resume = [io, slot, shared_handler] {
      boost::asio::post(io, [slot, shared_handler] { std::move (*shared_handler)(std::move(*slot)); });
    };
    const bool accepted = submit([shared_work, slot, resume](std::stop_token stop) {
      try {
        if constexpr (std::is_void_v<Raw>) {
          detail::call_work(*shared_work, std::move(stop));
          *slot = R{};
        } else {
          *slot = detail::call_work(*shared_work, std::move(stop));
        }
      } catch (const std::exception& exception) {
        *slot = make_error(Errc::internal, exception.what());
      }
      resume();
    });
    if (!accepted) resume();
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(R)>(
      std::move(initiate), boost::asio::use_awaitable, std::move(work));
}

}  // namespace argosy::server
