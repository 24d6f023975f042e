#include "agent/update/update_state.hpp"

#include <algorithm>
#include <limits>

#include "agent/update/verdict.hpp"

namespace argosy::agent {

namespace {

constexpr std::array<std::string_view, 14> phase_names = {
    "idle",       "planning",  "downloading", "patching", "verifying", "validating",   "shadowing",
    "activating", "probation", "committed",   "rejected", "failed",    "rolling_back", "rolled_back"};
constexpr std::array<std::string_view, 4> source_names = {"", "patch", "full", "local"};

template <class Enum, std::size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

bool holds(const SlotContent& content, std::string_view digest) {
  const auto files = files_of(content);
  return std::any_of(files.begin(), files.end(), [&](const wire::Part& file) { return file.blob.digest == digest; });
}

std::string_view role_of(const UpdateState& state, SlotName slot) {
  if (!state.slots.at(slot)) return "empty";
  if (state.slots.serving == slot) return "serving";
  return state.slots.at(slot)->proven ? "previous" : "staging";
}

// What stands for all files: a patch where one helped, else what was fetched whole, else what was here.
Source source_of(const UpdateState& state) {
  for (const Source source : {Source::patch, Source::full, Source::local})
    for (const FileWay& way : state.ways)
      if (way.source == source) return source;
  return Source::none;
}

std::uint64_t fetched_bytes(const UpdateState& state) {
  std::uint64_t bytes = state.wasted_bytes;
  for (const FileWay& way : state.ways) bytes += way.fetched_bytes;
  return bytes;
}

wire::SlotReport report_slot(const UpdateState& state, SlotName slot) {
  wire::SlotReport report;
  report.slot = to_string(slot);
  report.role = role_of(state, slot);
  if (const auto& content = state.slots.at(slot)) {
    report.version = content->version;
    report.digest = content->digest;
    report.size = size_of(files_of(*content));
  }
  return report;
}

wire::UpdateReport report_update(const UpdateState& state) {
  wire::UpdateReport report;
  report.rollout = state.wish->rollout;
  report.attempt = state.wish->attempt;
  report.version = state.wish->version;
  report.state = to_string(state.phase);
  report.progress = state.progress;
  report.source = to_string(source_of(state));
  report.bytes = fetched_bytes(state);
  report.full_bytes = size_of(files_of(*state.wish));
  report.cause = state.cause;
  report.message = state.message;
  report.held = state.held;
  report.metric_value = state.metric_value;
  if (state.metric_value) report.metric_threshold = state.wish->validation.threshold;
  report.serving_value = state.serving_value;
  report.serving_p95_ms = state.serving_p95_ms;
  report.peak_memory_mb = state.peak_memory_mb;
  report.changed_at = state.changed_at;
  const bool was_in_probation = state.probation_from.has_value();
  report.latency_p95_ms = was_in_probation ? state.totals.latency_p95_ms : state.latency_p95_ms;
  report.samples = was_in_probation ? std::optional(state.totals.observations) : state.samples;
  if (state.cause == too_few_observations) report.samples_wanted = state.wish->probation.min_observations;
  report.baseline_p95_ms = state.baseline.latency_p95_ms;
  if (state.shadow_from) report.shadow = state.shadow;
  return report;
}

}  // namespace

std::string_view to_string(Phase phase) {
  return phase_names[static_cast<std::size_t>(phase)];
}
std::optional<Phase> parse_phase(std::string_view text) {
  return parse<Phase>(phase_names, text);
}

bool is_terminal(Phase phase) {
  return phase == Phase::idle || phase == Phase::committed || phase == Phase::rejected || phase == Phase::failed ||
         phase == Phase::rolled_back;
}

bool is_before_activation(Phase phase) {
  return phase >= Phase::planning && phase < Phase::activating;
}

std::string_view to_string(SlotName slot) {
  return slot == SlotName::a ? "a" : "b";
}

std::optional<SlotName> parse_slot(std::string_view text) {
  if (text == "a") return SlotName::a;
  if (text == "b") return SlotName::b;
  return std::nullopt;
}

std::optional<SlotName> Slots::holding(std::string_view digest) const {
  const SlotName first = serving.value_or(SlotName::a);  // what serves is never written to
  for (const SlotName slot : {first, other(first)})
    if (at(slot) && holds(*at(slot), digest)) return slot;
  return std::nullopt;
}

std::vector<wire::Part> files_of(const SlotContent& content) {
  std::vector<wire::Part> files = {{"model." + content.format, {content.digest, content.size}}};
  files.insert(files.end(), content.parts.begin(), content.parts.end());
  return files;
}

std::vector<wire::Part> files_of(const wire::DesiredModel& wish) {
  return files_of(content_of(wish));
}

SlotContent content_of(const wire::DesiredModel& wish) {
  return {wish.version, wish.artifact.digest, wish.format, wish.artifact.size, false, wire::parts_of(wish.parts)};
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

std::uint64_t size_of(const std::vector<wire::Part>& files) {
  std::uint64_t size = 0;
  for (const wire::Part& file : files) size = sum(size, file.blob.size);
  return size;
}

const std::vector<wire::PatchOffer>& patches_to(const wire::DesiredModel& wish, std::size_t file) {
  return file == 0 ? wish.patches : wish.parts[file - 1].patches;
}

std::string_view to_string(Source source) {
  return source_names[static_cast<std::size_t>(source)];
}
std::optional<Source> parse_source(std::string_view text) {
  return parse<Source>(source_names, text);
}

wire::BlobRef present_file(const UpdateState& state) {
  return files_of(*state.wish)[state.file].blob;
}

wire::ModelReport report(std::string_view model, const UpdateState& state) {
  wire::ModelReport report;
  report.model = model;
  if (const SlotContent* served = state.slots.served()) {
    report.version = served->version;
    report.digest = served->digest;
  }
  report.slots = {report_slot(state, SlotName::a), report_slot(state, SlotName::b)};
  if (state.wish) report.update = report_update(state);
  return report;
}

}  // namespace argosy::agent
