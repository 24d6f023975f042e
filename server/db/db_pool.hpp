// A handful of threads with one PostgreSQL connection each; coroutines hand them blocking work. Knows no domain word.
// Bounded: when the queue is full, run() answers Errc::unavailable at once. Lives from start to shutdown.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <pqxx/pqxx>

#include "common/base/error.hpp"
#include "server/db/fence.hpp"
#include "server/db/transaction_scope.hpp"

namespace argosy::server {

class Metrics;

namespace detail {
template <class T>
struct as_result {
  using type = Result<T>;
};
template <class T>
struct as_result<Result<T>> {
  using type = Result<T>;
};
}  // namespace detail

class DbPool {
 public:
  struct Options {
    std::string conninfo;
    std::size_t threads = 4;
    std::size_t queue_limit = 1024;
    std::chrono::milliseconds statement_timeout{15000};
    // Prepared statements are planned anew as often: tables grow before PostgreSQL notes how large they are.
    std::chrono::milliseconds plans_last{10000};
  };
  // Connections are made on their threads and again after a failure; the constructor does not wait for them.
  DbPool(boost::asio::any_io_executor io, Options options);
  ~DbPool();  // waits for running work; what is still queued never runs, and its callers never resume
  DbPool(const DbPool&) = delete;
  DbPool& operator=(const DbPool&) = delete;

  // Whether the database answers: one empty transaction.
  boost::asio::awaitable<Result<void>> ping();

  struct Counters {
    std::uint64_t transactions = 0;
    std::uint64_t failures = 0;  // answered with an error of the database, not of the work itself
    std::uint64_t retries = 0;
    std::uint64_t refused = 0;      // the queue was full
    std::uint64_t connections = 0;  // made since the start
    std::size_t queued = 0;
  };
  Counters counters() const;  // any thread

  // Runs `work(pqxx::work&)` - a named functor that owns its arguments and returns T or Result<T> - inside one
  // transaction on a DB thread and resumes the caller on the I/O executor. Commits when it returned a value, rolls back
  // on an error or exception. Every pqxx exception becomes an Error (db_error.hpp). Serialization failures, deadlocks
  // and a connection found broken before the commit was sent are retried (up to 3 times): `work` must be repeatable.
  // In a coroutine on a FencedExecutor the transaction first makes sure that its term still lasts (fence.hpp).
  template <class Work>
  auto transact(Work work)
      -> boost::asio::awaitable<typename detail::as_result<std::invoke_result_t<Work&, pqxx::work&>>::type>;
  // The same with a Work made of `arguments`: `co_await db.transact<FindToken>(hash, now)`, without a temporary in
  // braces beside the co_await (common/base/error.hpp).
  template <class Work, class... Arguments>
  auto transact(Arguments&&... arguments) {
    return transact(Work{std::forward<Arguments>(arguments)...});
  }

 private:
  using Job = std::function<Result<void>(pqxx::work&)>;  // fills its own result slot
  // `job` within the fence.
  static Job fenced(Job job, Fence fence);
  // Queues `job`; `done` is called on the DB thread with the outcome of the transaction. `scope` may be null.
  void submit(std::shared_ptr<const TransactionScope> scope, Job job, std::function<void(Result<void>)> done);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  boost::asio::any_io_executor io_;
};

template <class Work>
auto DbPool::transact(Work work)
    -> boost::asio::awaitable<typename detail::as_result<std::invoke_result_t<Work&, pqxx::work&>>::type> {
  using Raw = std::invoke_result_t<Work&, pqxx::work&>;
  using R = typename detail::as_result<Raw>::type;
  const auto executor = co_await boost::asio::this_coro::executor;
  auto scope = detail::scope_of(executor);
  auto initiate = [this, fence = fence_of(executor), scope = std::move(scope)](auto handler, Work owned) {
    auto shared_work = std::make_shared<Work>(std::move(owned));
    auto slot = std::make_shared<R>(make_error(Errc::internal, "the work did not run"));
    auto shared_handler = std::make_shared<decltype(handler)>(std::move(handler));
    Job job = [shared_work, slot](pqxx::work& transaction) -> Result<void> {
      if constexpr (std::is_void_v<Raw>) {
        (*shared_work)(transaction);
        *slot = R{};
      } else {
        *slot = (*shared_work)(transaction);
      }
      if (!*slot) return slot->error();
      return {};
    };
    // Tracked: an io_context does not run out of work while a transaction is under way.
    auto io = boost::asio::prefer(io_, boost::asio::execution::outstanding_work.tracked);
    auto done = [slot, shared_handler, io](Result<void> outcome) {
      if (!outcome) *slot = std::move(outcome).error();
      boost::asio::post(io, [slot, shared_handler] { std::move (*shared_handler)(std::move(*slot)); });
    };
    submit(scope, fence ? fenced(std::move(job), *fence) : std::move(job), std::move(done));
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(R)>(
      std::move(initiate), boost::asio::use_awaitable, std::move(work));
}

void add_metrics(Metrics& metrics, const DbPool& db);

}  // namespace argosy::server
