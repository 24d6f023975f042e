// The windows of an outbox, packed or not, for those who ask by sequence. On DB threads, inside their transactions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <pqxx/pqxx>

#include "server/telemetry/stored/packed_windows.hpp"

namespace argosy::server {

struct WindowRecordsWanted {
  std::string device;
  std::optional<std::int64_t> epoch = {};  // as telemetry_windows has it; none: of any
  std::int64_t first_seq = 0;
  std::int64_t last_seq = INT64_MAX;
};

struct WindowRecord {
  std::int64_t epoch = 0;
  std::uint64_t seq = 0;
  std::optional<wire::ChainLink> link = {};
};

// Each of them as often as it is stored. A row that cannot be unpacked is left out.
void visit_window_records(pqxx::work& transaction, const WindowRecordsWanted& wanted,
                          const std::function<void(const WindowRecord&)>& visit);

}  // namespace argosy::server
