#include "server/notify/route_preview.hpp"

#include <nlohmann/json.hpp>

namespace argosy::server {

using nlohmann::json;

json preview_to_json(const RoutePreview& preview) {
  auto newest = json::array();
  for (const ToldEvent& told : preview.newest)
    newest.push_back({{"at", to_rfc3339(told.event.at)},
                      {"kind", told.event.kind},
                      {"severity", told.severity()},
                      {"message", told.event.message}});
  return {{"from", to_rfc3339(preview.from)}, {"to", to_rfc3339(preview.to)}, {"is_cut", preview.is_cut},
          {"events", preview.events},         {"messages", preview.messages}, {"kinds", preview.kinds},
          {"newest", std::move(newest)}};
}

RoutePreview preview_route(RouteSettings settings, const std::vector<EventOfDevice>& events,
                           std::string_view site_label) {
  settings.enabled = true;
  const RouteChoice choice(settings, site_label);
  const std::chrono::seconds gathers{settings.group_wait_s};
  std::map<std::string, Instant> open_until;  // by line
  RoutePreview preview;
  for (const auto& [told, device] : events) {
    if (!choice.wants(told, device ? &*device : nullptr)) continue;
    ++preview.events;
    ++preview.kinds[told.event.kind];
    preview.newest.insert(preview.newest.begin(), told);
    if (preview.newest.size() > most_previewed_shown) preview.newest.pop_back();
    const auto [open, is_first] = open_until.try_emplace(line_of(settings, told), told.event.at);
    const bool joins = !is_first && gathers.count() > 0 && told.event.at < open->second;
    if (joins) continue;
    ++preview.messages;
    open->second = told.event.at + gathers;
  }
  return preview;
}

}  // namespace argosy::server
