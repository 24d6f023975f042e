// Telemetry: windows of inference observations and health samples. Device to server, CBOR, on
// `argosy/v1/{device}/up/telemetry` and POSTed to /device/v1/telemetry; answered by an Ack after the commit.
//
// Exactly once: each record has a sequence number inside the `epoch` of the device's outbox, and a batch holds
// consecutive numbers from its outbox. The server stores only what continues its cursor: the next number, or `oldest`
// when the device had to drop what came before. Anything else is answered with the cursor, and the device sends again.
//
// Numbers alone do not tell an outbox from an older image of it, so a batch also carries the chain: one link for all
// that the outbox ever held up to a record. The server stores links beside the records, compares and never computes
// them; docs/protocol.md, "Exactly-once telemetry".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/container/flat_map.hpp>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/health.hpp"
#include "common/wire/numbers.hpp"
#include "common/wire/tags.hpp"

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

// Predicted class -> count; at most 1,024.
using Classes = boost::container::flat_map<int, std::uint64_t>;

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
  Classes classes;
  std::vector<FeatureCounts> features;
  Numbers numbers = {};          // a program's own, each with at most `count` values
  Confidences confidences = {};  // of at most `count` inferences
  NumberSummary entropy = {};    // of the predictions; the same
  Tags tags = {};                // of at most `count` inferences under each key
  friend bool operator==(const InferenceWindow&, const InferenceWindow&) = default;
};

struct TelemetryRecord {
  std::uint64_t seq = 0;
  std::variant<InferenceWindow, HealthSample> content;
  friend bool operator==(const TelemetryRecord&, const TelemetryRecord&) = default;
};

using ChainLink = std::uint64_t;

// Of records read or, in the agent, of their bytes as they lie in the outbox.
template <class Record>
struct BatchOf {
  std::string device;
  std::string epoch;                 // 16 hex digits, made with the outbox
  std::uint64_t oldest = 0;          // lowest sequence still in the outbox
  std::vector<Record> records = {};  // ascending, without holes; at most 500
  // The link before the first record and the one after each, so one more than there are records; none: an outbox that
  // has no chain (yet).
  std::vector<ChainLink> chain = {};
  std::uint64_t since = 0;    // with a chain: the highest number that the device knows to be stored
  std::uint64_t refused = 0;  // so many of those between `since` and the first record the server refused for good
  std::optional<Instant> sent_at = {};        // by the device's clock
  std::optional<Duration> clock_offset = {};  // the device's clock less the server's, when the device knows it
  friend bool operator==(const BatchOf&, const BatchOf&) = default;
};
using TelemetryBatch = BatchOf<TelemetryRecord>;
using StoredBatch = BatchOf<Bytes>;  // each as encode_record() made it

struct ChainPoint {
  std::uint64_t seq = 0;
  ChainLink link = 0;
  friend bool operator==(const ChainPoint&, const ChainPoint&) = default;
};

// JSON on `argosy/v1/{device}/down/ack` and the answer to the POST: everything up to `seq` is stored.
struct TelemetryAck {
  std::string epoch;
  std::uint64_t seq = 0;
  // Of the record `seq`: an outbox whose own link there differs is not meant.
  std::optional<ChainLink> link = {};
  // The batch that ended here does not continue what is stored: what lies after `seq` belongs under a new epoch.
  std::optional<ChainPoint> renew = {};
  friend bool operator==(const TelemetryAck&, const TelemetryAck&) = default;
};

// JSON on `down/ack`: a batch that the server will never take. HTTPS has a problem document in its place.
struct TelemetryRefusal {
  std::string batch;    // the first 16 hex digits of the SHA-256 of its bytes
  std::string message;  // why, for a person; shortened to 150 bytes
  friend bool operator==(const TelemetryRefusal&, const TelemetryRefusal&) = default;
};

// One record as it lies in the outbox; a batch is a CBOR map around such records.
Bytes encode_record(const TelemetryRecord& record);
Bytes encode(const TelemetryBatch& batch);
Bytes encode(const StoredBatch& batch);
Result<TelemetryBatch> decode_telemetry(ByteView cbor);  // at most 1 MiB; Errc::malformed_cbor
Result<TelemetryRecord> decode_record(ByteView cbor);
// Whether these bytes can lie in a batch: one whole map. What it says is for whoever reads the batch.
Result<void> check_record(ByteView cbor);
std::string encode(const TelemetryAck& ack);
Result<TelemetryAck> decode_telemetry_ack(std::string_view json);
std::string encode(const TelemetryRefusal& refusal);
Result<TelemetryRefusal> decode_telemetry_refusal(std::string_view json);

}  // namespace argosy::wire
