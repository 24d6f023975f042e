// Labels that people and other systems told the server of this device's observations, on their way to the device, which
// alone knows what it predicted; and what became of each. The server says on `down/ack` that some wait; the device
// fetches them by POST /device/v1/labels, whose body tells what became of those it had. docs/protocol.md.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"

namespace argosy::wire {

inline constexpr std::size_t most_labels_handed = 500;    // in one answer
inline constexpr std::size_t most_label_answers = 1'000;  // in one request

// What a device found out about a label.
enum class LabelOutcome : std::uint8_t {
  counted = 1,
  labelled_before,  // a program on the device had told the label already
  unknown,          // no prediction is kept under this id
  too_late,         // nor can it be any more: the inference is older than what is kept
  other_model       // the prediction is another model's
};
inline constexpr std::array label_outcomes{LabelOutcome::counted, LabelOutcome::labelled_before, LabelOutcome::unknown,
                                           LabelOutcome::too_late, LabelOutcome::other_model};
std::string_view to_string(LabelOutcome outcome);  // "labelled_before"
std::optional<LabelOutcome> parse_label_outcome(std::string_view text);

// An id and a label as everybody may give them: 1 to 2^63 - 1, and a class of 32 bits.
inline constexpr std::uint64_t largest_observation_id = INT64_MAX;
// Digits alone; in JSON ids are texts, since not every reader of JSON knows whole numbers of 63 bits.
std::optional<std::uint64_t> parse_observation_id(std::string_view text);

// JSON on `down/ack`: so many labels wait for the device.
struct LabelsWaiting {
  std::uint64_t labels = 0;
  friend bool operator==(const LabelsWaiting&, const LabelsWaiting&) = default;
};

struct HandedLabel {
  std::uint64_t seq = 0;  // by which it is answered; grows
  std::string model;
  std::uint64_t id = 0;
  std::int64_t label = 0;
  std::optional<Instant> predicted_at = {};  // where whoever told the label knows it
  friend bool operator==(const HandedLabel&, const HandedLabel&) = default;
};

// The device's request: what became of labels, after which one to go on, and how many more it takes now.
struct LabelAnswers {
  std::uint64_t after = 0;
  std::size_t most = most_labels_handed;
  std::map<std::uint64_t, LabelOutcome> answers;  // by seq
  friend bool operator==(const LabelAnswers&, const LabelAnswers&) = default;
};

// The server's answer: the next labels, in order.
struct HandedLabels {
  std::vector<HandedLabel> labels;
  bool more = false;  // behind these
  friend bool operator==(const HandedLabels&, const HandedLabels&) = default;
};

std::string encode(const LabelsWaiting& waiting);
Result<LabelsWaiting> decode_labels_waiting(std::string_view json);
std::string encode(const LabelAnswers& answers);
Result<LabelAnswers> decode_label_answers(std::string_view json);
std::string encode(const HandedLabels& labels);
Result<HandedLabels> decode_handed_labels(std::string_view json);

}  // namespace argosy::wire
