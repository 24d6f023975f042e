#include "server/retention/retention_store.hpp"

#include <string>

#include "server/db/rows.hpp"

namespace argosy::server {

std::size_t RemoveOld::operator()(pqxx::work& transaction) const {
  return transaction.exec_params(std::string(rule.sql), before, static_cast<std::int64_t>(limit)).affected_rows();
}

}  // namespace argosy::server
