#include "server/telemetry/stored/window_records_store.hpp"

#include "server/db/binary_read.hpp"

namespace argosy::server {

void visit_window_records(pqxx::work& transaction, const WindowRecordsWanted& wanted,
                          const std::function<void(const WindowRecord&)>& visit) {
  const std::string first = std::to_string(wanted.first_seq), last = std::to_string(wanted.last_seq);
  std::string of_outbox = " where device_id = " + transaction.quote(wanted.device);
  if (wanted.epoch) of_outbox += " and epoch = " + std::to_string(*wanted.epoch);
  // One statement, so that what is packed meanwhile is found once.
  BinaryRead rows(transaction, "select epoch, seq, link, null::bytea from telemetry_unpacked" + of_outbox +
                                   " and seq between " + first + " and " + last +
                                   " union all select epoch, null, null, packed from telemetry_packed" + of_outbox +
                                   " and first_seq <= " + last + " and last_seq >= " + first);
  while (rows.next()) {
    const auto epoch = rows.bigint(0);
    if (rows.is_null(3)) {
      const auto link = rows.is_null(2) ? std::nullopt : std::optional(static_cast<wire::ChainLink>(rows.bigint(2)));
      visit({epoch, static_cast<std::uint64_t>(rows.bigint(1)), link});
      continue;
    }
    const auto packed = unpack_windows(rows.bytea(3), no_parts);
    if (!packed) continue;
    for (const auto& one : *packed) {
      const auto seq = static_cast<std::int64_t>(one.seq);
      if (seq >= wanted.first_seq && seq <= wanted.last_seq) visit({epoch, one.seq, one.link});
    }
  }
}

}  // namespace argosy::server
