#include "server/devices/standing_store.hpp"

#include <string>

namespace argosy::server {

std::optional<Standing> ReadStanding::operator()(pqxx::work& transaction) const {
  const pqxx::result rows = transaction.exec_params(
      R"sql(
        select certificate_fingerprint, desired_rev
        from devices
        where id = $1 and revoked_at is null and certificate_fingerprint is not null
      )sql",
      device.value());
  if (rows.empty()) return std::nullopt;
  auto certificate = Digest::parse(rows[0][0].as<std::string>());
  if (!certificate) return std::nullopt;
  return Standing{*certificate, rows[0][1].as<std::int64_t>()};
}

}  // namespace argosy::server
