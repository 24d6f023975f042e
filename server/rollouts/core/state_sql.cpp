#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {

std::string sql_states(bool (*is_in)(RolloutState)) {
  return sql_words(all_rollout_states(), is_in);
}

std::string sql_steps(bool (*is_in)(DeviceStep)) {
  return sql_words(all_device_steps(), is_in);
}

std::string sql_causes(bool (*is_in)(std::string_view)) {
  return sql_words(all_causes(), is_in);
}

}  // namespace argosy::server
