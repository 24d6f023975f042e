#include "server/telemetry/stored/packed_rows_store.hpp"

#include "server/db/binary_read.hpp"

namespace argosy::server {

void visit_packed_records(pqxx::work& transaction, const PackedRecordsWanted& wanted,
                          const std::function<void(std::int64_t epoch, const PackedWindow&)>& visit) {
  std::string sql = "select epoch, packed from telemetry_packed where device_id = " + transaction.quote(wanted.device) +
                    " and first_seq <= " + std::to_string(wanted.last_seq) +
                    " and last_seq >= " + std::to_string(wanted.first_seq);
  if (wanted.epoch) sql += " and epoch = " + std::to_string(*wanted.epoch);
  BinaryRead rows(transaction, sql);
  while (rows.next()) {
    const auto packed = unpack_windows(rows.bytea(1), no_parts);
    if (!packed) continue;
    for (const auto& one : *packed) {
      const auto seq = static_cast<std::int64_t>(one.seq);
      if (seq >= wanted.first_seq && seq <= wanted.last_seq) visit(rows.bigint(0), one);
    }
  }
}

}  // namespace argosy::server
