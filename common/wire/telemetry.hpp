// Telemetry: windows of inference observations and health samples. Device to server, CBOR, on
// `argosy/v1/{device}/up/telemetry` and POSTed to /device/v1/telemetry; answered by an Ack after the commit.
//
// Exactly once: each record has a sequence number inside the `epoch` of the device's outbox, and a batch holds
// consecutive numbers from its outbox. The server stores only what continues its cursor: the next number, or `oldest`
// when the device had to drop what came before. Anything else is answered with the cursor, and the device sends again.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/health.hpp"

namespace argosy::wire {

// An agent closes a window after an hour at most; a board that slept may be late.
inline constexpr std::chrono::hours longest_window{24};
// What a window can hold: a day of 100,000 inferences a second are 8.64e9. A table may then hold 900 million of the
// fullest windows before a sum over all of them leaves 64 bits.
inline constexpr std::uint64_t most_in_window = 10'000'000'000;

struct FeatureCounts {
  std::string name;
  std::vector<std::uint64_t> counts;  // over the release's bins, common/wire/desired.hpp
  friend bool operator==(const FeatureCounts&, const FeatureCounts&) = default;
};

struct InferenceWindow {
  Instant started_at{};
  Instant ended_at{};  // not before the start, and at most longest_window after it
  std::string model;
  std::string version;
  std::uint64_t count = 0;     // at most most_in_window, as each count below
  std::uint64_t errors = 0;    // of count
  std::uint64_t labelled = 0;  // of count
  std::uint64_t correct = 0;   // of labelled
  Bytes latency;               // log-histogram in milliseconds, common/stats/log_histogram.hpp
  std::map<int, std::uint64_t> classes;
  std::vector<FeatureCounts> features;
  friend bool operator==(const InferenceWindow&, const InferenceWindow&) = default;
};

struct TelemetryRecord {
  std::uint64_t seq = 0;
  std::variant<InferenceWindow, HealthSample> content;
  friend bool operator==(const TelemetryRecord&, const TelemetryRecord&) = default;
};

struct TelemetryBatch {
  std::string device;
  std::string epoch;                     // 16 hex digits, made with the outbox
  std::uint64_t oldest = 0;              // lowest sequence still in the outbox
  std::vector<TelemetryRecord> records;  // ascending, without holes; at most 500
  friend bool operator==(const TelemetryBatch&, const TelemetryBatch&) = default;
};

// JSON on `argosy/v1/{device}/down/ack` and the answer to the POST: everything up to `seq` is stored.
struct TelemetryAck {
  std::string epoch;
  std::uint64_t seq = 0;
  friend bool operator==(const TelemetryAck&, const TelemetryAck&) = default;
};

// One record as it lies in the outbox; a batch is a CBOR map around such records.
Bytes encode_record(const TelemetryRecord& record);
Bytes encode(const TelemetryBatch& batch);
Result<TelemetryBatch> decode_telemetry(ByteView cbor);  // at most 1 MiB; Errc::malformed_cbor
Result<TelemetryRecord> decode_record(ByteView cbor);
std::string encode(const TelemetryAck& ack);
Result<TelemetryAck> decode_telemetry_ack(std::string_view json);

}  // namespace argosy::wire
