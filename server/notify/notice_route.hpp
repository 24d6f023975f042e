// Routes: which events are told to whom, and which of them go together as one message. Types and rules, pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/devices/device.hpp"
#include "server/devices/filter.hpp"
#include "server/events/event.hpp"
#include "server/notify/target.hpp"

namespace argosy::server {

inline constexpr std::size_t most_routes = 100;
inline constexpr std::size_t most_kinds = 32;
inline constexpr std::int64_t most_group_wait_s = 3600;

// By what events are put together, beside the first part of their kind ("alert").
enum class GroupBy : std::uint8_t { rule, site, device, model, rollout, group };
std::string_view to_string(GroupBy by);
Result<GroupBy> parse_group_by(std::string_view text);

// An event with what is known of its device, its site and its alert.
struct ToldEvent {
  Event event;
  std::string site;                                        // empty: none
  std::map<std::string, std::string, std::less<>> labels;  // of its device
  std::string alert_severity;  // of an alert's event: that of the alert, which its end has, too
  nlohmann::json to_json() const;
  std::string rule() const;   // of an alert's event; else empty
  std::string group() const;  // likewise: what its alert is told with, "site/berlin"
  std::optional<std::int64_t> alert() const;
  std::string severity() const { return alert_severity.empty() ? event.severity : alert_severity; }
};
struct EventOfDevice {
  ToldEvent told;
  std::optional<Device> device;  // none: it has none, or it is gone
};
ToldEvent told_event_of(const nlohmann::json& stored);  // of what to_json() wrote

// What a person says of a route.
struct RouteSettings {
  std::string name;
  bool enabled = true;
  std::vector<std::string> kinds;  // "rollout.halted", or "alert.*" for all that begin so
  std::string least_severity = "info";
  std::string filter;  // of devices; an event without one does not pass it, but for that of a site, by its label
  std::string model;
  std::optional<std::int64_t> rollout;
  std::vector<GroupBy> group_by{GroupBy::rule, GroupBy::site};
  std::int64_t group_wait_s = 30;  // 0: each event is a message of its own
  NoticeTarget target;
  friend bool operator==(const RouteSettings&, const RouteSettings&) = default;
};

struct NoticeRoute {
  std::int64_t id = 0;
  RouteSettings settings;
  std::int64_t version = 1;  // one higher with each change
  std::string created_by;
  Instant created_at{};
  Instant updated_at{};
  std::optional<Instant> rests_until;  // its receiver did not answer well: nobody asks it before
  std::string last_error;              // why; empty: the last message arrived
  std::int64_t waiting = 0;            // deliveries
  std::int64_t waiting_bytes = 0;
};
nlohmann::json route_to_json(const NoticeRoute& route);
nlohmann::json settings_to_json(const RouteSettings& settings);
Result<RouteSettings> settings_from_json(const nlohmann::json& stored);  // of what settings_to_json() wrote

struct GivenRoute {
  RouteSettings settings;
  std::optional<GivenTarget> target;  // none in a change: it stays
};
// The body of a request: all of a new route, or what changes of `present`.
Result<GivenRoute> read_route(std::string_view body, const RouteSettings* present = nullptr);

// Whether the kind is one of `kinds`.
bool is_of_kind(const std::vector<std::string>& kinds, std::string_view kind);

// Decides for many events; the filter is read once. An event whose details name routes (`"routes": ["on-call"]`) goes
// to these and to no other, whatever kinds they ask for.
class RouteChoice {
 public:
  RouteChoice(const RouteSettings& settings, std::string_view site_label);
  // `device` is that of the event, null when there is none (any more).
  bool wants(const ToldEvent& event, const Device* device) const;

 private:
  bool passes_filter(const ToldEvent& event, const Device* device) const;
  const RouteSettings& settings_;
  std::string site_label_;
  std::optional<Filter> filter_;
};

// What is sent one after the other: an alert's end never overtakes its beginning. With a group wait it is what goes
// together in one message, too. Begins with the first part of the kind.
std::string line_of(const RouteSettings& settings, const ToldEvent& event);

}  // namespace argosy::server
