#include "agent/app/telemetry_source.hpp"

#include <string>
#include <utility>

#include "common/base/text.hpp"

namespace argosy::agent {

namespace {

constexpr std::size_t observations_a_turn = 512;
constexpr double least_free_mb = 1;
constexpr int put_down_a_turn = 16;                                  // each is synced
constexpr std::size_t fault_limit = wire::most_fault_bytes / 4 - 3;  // a byte may be shown as four

}  // namespace

std::size_t TelemetrySource::take_observations(
    const std::function<std::string(const std::string&)>& serving_version,
    const std::function<void(const std::string&, const ShadowAnswer&)>& count_shadow, Instant now) {
  const auto take = [&](const Observation& observation) {
    if (observation.shadow) return count_shadow(observation.model, *observation.shadow);
    if (observation.label_of > 0) return take_late_label(observation, now);
    if (!observation.runtime.empty())
      runtimes_.note(std::string(RuntimesSeen::program) + observation.model, observation.runtime);
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
  if (keep(std::move(contents), counted, now)) {
    handed_.window_kept();
  } else {
    handed_.window_lost();
  }
  counted_.clear();
  const auto saved = awaited_.save(now);
  if (!saved && !std::exchange(awaiting_failed_, true))
    log_("labels that come later are lost: " + saved.error().message);
  if (saved) awaiting_failed_ = false;
  tell_of_refused_observations();
  if (windows_.dropped_numbers() > 0 && !std::exchange(said_too_many_numbers_, true))
    log_("a program reports more than " + std::to_string(wire::most_numbers) +
         " numbers of one model: the values of the others are left out");
  if (windows_.dropped_tags() > 0 && !std::exchange(said_too_many_tags_, true))
    log_("a program reports more than " + std::to_string(wire::most_tag_keys) +
         " tags of one model: the others are left out");
}

// Said when it begins, with one of the reasons: the program gets no answer, and its author looks here.
void TelemetrySource::tell_of_refused_observations() {
  const std::uint64_t refused = observations_refused() - std::exchange(refused_before_, observations_refused());
  const ObservationSocket::Counters& seen = socket_.counters();
  const bool is_malformed = seen.malformed > std::exchange(malformed_before_, seen.malformed);
  if (std::exchange(refuses_, refused > 0) || refused == 0) return;
  log_("observations of this window that do not count: " + std::to_string(refused) + "; " +
       (is_malformed ? shortened(seen.newest_fault, fault_limit)
                     : "they name no version, and the agent serves none of their model, or they name more than " +
                           std::to_string(WindowAccumulator::max_versions)));
}

void TelemetrySource::sample_health(Instant now, std::optional<Duration> clock_offset) {
  wire::HealthSample sample = sampler_.sample(now);
  sample.outbox_records = static_cast<double>(outbox_.records() + held_.records());
  sample.records_refused = static_cast<double>(outbox_.refusals().records);
  if (observations_refused() > 0) sample.observations_refused = static_cast<double>(observations_refused());
  if (readings_) sample.numbers = *readings_;
  if (readings_ || !readings_fault_.empty()) sample.readings_failed = readings_fault_.empty() ? 0 : 1;
  if (clock_offset) sample.clock_offset_ms = static_cast<double>(clock_offset->count());
  newest_health_ = sample;
  std::vector<Outbox::Content> contents;
  contents.emplace_back(std::move(sample));
  keep(std::move(contents), {}, now);
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

// Straight to the disk, unless something waits before it. Labels go along with their window there, or not at all.
bool TelemetrySource::keep(std::vector<Outbox::Content> contents, const std::vector<Outbox::CountedLabel>& counted,
                           Instant now) {
  if (held_.empty()) {
    auto done = outbox_.reopen();
    if (done) done = outbox_.append(contents, counted, now);
    note_put_down(done);
    if (done) return true;
  }
  for (Outbox::Content& content : contents) held_.add(std::move(content), now);
  put_down_oldest();
  return false;
}

void TelemetrySource::note_put_down(const Result<void>& done) {
  if (!done && append_fault_.empty()) log_("telemetry waits in memory: " + done.error().message);
  if (done && !append_fault_.empty()) log_("the disk takes telemetry again");
  append_fault_ = done ? std::string() : shortened(done.error().message, fault_limit);
}

// A full disk keeps telemetry waiting, and the agent at its work: said once, until it works again.
bool TelemetrySource::put_down_oldest() {
  if (held_.empty()) return false;
  auto done = outbox_.reopen();
  if (done) {
    const HeldRecords::Held oldest = held_.oldest();
    const auto appended = outbox_.append(oldest.content, oldest.at);
    if (!appended) done = appended.error();
  }
  note_put_down(done);
  if (done) held_.remove_oldest();
  return done.has_value();
}

void TelemetrySource::tick() {
  for (int i = 0; i < put_down_a_turn && append_fault_.empty() && put_down_oldest();) ++i;
}

void TelemetrySource::put_down_all() {
  while (put_down_oldest()) {
  }
}

void TelemetrySource::shift(Duration by) {
  windows_.shift(by);
  awaited_.shift(by);
  held_.shift(by);
  const auto shifted = outbox_.shift(by);
  if (!shifted) log_("telemetry keeps times that are wrong: " + shifted.error().message);
}

void TelemetrySource::trust_time(bool is_known) {
  outbox_.trust_time(is_known);
  awaited_.trust_time(is_known);
}

bool TelemetrySource::is_disk_full() const {
  return newest_health_ && newest_health_->disk_free_mb.value_or(least_free_mb) < least_free_mb;
}

std::string TelemetrySource::disk_fault() const {
  if (append_fault_.empty()) return {};
  return std::string(is_disk_full() ? "the disk is full: " : "") + "telemetry waits in memory, " +
         std::to_string(held_.records()) + " records so far, " + std::to_string(held_.dropped()) +
         " of the oldest were dropped: " + append_fault_;
}

}  // namespace argosy::agent
