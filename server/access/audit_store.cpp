#include "server/access/audit_store.hpp"

namespace argosy::server {

AuditPage ListAudit::operator()(pqxx::work& transaction) const {
  const std::string condition =
      " from audit where ($1::text is null or actor = $1) and ($2::text is null or object = $2)";
  AuditPage page;
  page.total = transaction.exec_params1("select count(*)" + condition, actor, object)[0].as<std::int64_t>();
  const auto rows = transaction.exec_params(
      "select id, (extract(epoch from at) * 1000)::bigint, actor, action, object, details::text" + condition +
          " and id < $3 order by id desc limit $4",
      actor, object, before, static_cast<std::int64_t>(limit));
  for (const auto& row : rows) {
    page.items.push_back({row[0].as<std::int64_t>(), instant_from_ms(row[1].as<std::int64_t>()),
                          row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<std::string>(),
                          row[5].as<std::string>()});
  }
  return page;
}

}  // namespace argosy::server
