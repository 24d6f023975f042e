#include "server/db/transaction_scope.hpp"

namespace argosy::server {
namespace {

thread_local const TransactionScope* present = nullptr;

}  // namespace

const std::string& transaction_origin() {
  static const std::string nobody;
  return present == nullptr ? nobody : present->origin;
}

namespace detail {

TransactionScopeGuard::TransactionScopeGuard(const TransactionScope* scope) {
  present = scope;
}
TransactionScopeGuard::~TransactionScopeGuard() {
  present = nullptr;
}

std::shared_ptr<const TransactionScope> scope_of(const boost::asio::any_io_executor& executor) {
  const auto* scoped = executor.target<ScopedExecutor>();
  return scoped == nullptr ? nullptr : scoped->scope();
}

}  // namespace detail
}  // namespace argosy::server
