#include "server/access/password_desk.hpp"

namespace argosy::server {

Task<Result<void>> PasswordDesk::wait_for_turn(std::string address) {
  if (!busy_) {
    busy_ = true;
    co_return Result<void>{};
  }
  const auto io = co_await boost::asio::this_coro::executor;
  const auto waiter = std::make_shared<Waiter>(io);
  if (const auto turned_away = line_.push(address, waiter)) {
    ++refused_;
    (*turned_away)->refused = true;
    (*turned_away)->turn.cancel();
  }
  if (!waiter->refused) {
    co_await waiter->turn.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  if (waiter->refused)
    co_return make_error(Errc::rate_limited, "too many people sign in at once; try again in a second");
  co_return Result<void>{};
}

void PasswordDesk::next() {
  if (const auto waiter = line_.pop()) {
    (*waiter)->turn.cancel();
  } else {
    busy_ = false;
  }
}

}  // namespace argosy::server
