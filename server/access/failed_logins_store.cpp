#include "server/access/failed_logins_store.hpp"

#include <nlohmann/json.hpp>

#include "server/journal/journal_store.hpp"

namespace argosy::server {

void AppendFailedLogins::operator()(pqxx::work& transaction) const {
  for (const FailedLogins::Count& count : counts) {
    append_audit(transaction, "anonymous", "user.login_failed", "user/" + count.account,
                 nlohmann::json{{"address", count.address}, {"failures", count.failures}, {"reason", reason}}.dump());
  }
}

}  // namespace argosy::server
