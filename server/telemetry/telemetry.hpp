// What the server keeps of telemetry, and the rule that makes it exactly once. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "common/stats/device_rows.hpp"
#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::server {

// How far the records of one outbox have been stored.
struct Cursor {
  std::uint64_t seq = 0;                     // the highest sequence stored or lost; 0: nothing yet
  std::uint64_t lost = 0;                    // sequences that the device dropped from a full outbox
  std::uint64_t refused = 0;                 // sequences that the device set aside because we would not have them
  std::optional<wire::ChainLink> link = {};  // of the record `seq`; none: it came without a chain
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

// The links of records that are stored, by their sequence.
using StoredLinks = std::map<std::uint64_t, wire::ChainLink>;

struct Sequences {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const Sequences&, const Sequences&) = default;
};

// The records whose stored links continue_from must know to judge this batch; none in the usual course of things.
std::optional<Sequences> links_needed(const Cursor& cursor, const wire::TelemetryBatch& batch);

struct Continuation {
  std::size_t skip = 0;  // records at the front of the batch that are stored already
  std::size_t take = 0;  // records after those, which continue the cursor
  Cursor cursor;         // once they are stored
  wire::TelemetryAck ack;
  // The link of the first record that is another than the one we have under its number: one a fork.
  std::optional<wire::ChainLink> forked_at = {};
};

// Only what continues the cursor is taken: from `cursor + 1`, or from `oldest` when the device had to drop what lay
// between. A repeat and a hole take nothing and leave the cursor where it is.
//
// By its chain a batch also shows whose it is. An outbox that was restored from an older image, or copied, has other
// records under the numbers that we have: nothing of it is taken, and the ack says up to where its records are ours and
// asks for the others under a new epoch.
Continuation continue_from(const Cursor& cursor, const wire::TelemetryBatch& batch, const StoredLinks& stored = {});

// Which outbox speaks for a device. An outbox never takes an epoch again that it left, so one that comes back with news
// is of another agent with the same identity; once may be a disk that was changed back, again and again is two of them.
struct Speaker {
  static constexpr int returns_of_two = 2;
  static constexpr Duration memory{3'600'000};

  std::string epoch;
  int returns = 0;  // in a row, none longer than `memory` after the one before
  std::optional<Instant> returned_at = {};
  friend bool operator==(const Speaker&, const Speaker&) = default;
};

// After news under `epoch`; `is_new`: there was nothing under it before. None: nothing changed.
std::optional<Speaker> speak(const std::optional<Speaker>& known, const std::string& epoch, bool is_new, Instant now);

// Windows and samples with all that figures are made of, for what is kept in the same transaction and for charts.
struct TakenWindow {
  std::string device{};
  std::string model{};
  std::string version{};
  Instant started_at{};
  Instant ended_at{};
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  std::uint64_t labelled = 0;
  std::uint64_t correct = 0;
  LogHistogram latency{};
  wire::Numbers numbers{};
  wire::Confidences confidences{};
  wire::NumberSummary entropy{};
  wire::Tags tags{};
  std::vector<wire::FeatureCounts> features{};
  wire::Classes classes{};
  Instant received_at{};
  std::optional<Instant> device_started_at{};  // by the device's clock, where that is another time
  friend bool operator==(const TakenWindow&, const TakenWindow&) = default;
};

// Answers whose right class is known, and how many of them were right.
struct LabelCounts {
  std::uint64_t known = 0;
  std::uint64_t right = 0;
};
LabelCounts labels_at_inference(const TakenWindow& window);
LabelCounts labels_that_came_later(const TakenWindow& window);  // in this window; of inferences before or in it
LabelCounts all_labels(const TakenWindow& window);              // each counts once
// Of the numbers of a window by the name of one of the agent's; nothing where it is not there.
WeightedMean agents_number(const wire::Numbers& numbers, std::string_view name);

// What is left of them in sums over many windows.
WeightedMean mean_of(const wire::NumberSummary& seen);
WeightedMean mean_of(const wire::Confidences& seen);

struct TakenHealth {
  std::string device;
  Instant at{};
  wire::HealthSample sample;
};
struct TakenTelemetry {
  std::vector<TakenWindow> windows;
  std::vector<TakenHealth> health;
};

// A (device, model) of which an instance that does not lead has stored windows; or, with the model "", health.
struct UnheardPair {
  std::string device;
  std::string model;
  Instant earliest{};  // of their starts
};

// Per epoch: what is in the tables, beside what the device says it dropped.
struct EpochIntegrity {
  std::string epoch;
  std::uint64_t stored = 0;  // rows
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t lost = 0;        // dropped by the device before we could have them
  std::uint64_t duplicates = 0;  // rows over one per sequence
  std::uint64_t gaps = 0;        // sequences missing between first_seq and last_seq, lost ones included
  std::uint64_t refused = 0;     // set aside by the device because we refuse them for good
  std::uint64_t unread = 0;      // acknowledged, but so old that retention took them before anybody could see them
  std::uint64_t forks = 0;       // how often another outbox spoke under this epoch: a restored or copied disk
  std::optional<Instant> forked_at = {};    // the last time
  std::optional<Instant> received_at = {};  // when the last batch came
};

}  // namespace argosy::server
