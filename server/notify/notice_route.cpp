#include "server/notify/notice_route.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/id.hpp"
#include "common/base/random.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::array group_words{
    std::pair{GroupBy::rule, "rule"sv},       std::pair{GroupBy::site, "site"sv},
    std::pair{GroupBy::device, "device"sv},   std::pair{GroupBy::model, "model"sv},
    std::pair{GroupBy::rollout, "rollout"sv}, std::pair{GroupBy::group, "group"sv},
};
constexpr std::array severities{"info"sv, "warning"sv, "critical"sv};
constexpr std::size_t most_line_bytes = 300;

std::size_t rank_of(std::string_view severity) {
  return static_cast<std::size_t>(std::find(severities.begin(), severities.end(), severity) - severities.begin());
}

// "alert.firing", "alert.*" or "*".
bool is_kind(std::string_view text) {
  std::string_view word = text;
  if (word == "*") return true;
  if (word.ends_with(".*")) word.remove_suffix(2);
  return !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

std::string_view topic_of(std::string_view kind) {
  return kind.substr(0, kind.find('.'));
}

json text_or_nothing(const std::string& text) {
  return text.empty() ? json() : json(text);
}
template <class T>
json value_or_nothing(const std::optional<T>& value) {
  return value ? json(*value) : json();
}
json time_or_nothing(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json();
}

json words_of(const std::vector<GroupBy>& group_by) {
  json words = json::array();
  for (const GroupBy by : group_by) words.push_back(to_string(by));
  return words;
}

// A device that is nothing but a place, so that a filter by site takes the alerts on sites, too.
Device place_at(const std::string& site_label, const std::string& site) {
  Device place;
  place.labels[site_label] = site;
  return place;
}

void read_words(JsonReader& in, RouteSettings& settings) {
  std::vector<std::string> group_by;
  in.optional("group_by", group_by);
  if (in.has("group_by")) settings.group_by.clear();
  for (const std::string& word : group_by) {
    const auto by = parse_group_by(word);
    in.check("group_by", by.has_value(), by ? "" : by.error().message);
    if (by && std::find(settings.group_by.begin(), settings.group_by.end(), *by) == settings.group_by.end())
      settings.group_by.push_back(*by);
  }
  in.check("kinds", !settings.kinds.empty() && settings.kinds.size() <= most_kinds,
           "names 1 to " + std::to_string(most_kinds) + " kinds of events, such as alert.* or rollout.halted");
  for (const std::string& kind : settings.kinds)
    in.check("kinds", is_kind(kind), "has '" + shortened(kind) + "', which is no kind: write alert.firing or alert.*");
  in.check("least_severity", rank_of(settings.least_severity) < severities.size(), "is one of info, warning, critical");
  in.check("name", is_name(settings.name), "is 1 to 64 letters, digits, '-' and '_'");
}

// What a target cannot do with any event.
Result<void> check_with_target(const RouteSettings& settings) {
  const TargetKind kind = settings.target.kind;
  if (kind == TargetKind::pagerduty && settings.group_wait_s != 0)
    return field_error("group_wait_s", "must be 0 for pagerduty, which has an incident for each alert and groups them");
  const bool alerts_alone = std::all_of(settings.kinds.begin(), settings.kinds.end(),
                                        [](const std::string& word) { return word.starts_with("alert."); });
  if (kind == TargetKind::alertmanager && !alerts_alone)
    return field_error("kinds", "must all begin with alert. for alertmanager, which knows nothing else");
  return {};
}

Result<void> check_filter(const std::string& filter) {
  const auto parsed = parse_filter(filter);
  if (!parsed) return field_error("filter", parsed.error().message, Errc::filter_syntax);
  return {};
}

}  // namespace

std::string_view to_string(GroupBy by) {
  for (const auto& [known, word] : group_words)
    if (known == by) return word;
  return "unknown";
}

Result<GroupBy> parse_group_by(std::string_view text) {
  for (const auto& [known, word] : group_words)
    if (word == text) return known;
  return make_error(Errc::invalid_argument,
                    "is of rule, site, device, model, rollout, group, and '" + shortened(text) + "' is none of them");
}

