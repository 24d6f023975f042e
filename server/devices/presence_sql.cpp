#include "server/devices/presence_sql.hpp"

#include "common/base/sql_words.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

std::string reachable_sql(const std::string& device_state) {
  return device_state + ".presence in (" + sql_words(all_presences, is_reachable) + ")";
}

}  // namespace argosy::server
