// The fence of those who lead: a number in the database that each new holder of a SessionLock raises. What runs on a
// FencedExecutor is the work of one term, and DbPool refuses its transactions once the number is another: a leader that
// stood still and wakes up writes nothing. Knows no domain word.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <pqxx/pqxx>

#include "common/base/error.hpp"

namespace argosy::server {

struct Fence {
  std::int64_t key = 0;  // of the SessionLock
  std::int64_t number = 0;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// Runs things where `inner` does; whoever awaits DbPool in a coroutine that was spawned on it is fenced, however deep.
class FencedExecutor {
 public:
  FencedExecutor(boost::asio::any_io_executor inner, Fence fence) noexcept : inner_(std::move(inner)), fence_(fence) {}
  const Fence& fence() const noexcept { return fence_; }

  template <class Function>
  void execute(Function&& function) const {
    inner_.execute(std::forward<Function>(function));
  }
  template <class Property,
            class = std::enable_if_t<boost::asio::can_query<const boost::asio::any_io_executor&, Property>::value>>
  decltype(auto) query(const Property& property) const {
    return boost::asio::query(inner_, property);
  }
  template <class Property,
            class = std::enable_if_t<boost::asio::can_require<const boost::asio::any_io_executor&, Property>::value>>
  FencedExecutor require(const Property& property) const {
    return {boost::asio::require(inner_, property), fence_};
  }
  template <class Property,
            class = std::enable_if_t<boost::asio::can_prefer<const boost::asio::any_io_executor&, Property>::value>>
  FencedExecutor prefer(const Property& property) const {
    return {boost::asio::prefer(inner_, property), fence_};
  }
  friend bool operator==(const FencedExecutor& a, const FencedExecutor& b) noexcept {
    return a.fence_ == b.fence_ && a.inner_ == b.inner_;
  }
  friend bool operator!=(const FencedExecutor& a, const FencedExecutor& b) noexcept { return !(a == b); }

 private:
  boost::asio::any_io_executor inner_;
  Fence fence_;
};

// The fence of what runs there, if any.
std::optional<Fence> fence_of(const boost::asio::any_io_executor& executor);

// Takes the next number; waits for the transactions of the term before, which hold the fence until they end.
std::int64_t raise_fence(pqxx::connection_base& connection, std::int64_t key);
// At the beginning of a fenced transaction: Errc::unavailable when another term has begun. None begins before this
// transaction ends.
Result<void> hold_fence(pqxx::work& transaction, const Fence& fence);

}  // namespace argosy::server