json ToldEvent::to_json() const {
  return {{"id", event.position.id},
          {"at", to_rfc3339(event.at)},
          {"kind", event.kind},
          {"severity", event.severity},
          {"alert_severity", text_or_nothing(alert_severity)},
          {"device_id", value_or_nothing(event.device)},
          {"site", text_or_nothing(site)},
          {"labels", labels},
          {"rollout_id", value_or_nothing(event.rollout)},
          {"model", value_or_nothing(event.model)},
          {"message", event.message},
          {"details", json_or_null(event.details_json)}};
}

ToldEvent told_event_of(const json& stored) {
  ToldEvent told;
  Event& event = told.event;
  event.position.id = static_cast<std::int64_t>(number_in(stored, "id").value_or(0));
  if (const auto at = parse_rfc3339(text_in(stored, "at"))) event.at = *at;
  event.kind = text_in(stored, "kind");
  event.severity = text_in(stored, "severity");
  told.alert_severity = text_in(stored, "alert_severity");
  if (member(stored, "device_id").is_string()) event.device = text_in(stored, "device_id");
  told.site = text_in(stored, "site");
  const json& labels = member(stored, "labels");
  if (labels.is_object())
    for (const auto& [key, value] : labels.items())
      told.labels[key] = value.is_string() ? value.get<std::string>() : "";
  if (const auto rollout = number_in(stored, "rollout_id")) event.rollout = static_cast<std::int64_t>(*rollout);
  if (member(stored, "model").is_string()) event.model = text_in(stored, "model");
  event.message = text_in(stored, "message");
  event.details_json = member(stored, "details").dump();
  return told;
}

std::string ToldEvent::rule() const {
  return text_in(json_or_null(event.details_json), "rule");
}

std::string ToldEvent::group() const {
  return text_in(json_or_null(event.details_json), "group");
}

std::optional<std::int64_t> ToldEvent::alert() const {
  const auto id = number_in(json_or_null(event.details_json), "alert");
  return id ? std::optional(static_cast<std::int64_t>(*id)) : std::nullopt;
}

json settings_to_json(const RouteSettings& settings) {
  return {{"name", settings.name},
          {"enabled", settings.enabled},
          {"kinds", settings.kinds},
          {"least_severity", settings.least_severity},
          {"filter", text_or_nothing(settings.filter)},
          {"model", text_or_nothing(settings.model)},
          {"rollout_id", value_or_nothing(settings.rollout)},
          {"group_by", words_of(settings.group_by)},
          {"group_wait_s", settings.group_wait_s},
          {"target", target_to_json(settings.target)}};
}

Result<RouteSettings> settings_from_json(const json& stored) {
  RouteSettings settings;
  std::vector<std::string> group_by;
  ARGOSY_TRY(JsonReader in, JsonReader::of(stored, {}, UnknownKeys::pass));
  in.required("name", settings.name).required("enabled", settings.enabled).required("kinds", settings.kinds);
  in.required("least_severity", settings.least_severity).optional("filter", settings.filter);
  in.optional("model", settings.model).optional("rollout_id", settings.rollout);
  in.required("group_by", group_by).required("group_wait_s", settings.group_wait_s);
  ARGOSY_CHECK(in.finish());
  settings.group_by.clear();
  for (const std::string& word : group_by) {
    ARGOSY_TRY(const GroupBy by, parse_group_by(word));
    settings.group_by.push_back(by);
  }
  ARGOSY_TRY(settings.target, target_from_json(member(stored, "target")));
  return settings;
}

json route_to_json(const NoticeRoute& route) {
  json document = settings_to_json(route.settings);
  document.update({{"id", route.id},
                   {"version", route.version},
                   {"created_by", route.created_by},
                   {"created_at", to_rfc3339(route.created_at)},
                   {"updated_at", to_rfc3339(route.updated_at)},
                   {"rests_until", time_or_nothing(route.rests_until)},
                   {"last_error", text_or_nothing(route.last_error)},
                   {"waiting", route.waiting},
                   {"waiting_bytes", route.waiting_bytes}});
  return document;
}

