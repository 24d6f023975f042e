#include "common/wire/labels.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "common/base/id.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t waiting_limit = 1 << 10;
constexpr std::size_t labels_limit = 256 << 10;
constexpr std::string_view waiting_name = "word of labels that wait";
constexpr std::string_view answers_name = "the answers to labels";
constexpr std::string_view labels_name = "the labels";

void read_label(JsonReader& fields, HandedLabel& label) {
  std::string id;
  fields.required("seq", label.seq).required("model", label.model).required("id", id);
  fields.required("label", label.label, std::numeric_limits<std::int32_t>::min(),
                  std::numeric_limits<std::int32_t>::max());
  fields.optional("predicted_at", label.predicted_at);
  const auto number = parse_observation_id(id);
  label.id = number.value_or(0);
  fields.check("id", number.has_value(), "must be a number from 1 to 2^63 - 1, as text");
  fields.check("model", is_name(label.model), name_rule);
}

}  // namespace

std::string_view to_string(LabelOutcome outcome) {
  switch (outcome) {
    case LabelOutcome::counted:
      return "counted";
    case LabelOutcome::labelled_before:
      return "labelled_before";
    case LabelOutcome::unknown:
      return "unknown";
    case LabelOutcome::too_late:
      return "too_late";
    case LabelOutcome::other_model:
      return "other_model";
  }
  return "unnamed";
}

std::optional<LabelOutcome> parse_label_outcome(std::string_view text) {
  for (const LabelOutcome outcome : label_outcomes) {
    if (to_string(outcome) == text) return outcome;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_observation_id(std::string_view text) {
  std::uint64_t id = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, id);
  const bool good = read.ec == std::errc() && read.ptr == end && id > 0 && id <= largest_observation_id;
  return good ? std::optional(id) : std::nullopt;
}

std::string encode(const LabelsWaiting& waiting) {
  return write_json({{"labels", waiting.labels}});
}

Result<LabelsWaiting> decode_labels_waiting(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, waiting_limit, waiting_name));
  LabelsWaiting waiting;
  fields.required("labels", waiting.labels);
  ARGOSY_CHECK(finish(fields, waiting_name));
  return waiting;
}

std::string encode(const LabelAnswers& answers) {
  Json by_outcome = Json::object();
  for (const auto& [seq, outcome] : answers.answers) by_outcome[std::string(to_string(outcome))].push_back(seq);
  return write_json({{"after", answers.after}, {"most", answers.most}, {"answers", std::move(by_outcome)}});
}

// Outcomes that this server does not know are passed over: such labels are handed out again, until they end by age.
Result<LabelAnswers> decode_label_answers(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, labels_limit, answers_name));
  LabelAnswers answers;
  fields.optional("after", answers.after);
  fields.optional("most", answers.most, 0, most_labels_handed);
  fields.optional_object("answers", [&](JsonReader& by_outcome) {
    for (const LabelOutcome outcome : label_outcomes) {
      std::vector<std::uint64_t> answered;
      by_outcome.optional(to_string(outcome), answered);
      for (const std::uint64_t seq : answered) answers.answers.emplace(seq, outcome);
    }
  });
  fields.check("answers", answers.answers.size() <= most_label_answers, "must be at most 1,000");
  ARGOSY_CHECK(finish(fields, answers_name));
  return answers;
}

std::string encode(const HandedLabels& labels) {
  Json items = Json::array();
  for (const HandedLabel& label : labels.labels) {
    Json item = {{"seq", label.seq}, {"model", label.model}, {"id", std::to_string(label.id)}, {"label", label.label}};
    if (label.predicted_at) item["predicted_at"] = to_rfc3339(*label.predicted_at);
    items.push_back(std::move(item));
  }
  return write_json({{"labels", std::move(items)}, {"more", labels.more}});
}

Result<HandedLabels> decode_handed_labels(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, labels_limit, labels_name));
  HandedLabels labels;
  fields.objects("labels", most_labels_handed, labels.labels, read_label);
  fields.optional("more", labels.more);
  ARGOSY_CHECK(finish(fields, labels_name));
  return labels;
}

}  // namespace argosy::wire
