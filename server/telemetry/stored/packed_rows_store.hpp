// The records of an outbox that lie in telemetry_packed, for those who ask by sequence. On DB threads, inside their
// transactions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "server/telemetry/stored/packed_windows.hpp"

namespace argosy::server {

struct PackedRecordsWanted {
  std::string device;
  std::optional<std::int64_t> epoch = {};  // as telemetry_windows has it; none: of any
  std::int64_t first_seq = 0;
  std::int64_t last_seq = INT64_MAX;
};

// Row by row, with no part of the windows but their columns. A row that cannot be unpacked is left out.
void visit_packed_records(pqxx::work& transaction, const PackedRecordsWanted& wanted,
                          const std::function<void(std::int64_t epoch, const PackedWindow&)>& visit);

}  // namespace argosy::server
