// Where passwords are hashed: one after the other on a worker of its own, addresses in turn, so that who guesses makes
// others wait for one hash at most. Each takes 19 MiB and tens of milliseconds. Full means Errc::rate_limited. On the
// I/O thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/error.hpp"
#include "server/access/fair_line.hpp"
#include "server/base/task.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

class PasswordDesk {
 public:
  PasswordDesk(WorkerPool& worker, std::size_t limit) : worker_(worker), line_(limit) {}

  // Runs `work` when it is the turn of `address`.
  template <class Work>
  auto run(std::string address, Work work) -> Task<detail::work_result_t<Work>>;
  // The same with a Work made of `arguments`.
  template <class Work, class... Arguments>
  auto run(std::string address, Arguments&&... arguments) {
    return run(std::move(address), Work{std::forward<Arguments>(arguments)...});
  }
  std::size_t waiting() const { return line_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  struct Waiter {
    explicit Waiter(boost::asio::any_io_executor io)
        : turn(std::move(io), boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer turn;
    bool refused = false;
  };
  Task<Result<void>> wait_for_turn(std::string address);
  void next();

  WorkerPool& worker_;
  FairLine<std::shared_ptr<Waiter>> line_;
  bool busy_ = false;
  std::uint64_t refused_ = 0;
};

template <class Work>
auto PasswordDesk::run(std::string address, Work work) -> Task<detail::work_result_t<Work>> {
  ARGOSY_CO_CHECK(co_await wait_for_turn(std::move(address)));
  auto outcome = co_await worker_.run(std::move(work));
  next();
  co_return outcome;
}

}  // namespace argosy::server
