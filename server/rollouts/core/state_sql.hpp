// States and causes of rollouts and their devices in SQL, from the enums and the rules about them. Pure. Quoted words,
// parted by commas, for `in (...)` and `array[...]`.
#pragma once

#include <string>
#include <string_view>

#include "common/base/sql_words.hpp"
#include "server/rollouts/core/rollout.hpp"

namespace argosy::server {

std::string sql_states(bool (*is_in)(RolloutState));
std::string sql_steps(bool (*is_in)(DeviceStep));
std::string sql_causes(bool (*is_in)(std::string_view));

}  // namespace argosy::server
