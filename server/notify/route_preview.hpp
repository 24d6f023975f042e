// What a route would have told of the last days, had it stood then: for who makes or changes one. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/notify/notice_route.hpp"

namespace argosy::server {

inline constexpr std::size_t most_previewed_shown = 10;

struct RoutePreview {
  Instant from{};
  Instant to{};
  bool is_cut = false;       // there were more events than are looked at: the newest were
  std::size_t events = 0;    // that it would have told,
  std::size_t messages = 0;  // in so many messages
  std::map<std::string, std::size_t> kinds;
  std::vector<ToldEvent> newest;  // of them, newest first
};
nlohmann::json preview_to_json(const RoutePreview& preview);

// `events` in the order of their numbers. A route that is off is looked at as if it were on.
RoutePreview preview_route(RouteSettings settings, const std::vector<EventOfDevice>& events,
                           std::string_view site_label);

}  // namespace argosy::server
