#include "server/rollouts/core/report_mapping.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace argosy::server {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t max_message = 500;

// Agent state -> where the device stands. `shadowing` is still validating: nothing that serves has been touched.
// `rolling_back` is still probation: the outcome is `rolled_back`.
constexpr std::array agent_states{
    std::pair{"planning"sv, DeviceStep::downloading},   std::pair{"downloading"sv, DeviceStep::downloading},
    std::pair{"patching"sv, DeviceStep::patching},      std::pair{"verifying"sv, DeviceStep::verifying},
    std::pair{"validating"sv, DeviceStep::validating},  std::pair{"shadowing"sv, DeviceStep::validating},
    std::pair{"activating"sv, DeviceStep::activating},  std::pair{"probation"sv, DeviceStep::probation},
    std::pair{"rolling_back"sv, DeviceStep::probation}, std::pair{"committed"sv, DeviceStep::succeeded},
    std::pair{"rejected"sv, DeviceStep::failed},        std::pair{"failed"sv, DeviceStep::failed},
    std::pair{"rolled_back"sv, DeviceStep::failed},
};

std::optional<DeviceStep> step_of(std::string_view agent_state) {
  for (const auto& [name, step] : agent_states) {
    if (name == agent_state) return step;
  }
  return std::nullopt;
}

std::string clip(std::string text) {
  if (text.size() <= max_message) return text;
  std::size_t end = max_message;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  text.resize(end);
  return text;
}

nlohmann::json numbers_of(const wire::UpdateReport& update) {
  auto numbers = nlohmann::json::object();
  const auto put = [&numbers](const char* key, const auto& value) {
    if (value) numbers[key] = *value;
  };
  put("metric_value", update.metric_value);
  put("metric_threshold", update.metric_threshold);
  put("serving_value", update.serving_value);
  put("serving_p95_ms", update.serving_p95_ms);
  put("latency_p95_ms", update.latency_p95_ms);
  put("baseline_p95_ms", update.baseline_p95_ms);
  put("peak_memory_mb", update.peak_memory_mb);
  put("samples", update.samples);
  put("samples_wanted", update.samples_wanted);
  return numbers;
}

std::string known_source(const std::string& source) {
  return source == "patch" || source == "full" || source == "local" ? source : std::string();
}

Progress progress_of(const wire::UpdateReport& update, DeviceStep step) {
  Progress progress{.step = step,
                    .message = clip(update.message),
                    .source = known_source(update.source),
                    .bytes = update.bytes,
                    .full_bytes = update.full_bytes,
                    .held = update.held && !is_terminal(step),
                    .numbers = numbers_of(update)};
  if (step == DeviceStep::failed) {
    progress.cause = is_known_cause(update.cause) ? update.cause : std::string(cause_other);
  }
  if (step == DeviceStep::succeeded && update.cause == cause_too_few) progress.cause = update.cause;
  return progress;
}

bool speaks_of(const wire::UpdateReport& update, const Tracked& row, const std::string& version) {
  return update.rollout == row.rollout && update.attempt == row.attempt && update.version == version;
}

bool is_under_way(const std::optional<wire::UpdateReport>& update) {
  if (!update) return false;
  const auto step = step_of(update->state);
  return step && !is_terminal(*step);
}

bool serves_wanted(const Tracked& row, const wire::ModelReport& report) {
  return report.version == row.version &&
         std::find(row.digests.begin(), row.digests.end(), report.digest) != row.digests.end();
}

// Nothing that the device says changes this any more.
bool is_final(const Tracked& row) {
  return row.step == DeviceStep::succeeded || row.step == DeviceStep::rolled_back ||
         (row.step == DeviceStep::failed && is_neutral_cause(row.cause));
}

// Whether an outcome takes the place of a failure: any the place of a time-out, and that the device serves the release
// after all - it tried once more by itself - the place of every failure.
bool replaces_failure(const Tracked& row, DeviceStep outcome, const wire::ModelReport& report) {
  if (outcome == DeviceStep::succeeded) return serves_wanted(row, report);
  return row.cause == cause_timeout && is_terminal(outcome);
}

bool changes(const Tracked& row, const Progress& next) {
  return next.step != row.step || next.cause != row.cause || next.message != row.message || next.source != row.source ||
         next.bytes != row.bytes || next.full_bytes != row.full_bytes || next.held != row.held;
}

std::optional<Progress> map_return(const Tracked& row, const wire::ModelReport& report) {
  const auto& update = report.update;
  if (!is_under_way(update) && row.previous_version && report.version == *row.previous_version) {
    return Progress{
        .step = DeviceStep::rolled_back, .source = row.source, .bytes = row.bytes, .full_bytes = row.full_bytes};
  }
  if (!update || !row.previous_version || !speaks_of(*update, row, *row.previous_version)) return std::nullopt;
  const auto step = step_of(update->state);
  if (!step || *step != DeviceStep::failed) return std::nullopt;
  auto progress = progress_of(*update, DeviceStep::failed);
  progress.message = clip("could not go back to " + *row.previous_version + ": " + progress.message);
  return progress;
}

}  // namespace

std::optional<Progress> map_report(const Tracked& row, const wire::ModelReport& report) {
  if (row.step == DeviceStep::rolling_back) return map_return(row, report);
  if (row.step == DeviceStep::queued || is_final(row)) return std::nullopt;
  const auto& update = report.update;
  if (!update) return std::nullopt;  // what it serves without a word may still be on its way out
  if (speaks_of(*update, row, row.version)) {
    const auto step = step_of(update->state);
    if (!step || (row.step == DeviceStep::failed && !replaces_failure(row, *step, report))) return std::nullopt;
    auto next = progress_of(*update, *step);
    if (!changes(row, next)) return std::nullopt;
    return next;
  }
  const bool committed = update->state == "committed" && update->version == row.version;
  if (!committed || !serves_wanted(row, report)) return std::nullopt;
  return Progress{.step = DeviceStep::succeeded,
                  .message = "it serves " + row.version + ", committed earlier",
                  .source = row.source,
                  .bytes = row.bytes,
                  .full_bytes = row.full_bytes};
}

std::optional<wire::ShadowCounts> shadow_of_report(const Tracked& row, const wire::ModelReport& report) {
  const auto& update = report.update;
  if (!update || !update->shadow || update->shadow->samples == 0) return std::nullopt;
  if (!speaks_of(*update, row, row.version)) return std::nullopt;
  return update->shadow;
}

}  // namespace argosy::server
