#include "server/labels/label.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr JsonLimits request_limits{.bytes = 1 << 20};

bool is_source(std::string_view text) {
  return text.size() <= most_source_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// As text, or as a whole number: programs that write JSON know both.
std::optional<std::uint64_t> observation_in(const json& id) {
  if (id.is_string()) return wire::parse_observation_id(id.get_ref<const std::string&>());
  if (!id.is_number_unsigned()) return std::nullopt;
  return wire::parse_observation_id(std::to_string(id.get<std::uint64_t>()));
}

Result<GivenLabel> read_label(const json& item, std::size_t index) {
  ARGOSY_TRY(JsonReader fields, JsonReader::of(item, "labels[" + std::to_string(index) + "]"));
  GivenLabel given;
  json id;
  fields.required("device", given.device).required("model", given.model).required("id", id);
  fields.required("label", given.label);
  fields.optional("predicted_at", given.predicted_at).optional("source", given.source);
  fields.check("device", is_name(given.device), "is no name of a device: [A-Za-z0-9_-]{1,64}");
  fields.check("model", is_name(given.model), "is no name of a model: [A-Za-z0-9_-]{1,64}");
  fields.check("source", is_source(given.source), "must be at most 64 printable characters of ASCII");
  const auto observation = observation_in(id);
  given.observation = observation.value_or(0);
  fields.check("id", observation.has_value(), "must be the observation's id: a number from 1 to 2^63 - 1");
  ARGOSY_CHECK(fields.finish());
  return given;
}

LabelVerdict refusal(std::string message) {
  return {LabelVerdict::Status::refused, std::move(message)};
}

std::string in_quotes(std::string_view name) {
  return "\"" + shortened(name) + "\"";
}

}  // namespace

std::string_view to_string(LabelState state) {
  switch (state) {
    case LabelState::waiting:
      return "waiting";
    case LabelState::counted:
      return "counted";
    case LabelState::labelled_before:
      return "labelled_before";
    case LabelState::unknown:
      return "unknown";
    case LabelState::too_late:
      return "too_late";
    case LabelState::other_model:
      return "other_model";
    case LabelState::expired:
      return "expired";
    case LabelState::revoked:
      return "revoked";
  }
  return "unnamed";
}

Result<LabelState> parse_label_state(std::string_view text) {
  for (const LabelState state : all_label_states) {
    if (to_string(state) == text) return state;
  }
  return make_error(Errc::invalid_argument,
                    in_quotes(text) +
                        " is no state of a label: waiting, counted, labelled_before, unknown, too_late, "
                        "other_model, expired or revoked");
}

std::string_view describe(LabelState state) {
  switch (state) {
    case LabelState::waiting:
      return "waits for its device";
    case LabelState::counted:
      return "counts in the accuracy of the version that predicted";
    case LabelState::labelled_before:
      return "a program on the device had told a label before: that one counts";
    case LabelState::unknown:
      return "the device keeps no prediction under this id: it was never told one, has forgotten it, or was killed "
             "within that window";
    case LabelState::too_late:
      return "the device has forgotten the prediction, which it keeps for a week: tell labels sooner";
    case LabelState::other_model:
      return "another model predicted under this id";
    case LabelState::expired:
      return "the device did not come for it within a week";
    case LabelState::revoked:
      return "the device was revoked before it came for it";
  }
  return "";
}

LabelState state_of(wire::LabelOutcome outcome) {
  return parse_label_state(wire::to_string(outcome)).value();
}

std::string_view to_string(LabelVerdict::Status status) {
  switch (status) {
    case LabelVerdict::Status::accepted:
      return "accepted";
    case LabelVerdict::Status::repeated:
      return "repeated";
    case LabelVerdict::Status::refused:
      return "refused";
  }
  return "unnamed";
}

Result<std::vector<Result<GivenLabel>>> read_labels(std::string_view body) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(body, request_limits));
  json items;
  fields.required("labels", items);
  fields.check("labels", items.is_array() && !items.empty() && items.size() <= most_labels_told,
               "must be a list of 1 to 1,000 labels");
  ARGOSY_CHECK(fields.finish());
  std::vector<Result<GivenLabel>> labels;
  labels.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) labels.push_back(read_label(items[i], i));
  return labels;
}

LabelVerdict LabelDesk::judge(const GivenLabel& given, Instant now) {
  using enum LabelVerdict::Status;
  const auto found = devices.find(given.device);
  if (found == devices.end()) return refusal("there is no device " + in_quotes(given.device));
  LabelledDevice& device = found->second;
  if (device.revoked) return refusal("the device " + in_quotes(given.device) + " was revoked");
  if (!models.contains(given.model)) return refusal("there is no model " + in_quotes(given.model));
  const Key key{given.device, given.model, given.observation};
  if (const auto before = told.find(key); before != told.end()) {
    if (before->second.label != given.label)
      return refusal("observation " + std::to_string(given.observation) + " was labelled " +
                     std::to_string(before->second.label) + " before, not " + std::to_string(given.label) +
                     ": of an observation the first label stays");
    return {repeated, "", before->second.state};
  }
  if (!device.takes_labels && !device.agent_version.empty())
    return refusal("the agent of " + in_quotes(given.device) + ", " + shortened(device.agent_version) +
                   ", takes no labels: update it, and tell the label again once it has been heard");
  if (given.predicted_at && *given.predicted_at < now - labels_wait)
    return refusal("the inference of " + to_rfc3339(*given.predicted_at) +
                   " is older than a week, and its device has forgotten it: tell labels sooner");
  if (device.waiting >= most_waiting_labels)
    return refusal("20,000 labels wait for " + in_quotes(given.device) + ": tell it more when it has fetched them");
  if (kept >= most_kept_labels)
    return refusal("10,000,000 labels are kept, each for two weeks: tell more when the oldest have gone");
  ++device.waiting;
  ++kept;
  told.emplace(key, Told{given.label});
  if (is_reachable(device.presence)) return {accepted, ""};
  return {accepted, "the device is " + std::string(to_string(device.presence)) + ": the label waits for it until " +
                        to_rfc3339(now + labels_wait)};
}

LabelSums sums_of(const std::vector<LabelVerdict>& verdicts) {
  LabelSums sums;
  for (const LabelVerdict& verdict : verdicts) {
    if (verdict.status == LabelVerdict::Status::accepted) ++sums.accepted;
    if (verdict.status == LabelVerdict::Status::repeated) ++sums.repeated;
    if (verdict.status == LabelVerdict::Status::refused) ++sums.refused;
  }
  return sums;
}

}  // namespace argosy::server
