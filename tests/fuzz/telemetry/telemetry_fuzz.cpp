// The fuzz target of telemetry, in libFuzzer's form: whatever the bytes, a batch is refused or decodes to windows that
// a device can have counted and that the server's columns and sums hold, and is written and read again as the same.
#include <cmath>
#include <cstdint>

#include "common/base/bounds.hpp"
#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"
#include "tests/support/promise.hpp"

using namespace argosy;
using namespace argosy::wire;
using argosy::test::promise;

namespace {

void check_window(const InferenceWindow& window) {
  promise(is_storable(window.started_at) && is_storable(window.ended_at), "times that a column holds");
  promise(window.started_at <= window.ended_at, "an end that is not before the start");
  promise(window.ended_at - window.started_at <= longest_window, "a window no longer than a day");
  promise(is_name(window.model) && is_version(window.version), "a model and a version");
  promise(window.count <= most_in_window, "as many as a window can hold");
  promise(window.errors <= window.count && window.labelled <= window.count, "parts of the whole");
  promise(window.correct <= window.labelled, "correct ones among the labelled");
  const auto latency = LogHistogram::decode(window.latency);
  promise(latency.has_value() && latency->count() <= most_in_window, "a histogram that charts and guards can read");
  LogHistogram all = *latency;
  for (int i = 0; i < 70; ++i) all.merge(LogHistogram(all));  // no number of windows takes it out of its range
  promise(all.empty() == latency->empty(), "a sum of histograms that keeps its counts");
  if (const auto p95 = all.quantile(0.95)) promise(std::isfinite(*p95) && *p95 >= 0, "a quantile of a sum");
  for (const auto& [key, counts] : window.tags)
    promise(counts.count() <= window.count, "no more of a tag than there are");
  promise(window.entropy.count <= window.count && std::isfinite(window.entropy.sum), "entropies that a mean holds");
  std::uint64_t classes = 0;
  for (const auto& [label, count] : window.classes) classes += count;
  promise(classes <= largest_count, "classes that add up");
  for (const auto& feature : window.features) {
    std::uint64_t values = 0;
    for (const std::uint64_t count : feature.counts) values += count;
    promise(values <= largest_count && is_text(feature.name), "features that add up, with names of text");
  }
}

void check_sample(const HealthSample& sample) {
  promise(is_storable(sample.at), "a time that a column holds");
  for (const auto& field : health_fields)
    if (const auto& value = sample.*field.member)
      promise(std::isfinite(*value) && std::abs(*value) <= largest_reading, "a reading that averages hold");
  promise(sample.numbers.size() <= most_numbers, "so many readings of a command that charts hold them");
}

void check_record(const TelemetryRecord& record) {
  promise(record.seq >= 1 && record.seq <= largest_count, "a sequence number");
  if (const auto* window = std::get_if<InferenceWindow>(&record.content)) check_window(*window);
  if (const auto* sample = std::get_if<HealthSample>(&record.content)) check_sample(*sample);
  const auto again = decode_record(encode_record(record));
  promise(again.has_value() && *again == record, "a record is written and read again");
}

void check_error(const Error& error) {
  promise(error.code == Errc::malformed_cbor, "an error of form");
  promise(error.message.size() <= 512 && is_text(error.message), "a reason that does not repeat the batch");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto record = decode_record(bytes)) {
    check_record(*record);
  } else {
    check_error(record.error());
  }
  const auto batch = decode_telemetry(bytes);
  if (!batch) {
    check_error(batch.error());
    return 0;
  }
  promise(is_name(batch->device) && batch->epoch.size() == 16, "whose it is, and of which outbox");
  for (const auto& record : batch->records) check_record(record);
  const auto again = decode_telemetry(encode(*batch));
  promise(again.has_value() && *again == *batch, "a batch is written and read again");
  return 0;
}
