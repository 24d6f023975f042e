#include "server/notify/alert_telling.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace argosy::server {

using nlohmann::json;

std::string_view to_string(WhyUntold why) {
  constexpr std::array<std::string_view, 6> words{"waits", "pending", "silenced", "inhibited", "held_back", "no_route"};
  return words[static_cast<std::size_t>(why)];
}

WhyUntold why_untold(const UntoldAlert& alert) {
  if (alert.waits) return WhyUntold::waits;
  if (alert.was_told) return WhyUntold::no_route;
  if (alert.state == "pending") return WhyUntold::pending;
  if (alert.silenced_by) return WhyUntold::silenced;
  return alert.inhibited_by ? WhyUntold::inhibited : WhyUntold::held_back;
}

std::string describe_untold(const UntoldAlert& alert) {
  switch (why_untold(alert)) {
    case WhyUntold::waits:
      return "It is about to be told.";
    case WhyUntold::pending:
      return "Its rule suspects it; it is told once that is sure.";
    case WhyUntold::silenced:
      return "Silence " + std::to_string(*alert.silenced_by) + " covers it.";
    case WhyUntold::inhibited:
      return "Alert " + std::to_string(*alert.inhibited_by) + " stands for it, and is told in its place.";
    case WhyUntold::held_back:
      return "Something held it back: its history says what.";
    case WhyUntold::no_route:
      return "No route wanted it, or its deliveries are past their retention.";
  }
  return {};
}

json telling_to_json(const AlertTelling& telling) {
  auto items = json::array();
  for (const Delivery& delivery : telling.deliveries) items.push_back(delivery_to_json(delivery));
  json untold;
  if (telling.untold)
    untold = {{"reason", to_string(why_untold(*telling.untold))}, {"message", describe_untold(*telling.untold)}};
  return {{"items", std::move(items)}, {"total", telling.total}, {"untold", std::move(untold)}};
}

}  // namespace argosy::server
