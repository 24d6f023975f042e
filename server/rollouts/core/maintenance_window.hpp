// When in the week a device may be told, by the clock on its wall. Pure: whoever asks knows what that clock shows -
// PostgreSQL keeps the time zones - and passes it as a WallTime. Windows begin on a day of the week and may cross
// midnight; the shortest is 15 minutes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/instant.hpp"

namespace argosy {
class JsonReader;
}

namespace argosy::server {

// What a clock on a wall shows, as if that wall stood in UTC.
using WallTime = std::chrono::local_time<Duration>;

inline constexpr std::string_view zone_of_the_device = "device";  // as a policy's time_zone
inline constexpr std::string_view time_zone_label = "time_zone";  // of a device
inline constexpr std::string_view zone_without_label = "UTC";

struct Maintenance {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  // a window begins, Monday first
  std::chrono::minutes from{};                                         // after midnight
  std::chrono::minutes length{24 * 60};
  std::string time_zone{zone_of_the_device};  // or an IANA name, for all devices
  friend bool operator==(const Maintenance&, const Maintenance&) = default;
};

// {"days": ["mon", "tue"], "from": "22:00", "to": "05:00", "time_zone": "Europe/Berlin"}. Whether there is such a zone
// is not looked at here.
void read_maintenance(JsonReader& in, std::optional<Maintenance>& maintenance);
nlohmann::json encode(const Maintenance& maintenance);

bool is_inside(const Maintenance& maintenance, WallTime wall);
// When the next window opens; `wall` inside one.
WallTime next_opening(const Maintenance& maintenance, WallTime wall);
// From when to `wall` windows were open for so long in all: the time outside them does not count.
WallTime open_since(const Maintenance& maintenance, WallTime wall, Duration open_for);

}  // namespace argosy::server