Result<GivenRoute> read_route(std::string_view body, const RouteSettings* present) {
  ARGOSY_TRY(JsonReader in, JsonReader::parse(body));
  GivenRoute given;
  if (present != nullptr) given.settings = *present;
  RouteSettings& settings = given.settings;
  if (present == nullptr) {
    in.required("name", settings.name).required("kinds", settings.kinds);
  } else {
    in.optional("name", settings.name).optional("kinds", settings.kinds);
  }
  in.optional("enabled", settings.enabled).optional("least_severity", settings.least_severity);
  in.optional_text("filter", max_filter_bytes, settings.filter).optional("model", settings.model);
  in.optional("rollout_id", settings.rollout);
  const bool says_wait = in.has("group_wait_s");
  in.optional("group_wait_s", settings.group_wait_s, 0, most_group_wait_s);
  json target;
  if (present == nullptr) {
    in.required("target", target);
  } else {
    in.optional("target", target);
  }
  read_words(in, settings);
  ARGOSY_CHECK(in.finish());
  ARGOSY_CHECK(check_filter(settings.filter));
  if (!target.is_null()) {
    ARGOSY_TRY(given.target, read_target(target));
    settings.target = given.target->target;
    if (settings.target.kind == TargetKind::pagerduty && !says_wait) settings.group_wait_s = 0;
  }
  ARGOSY_CHECK(check_with_target(settings));
  return given;
}

bool is_of_kind(const std::vector<std::string>& kinds, std::string_view kind) {
  return std::any_of(kinds.begin(), kinds.end(), [kind](std::string_view wanted) {
    if (!wanted.ends_with('*')) return wanted == kind;
    wanted.remove_suffix(1);
    return kind.starts_with(wanted);
  });
}

RouteChoice::RouteChoice(const RouteSettings& settings, std::string_view site_label)
    : settings_(settings), site_label_(site_label) {
  if (settings.filter.empty()) return;
  auto filter = parse_filter(settings.filter);
  if (filter) filter_ = std::move(*filter);
}

bool RouteChoice::passes_filter(const ToldEvent& event, const Device* device) const {
  if (settings_.filter.empty()) return true;
  if (!filter_) return false;
  if (device != nullptr) return matches(*filter_, *device);
  if (event.event.device || event.site.empty()) return false;
  return matches(*filter_, place_at(site_label_, event.site));
}

bool RouteChoice::wants(const ToldEvent& told, const Device* device) const {
  const Event& event = told.event;
  const json details = json_or_null(event.details_json);
  if (!settings_.enabled) return false;
  if (const json& named = list_in(details, "routes"); !named.empty()) {
    if (std::find(named.begin(), named.end(), json(settings_.name)) == named.end()) return false;
  } else if (!is_of_kind(settings_.kinds, event.kind)) {
    return false;
  }
  if (rank_of(told.severity()) < rank_of(settings_.least_severity)) return false;
  if (!settings_.model.empty() && event.model != settings_.model) return false;
  if (settings_.rollout && event.rollout != settings_.rollout) return false;
  return passes_filter(told, device);
}

namespace {

std::string value_of_group(GroupBy by, const ToldEvent& told) {
  const Event& event = told.event;
  switch (by) {
    case GroupBy::rule:
      return told.rule();
    case GroupBy::site:
      return told.site;
    case GroupBy::device:
      return event.device.value_or("");
    case GroupBy::model:
      return event.model.value_or("");
    case GroupBy::rollout:
      return event.rollout ? std::to_string(*event.rollout) : "";
    case GroupBy::group:
      return told.group();
  }
  return {};
}

std::string group_line(const std::vector<GroupBy>& group_by, const ToldEvent& told) {
  std::string line(topic_of(told.event.kind));
  for (const GroupBy by : group_by) {
    const std::string value = value_of_group(by, told);
    if (!value.empty()) line += " " + std::string(to_string(by)) + "=" + value;
  }
  return line;
}

// The smallest thing that the event is about.
std::string subject_line(const ToldEvent& told) {
  const Event& event = told.event;
  std::string line(topic_of(event.kind));
  if (const auto alert = told.alert()) return line + " #" + std::to_string(*alert);
  if (event.rollout) return line + " rollout=" + std::to_string(*event.rollout);
  if (event.device) return line + " device=" + *event.device;
  if (event.model) return line + " model=" + *event.model;
  return line;
}

}  // namespace

std::string line_of(const RouteSettings& settings, const ToldEvent& event) {
  std::string line = settings.group_wait_s > 0 ? group_line(settings.group_by, event) : subject_line(event);
  if (line.size() <= most_line_bytes) return line;
  const std::string rest = std::to_string(stable_hash(0, line));
  return shortened(line, most_line_bytes - rest.size() - 8) + " " + rest;
}

}  // namespace argosy::server
