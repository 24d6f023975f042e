#include "server/rollouts/core/pace.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr double least_per_minute = 0.001;
constexpr double most_devices_a_minute = 1'000'000;
constexpr double minute_ms = 60'000;
constexpr double saved_ms = 5000;
constexpr std::int64_t longest_jitter_s = 86400;
// Times are kept in whole milliseconds: two devices that are due in the same one are not told apart.
constexpr double hair = 1e-6;

double device_ms(const PaceNow& pace) {
  return minute_ms / pace.per_minute;
}

// From when the allowance counts that is there now.
Instant accrues_from(const PaceNow& pace) {
  const auto ago = [&pace](double ms) { return pace.now - Duration{static_cast<std::int64_t>(std::ceil(ms))}; };
  if (!pace.spent_until) return ago(std::max(saved_ms, device_ms(pace)));
  return std::max(*pace.spent_until, ago(saved_ms + device_ms(pace)));
}

std::string_view kind_words() {
  return "must be constant or exponential";
}

}  // namespace

std::string_view to_string(PaceKind kind) {
  return kind == PaceKind::exponential ? "exponential" : "constant";
}

void read_pace(JsonReader& in, Pace& pace) {
  std::string kind(to_string(pace.kind));
  in.optional("kind", kind).check("kind", kind == "constant" || kind == "exponential", kind_words());
  pace.kind = kind == "exponential" ? PaceKind::exponential : PaceKind::constant;
  in.optional("per_minute", pace.per_minute, least_per_minute, most_devices_a_minute)
      .optional("factor", pace.factor, 1.0, 100.0)
      .optional("after_successes", pace.after_successes, std::int64_t{1}, std::int64_t{1'000'000})
      .optional("most_per_minute", pace.most_per_minute, least_per_minute, most_devices_a_minute)
      .optional("jitter_s", pace.jitter_s, std::int64_t{0}, longest_jitter_s)
      .check("per_minute", pace.per_minute || pace.kind == PaceKind::constant,
             "is missing: an exponential pace grows from it")
      .check("most_per_minute", !pace.most_per_minute || pace.most_per_minute >= pace.per_minute,
             "must be at least per_minute");
}

json encode(const Pace& pace) {
  const auto number_or_null = [](const std::optional<double>& value) { return value ? json(*value) : json(nullptr); };
  return {{"kind", to_string(pace.kind)},
          {"per_minute", number_or_null(pace.per_minute)},
          {"factor", pace.factor},
          {"after_successes", pace.after_successes},
          {"most_per_minute", number_or_null(pace.most_per_minute)},
          {"jitter_s", pace.jitter_s}};
}

std::optional<double> rate_per_minute(const Pace& pace, std::int64_t successes) {
  if (!pace.per_minute || pace.kind == PaceKind::constant) return pace.per_minute;
  const auto steps = static_cast<double>(successes / pace.after_successes);
  const double most = pace.most_per_minute.value_or(most_devices_a_minute);
  return std::min(most, *pace.per_minute * std::pow(pace.factor, steps));
}

std::int64_t devices_allowed(const PaceNow& pace) {
  const auto accrued = static_cast<double>((pace.now - accrues_from(pace)).count());
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(accrued / device_ms(pace) + hair)));
}

Instant spent_after(const PaceNow& pace, std::int64_t told) {
  const double spent = static_cast<double>(told) * device_ms(pace);
  return accrues_from(pace) + Duration{static_cast<std::int64_t>(std::ceil(spent - hair))};
}

Instant next_allowed(const PaceNow& pace) {
  return std::max(pace.now, spent_after(pace, 1));
}

std::int64_t spread_so_far(const Pace& pace, std::int64_t planned, std::optional<Instant> opened_at, Instant now) {
  if (pace.jitter_s <= 0 || !opened_at) return planned;
  const auto passed = std::chrono::duration<double>(now - *opened_at).count() / static_cast<double>(pace.jitter_s);
  const auto due =
      1 + static_cast<std::int64_t>(std::floor(std::clamp(passed, 0.0, 1.0) * static_cast<double>(planned)));
  return std::min(planned, due);
}

}  // namespace argosy::server
