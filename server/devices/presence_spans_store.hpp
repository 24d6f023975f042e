// The SQL that keeps when each device was there. In the transaction that changes presence; DB threads.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

// Rows that a device may begin in 24 hours; what it changes beyond that goes into the newest of them.
inline constexpr int most_spans_a_day = 96;

struct NewPresence {
  std::string device;
  Presence presence = Presence::online;
  PresenceCause cause = PresenceCause::heard;
  std::string reason;
};
void keep_spans(pqxx::work& transaction, const std::vector<NewPresence>& changes, Instant now);

}  // namespace argosy::server
