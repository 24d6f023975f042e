// To whom an alert was told, or why to nobody. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/notify/delivery.hpp"

namespace argosy::server {

// What is known of an alert that no delivery is about.
struct UntoldAlert {
  std::string state;  // "pending", "firing" or "resolved"
  std::optional<std::int64_t> inhibited_by = {};
  std::optional<std::int64_t> silenced_by = {};
  bool was_told = false;  // to the routes that would have it
  bool waits = false;     // it is told, and lies in the outbox
};
enum class WhyUntold : std::uint8_t { waits, pending, silenced, inhibited, held_back, no_route };
std::string_view to_string(WhyUntold why);
WhyUntold why_untold(const UntoldAlert& alert);
// One sentence for a person.
std::string describe_untold(const UntoldAlert& alert);

struct AlertTelling {
  std::vector<Delivery> deliveries;  // newest first, at most most_deliveries_of_alert
  std::int64_t total = 0;
  std::optional<UntoldAlert> untold;  // nobody was told
};
inline constexpr std::int64_t most_deliveries_of_alert = 100;
nlohmann::json telling_to_json(const AlertTelling& telling);

}  // namespace argosy::server
