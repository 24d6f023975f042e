#include "server/db/fence.hpp"

#include <string>

#include "server/db/advisory_locks.hpp"

namespace argosy::server {

std::optional<Fence> fence_of(const boost::asio::any_io_executor& executor) {
  const auto* fenced = executor.target<FencedExecutor>();
  if (fenced == nullptr) return std::nullopt;
  return fenced->fence();
}

std::int64_t raise_fence(pqxx::connection_base& connection, std::int64_t key) {
  pqxx::work transaction(connection);
  transaction.exec(advisory_lock::wait_in_transaction(advisory_lock::fence_beside(key)));
  const auto number = transaction
                          .exec_params1(
                              "insert into fences (key, number) values ($1, 1) "
                              "on conflict (key) do update set number = fences.number + 1 returning number",
                              key)[0]
                          .as<std::int64_t>();
  transaction.commit();
  return number;
}

Result<void> hold_fence(pqxx::work& transaction, const Fence& fence) {
  // Two statements in one message: the second sees what a raise that the first waited for has written. Who stands still
  // in a transaction must not keep the next one from leading for long.
  const auto rows = transaction.exec("set local idle_in_transaction_session_timeout = 5000; " +
                                     advisory_lock::share_in_transaction(advisory_lock::fence_beside(fence.key)) +
                                     "; select number from fences where key = " + std::to_string(fence.key));
  if (!rows.empty() && rows[0][0].as<std::int64_t>() == fence.number) return {};
  return make_error(Errc::unavailable, "another instance leads now: what this one still had to do is dropped");
}

}  // namespace argosy::server
