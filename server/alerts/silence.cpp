#include "server/alerts/silence.hpp"

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/devices/filter.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t most_name_bytes = 128;
constexpr std::size_t most_comment_bytes = 1000;

bool is_of(std::string_view wanted, std::string_view found) {
  return wanted.empty() || wanted == found;
}

}  // namespace

Result<Silence> read_silence(std::string_view body, Instant now) {
  Silence silence;
  silence.starts_at = now;
  ARGOSY_TRY(auto in, JsonReader::parse(body));
  in.optional_text("filter", max_filter_bytes, silence.match.filter)
      .optional_text("rule", most_name_bytes, silence.match.rule)
      .optional_text("model", most_name_bytes, silence.match.model)
      .optional_text("severity", most_name_bytes, silence.match.severity)
      .check(
          "severity",
          silence.match.severity.empty() || silence.match.severity == "warning" || silence.match.severity == "critical",
          "must be warning or critical")
      .optional("starts_at", silence.starts_at)
      .required("ends_at", silence.ends_at)
      .check("ends_at", silence.ends_at > now, "is over already")
      .check("ends_at", silence.ends_at > silence.starts_at, "must be after starts_at")
      .check("ends_at", silence.ends_at - silence.starts_at <= longest_silence, "is more than a year after starts_at")
      .required_text("comment", most_comment_bytes, silence.comment)
      .check("comment", !silence.comment.empty(), "must say why")
      .optional_object("weekly", [&silence](JsonReader& one) { read_maintenance(one, silence.weekly); })
      .check("weekly", !silence.weekly || silence.weekly->time_zone != zone_of_the_device,
             "must name its time_zone, such as UTC or Europe/Berlin");
  ARGOSY_CHECK(in.finish());
  const auto filter = parse_filter(silence.match.filter);
  if (!filter) return field_error("filter", filter.error().message, Errc::filter_syntax);
  return silence;
}

std::string silence_to_json(const Silence& silence) {
  using nlohmann::json;
  return json{{"id", silence.id},
              {"filter", silence.match.filter},
              {"rule", silence.match.rule},
              {"model", silence.match.model},
              {"severity", silence.match.severity},
              {"starts_at", to_rfc3339(silence.starts_at)},
              {"ends_at", to_rfc3339(silence.ends_at)},
              {"weekly", silence.weekly ? encode(*silence.weekly) : json(nullptr)},
              {"author", silence.author},
              {"comment", silence.comment},
              {"created_at", to_rfc3339(silence.created_at)},
              {"changed_at", to_rfc3339(silence.changed_at)},
              {"changed_by", silence.changed_by},
              {"ended_at", silence.ended_at ? json(to_rfc3339(*silence.ended_at)) : json(nullptr)},
              {"ended_by", silence.ended_by.empty() ? json(nullptr) : json(silence.ended_by)},
              {"in_effect", silence.in_effect}}
      .dump();
}

bool is_in_effect(const Silence& silence, Instant now, const std::optional<WallTime>& wall) {
  if (silence.ended_at || now < silence.starts_at || now >= silence.ends_at) return false;
  return !silence.weekly || (wall && is_inside(*silence.weekly, *wall));
}

bool asks_for(const SilenceMatch& match, const AlertFacts& alert) {
  return is_of(match.rule, alert.rule) && is_of(match.model, alert.model) && is_of(match.severity, alert.severity);
}

}  // namespace argosy::server
