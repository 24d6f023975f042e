#include "agent/app/telemetry_source.hpp"

#include <string>
#include <utility>

#include "common/base/text.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t observations_a_turn = 512;
constexpr std::size_t fault_limit = wire::most_fault_bytes / 4 - 3;  // a byte may be shown as four

}  // namespace

std::size_t TelemetrySource::take_observations(
    const std::function<std::string(const std::string&)>& serving_version,
    const std::function<void(const std::string&, const ShadowAnswer&)>& count_shadow, Instant now) {
  const auto take = [&](const Observation& observation) {
    if (observation.shadow) return count_shadow(observation.model, *observation.shadow);
    if (observation.label_of > 0) return take_late_label(observation, now);
    if (!observation.runtime.empty()) runtimes_.note("model " + observation.model, observation.runtime);
    const std::string serving = observation.release.empty() ? serving_version(observation.model) : std::string();
    windows_.add(observation, serving, now);
    await_label(observation, serving, now);
  };
  return socket_.drain(observations_a_turn, take);
}

// One that has its label already awaits none.
void TelemetrySource::await_label(const Observation& observation, const std::string& serving, Instant now) {
  if (observation.id == 0 || !observation.ok || !observation.predicted || observation.label) return;
  const std::string& version = observation.release.empty() ? serving : observation.release;
  if (!version.empty()) awaited_.await(observation.id, {observation.model, version, *observation.predicted, now});
}

// Of one observation one label counts, whoever tells it.
Result<std::optional<Outbox::LabelOrigin>> TelemetrySource::origin_of_label(std::uint64_t observation) {
  const auto counted = counted_.find(observation);
  if (counted != counted_.end()) return std::optional(counted->second);
  return outbox_.counted_label(observation);
}

void TelemetrySource::take_late_label(const Observation& told, Instant now) {
  const auto origin = origin_of_label(told.label_of);
  if (origin && !*origin) count_late_label(told.label_of, *told.label, Outbox::LabelOrigin::program, now);
}

void TelemetrySource::count_late_label(std::uint64_t observation, std::int64_t label, Outbox::LabelOrigin origin,
                                       Instant now) {
  const auto known = awaited_.take(observation);
  if (!known || !*known) return;
  const AwaitedLabel& prediction = **known;
  windows_.add_late_label(prediction.model, prediction.version, prediction.predicted == label, prediction.at, now);
  counted_.emplace(observation, origin);
}

void TelemetrySource::take_labels(const wire::LabelAnswers& asked, const wire::HandedLabels& handed, Instant now) {
  handed_.told(asked);
  for (const wire::HandedLabel& label : handed.labels) handed_.note(label.seq, take_label(label, now));
}

// None where the files do not tell.
std::optional<wire::LabelOutcome> TelemetrySource::take_label(const wire::HandedLabel& told, Instant now) {
  using enum wire::LabelOutcome;
  const auto origin = origin_of_label(told.id);
  if (!origin) return std::nullopt;
  if (*origin) return *origin == Outbox::LabelOrigin::server ? counted : labelled_before;
  const auto known = awaited_.find(told.id);
  if (!known) return std::nullopt;
  if (!*known) return told.predicted_at && awaited_.forgets(*told.predicted_at, now) ? too_late : unknown;
  if ((*known)->model != told.model) return other_model;
  count_late_label(told.id, told.label, Outbox::LabelOrigin::server, now);
  return counted;
}

// A window and whose labels it counts are kept together. A prediction is forgotten after that.
void TelemetrySource::end_window(Instant now) {
  std::vector<Outbox::Content> contents;
  for (wire::InferenceWindow& window : windows_.close(now)) contents.emplace_back(std::move(window));
  std::vector<Outbox::CountedLabel> counted;
  for (const auto& [observation, origin] : counted_) counted.push_back({observation, origin});
  if (note_appended(outbox_.append(std::move(contents), counted, now))) {
    handed_.window_kept();
  } else {
    handed_.window_lost();
  }
  counted_.clear();
  const auto saved = awaited_.save(now);
  if (!saved && !std::exchange(awaiting_failed_, true))
    log_("labels that come later are lost: " + saved.error().message);
  if (saved) awaiting_failed_ = false;
  if (windows_.dropped_numbers() > 0 && !std::exchange(said_too_many_numbers_, true))
    log_("a program reports more than " + std::to_string(wire::most_numbers) +
         " numbers of one model: the values of the others are left out");
  if (windows_.dropped_tags() > 0 && !std::exchange(said_too_many_tags_, true))
    log_("a program reports more than " + std::to_string(wire::most_tag_keys) +
         " tags of one model: the others are left out");
}

void TelemetrySource::sample_health(Instant now, std::optional<Duration> clock_offset) {
  wire::HealthSample sample = sampler_.sample(now);
  sample.outbox_records = static_cast<double>(outbox_.records());
  sample.records_refused = static_cast<double>(outbox_.refusals().records);
  if (readings_) sample.numbers = *readings_;
  if (readings_ || !readings_fault_.empty()) sample.readings_failed = readings_fault_.empty() ? 0 : 1;
  if (clock_offset) sample.clock_offset_ms = static_cast<double>(clock_offset->count());
  newest_health_ = sample;
  std::vector<Outbox::Content> contents;
  contents.emplace_back(std::move(sample));
  note_appended(outbox_.append(std::move(contents), {}, now));
}

// A fault is said once, until it is another or over.
void TelemetrySource::take_readings(Result<Readings> readings) {
  std::string fault =
      readings ? std::string() : shortened("readings.command: " + readings.error().message, fault_limit);
  if (!fault.empty() && fault != readings_fault_) log_(fault);
  if (fault.empty() && !readings_fault_.empty()) log_("readings.command gives readings again");
  readings_fault_ = std::move(fault);
  readings_ = readings ? std::optional(std::move(*readings)) : std::nullopt;
}

// A full disk loses telemetry, not the agent: said once, until it works again.
bool TelemetrySource::note_appended(const Result<void>& appended) {
  if (!appended && !append_failed_) log_("telemetry is lost: " + appended.error().message);
  append_failed_ = !appended;
  return appended.has_value();
}

}  // namespace argosy::agent
