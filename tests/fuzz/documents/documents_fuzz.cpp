// The fuzz target of the JSON that crosses the network, in libFuzzer's form: whatever the text, each document is
// refused with a short reason or decodes to what every column holds, and is written and read again as the same.
#include <cstdint>
#include <string>

#include "common/base/bounds.hpp"
#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/labels.hpp"
#include "common/wire/state.hpp"
#include "common/wire/telemetry.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using argosy::test::promise;

namespace {

constexpr std::size_t longest_reason = 512;

void check_reason(const Error& error) {
  promise(error.code == Errc::malformed_json || error.code == Errc::incompatible || error.code == Errc::too_large,
          "an error of form");
  promise(error.message.size() <= longest_reason, "a reason that does not repeat the document");
  promise(is_text(error.message), "a reason that a log and a column hold");
}

// The decoded document once it was written and read again is the same.
template <class Document, class Decode>
void check_round_trip(const Document& document, Decode decode) {
  const auto again = decode(encode(document));
  promise(again.has_value(), "what was read can be written and read again");
  promise(*again == document, "what was written reads as the same");
}

void check_counted(const wire::UpdateReport& update) {
  promise(update.rollout >= 0 && update.attempt >= 0 && update.attempt <= 1'000'000, "numbers that columns hold");
  promise(update.bytes <= largest_count && update.full_bytes <= largest_count, "sizes that sums hold");
  promise(update.progress >= 0 && update.progress <= 1, "a share");
  promise(is_storable(update.changed_at), "a time that a column holds");
  promise(update.version.empty() || is_version(update.version), "a version that an index holds");
}

void read_state(const std::string& text) {
  const auto state = wire::decode_device_state(text);
  if (!state) return check_reason(state.error());
  promise(is_name(state->device) && state->nonce >= 0 && state->rev >= 0, "whose it is, and which");
  promise(state->health_interval_s >= 1 && state->health_interval_s <= 86400, "an interval of a second to a day");
  promise(is_storable(state->at) && (!state->health || is_storable(state->health->at)), "times that a column holds");
  for (const auto& model : state->models) {
    promise(is_name(model.model) && model.slots.size() <= 16, "a model's name and slots");
    if (model.update) check_counted(*model.update);
  }
  check_round_trip(*state, wire::decode_device_state);
}

void read_will(const std::string& text) {
  const auto will = wire::decode_last_will(text);
  if (!will) return check_reason(will.error());
  promise(is_name(will->device) && will->nonce >= 0, "whose will it is");
}

void read_desired(const std::string& text) {
  const auto desired = wire::decode_desired(text);
  if (!desired) return check_reason(desired.error());
  for (const auto& model : desired->models) {
    promise(is_version(model.version) && model.artifact.size <= largest_count, "a version and a size");
    promise(model.patches.size() <= 64 && model.features.size() <= 256, "lists with limits");
  }
  check_round_trip(*desired, wire::decode_desired);
}

void read_ack(const std::string& text) {
  const auto ack = wire::decode_telemetry_ack(text);
  if (!ack) return check_reason(ack.error());
  promise(ack->seq <= largest_count, "a sequence number");
  check_round_trip(*ack, wire::decode_telemetry_ack);
}

void read_labels(const std::string& text) {
  const auto answers = wire::decode_label_answers(text);
  if (!answers) check_reason(answers.error());
  if (answers) promise(answers->answers.size() <= wire::most_label_answers, "answers with a limit");
  if (answers) check_round_trip(*answers, wire::decode_label_answers);
  const auto handed = wire::decode_handed_labels(text);
  if (!handed) return check_reason(handed.error());
  promise(handed->labels.size() <= wire::most_labels_handed, "labels with a limit");
  check_round_trip(*handed, wire::decode_handed_labels);
}

void read_any(const std::string& text) {
  const auto document = parse_json(text, {.depth = 16, .values = 1000});
  if (!document) return check_reason(document.error());
  const auto again = parse_json(write_json(*document));
  promise(again.has_value() && *again == *document, "any document is written and read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_any(text);
  read_state(text);
  read_will(text);
  read_desired(text);
  read_ack(text);
  read_labels(text);
  return 0;
}
