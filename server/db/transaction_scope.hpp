// What goes with each transaction that one request causes, without passing it through every function in between: from
// where the request comes, and what its first writing transaction commits as well. Carried by the executor on which the
// request's coroutine runs; DbPool::transact finds it there. What a coroutine spawns on another executor is outside.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <pqxx/pqxx>

#include "common/base/error.hpp"

namespace argosy::server {

struct TransactionScope {
  std::string origin;  // "192.0.2.7"
  // Runs inside each transaction that wrote something, last before its commit, on a DB thread; an error rolls back.
  std::function<Result<void>(pqxx::work&)> before_commit;
};

// The origin of the transaction that runs on this DB thread; empty when nobody asked for it from outside.
const std::string& transaction_origin();

namespace detail {

class TransactionScopeGuard {  // on a DB thread, while a job runs
 public:
  explicit TransactionScopeGuard(const TransactionScope* scope);
  ~TransactionScopeGuard();
  TransactionScopeGuard(const TransactionScopeGuard&) = delete;
  TransactionScopeGuard& operator=(const TransactionScopeGuard&) = delete;
};

// An executor like the one inside, with a scope that coroutines on it can find.
class ScopedExecutor {
 public:
  ScopedExecutor(boost::asio::any_io_executor inner, std::shared_ptr<const TransactionScope> scope)
      : inner_(std::move(inner)), scope_(std::move(scope)) {}

  const std::shared_ptr<const TransactionScope>& scope() const { return scope_; }

  template <class Property>
  auto query(const Property& property) const
      -> decltype(boost::asio::query(std::declval<const boost::asio::any_io_executor&>(), property)) {
    return boost::asio::query(inner_, property);
  }
  template <class Property>
  requires boost::asio::can_require_v<const boost::asio::any_io_executor&, Property> ScopedExecutor
  require(const Property& property)
  const { return {boost::asio::require(inner_, property), scope_}; }
  template <class Property>
  requires boost::asio::can_prefer_v<const boost::asio::any_io_executor&, Property> ScopedExecutor
  prefer(const Property& property)
  const { return {boost::asio::prefer(inner_, property), scope_}; }
  template <class Function>
  void execute(Function&& function) const {
    inner_.execute(std::forward<Function>(function));
  }
  bool operator==(const ScopedExecutor& other) const noexcept {
    return inner_ == other.inner_ && scope_ == other.scope_;
  }
  bool operator!=(const ScopedExecutor& other) const noexcept { return !(*this == other); }

 private:
  boost::asio::any_io_executor inner_;
  std::shared_ptr<const TransactionScope> scope_;
};

std::shared_ptr<const TransactionScope> scope_of(const boost::asio::any_io_executor& executor);

}  // namespace detail

// Awaits `task` inside the scope.
template <class T>
boost::asio::awaitable<T> in_scope(boost::asio::any_io_executor io, std::shared_ptr<const TransactionScope> scope,
                                   boost::asio::awaitable<T> task) {
  boost::asio::any_io_executor scoped = detail::ScopedExecutor(std::move(io), std::move(scope));
  co_return co_await boost::asio::co_spawn(scoped, std::move(task), boost::asio::use_awaitable);
}

}  // namespace argosy::server
