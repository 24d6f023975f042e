// The rolling histogram that drift is judged on, kept so that a judgement needs new windows alone: the newest windows
// of a (device, model) as a row of blocks, each an eighth of the samples that are wanted. Pure; packed in memory
// between two judgements (pair_drift), and written to drift_evidence now and then. Bounded by the bins of the release's
// reference: features it does not name are not kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"

namespace argosy::server {

class Packer;

using HistogramCounts = std::vector<std::uint64_t>;

struct EvidenceRule {
  std::uint64_t samples = 2000;           // the rolling histogram holds the newest windows with about so many samples
  Duration longest_look{24 * 3'600'000};  // and none older than this
  std::size_t window_limit = 1440;        // nor more windows than this
};

struct EvidenceWindow {
  Instant started_at{};
  std::map<std::string, HistogramCounts> features = {};
};
// What releases.reference holds; features without counts have bins but nothing to compare with, and are left out.
std::vector<wire::FeatureReference> reference_of_json(const std::string& text);

class Evidence {
 public:
  // Of features in `reference`, whose bins a window must have to count.
  Evidence(EvidenceRule rule, const std::vector<wire::FeatureReference>& reference);

  // In the order of their time, from where the evidence ends.
  void add_newer(const EvidenceWindow& window) { add_newer(window.started_at, placed(window)); }
  // The counts by the place of their feature in the reference; empty: the window has none that count.
  void add_newer(Instant started_at, std::vector<HistogramCounts> counts);
  // From where it begins, backwards.
  void add_older(const EvidenceWindow& window);
  // A window of another version came between: what was before it does not count.
  void begin_again();
  void forget_before(Instant oldest);
  // Whether older windows would still count.
  bool wants_older() const;
  void has_no_older() { older_wanted_ = false; }

  std::optional<Instant> newest() const { return newest_; }
  std::optional<Instant> oldest() const { return oldest_; }
  // The newest blocks that hold the samples wanted, summed up; zeros for a feature of which there are none.
  HistogramCounts present(const std::string& feature) const;
  HistogramCounts present_at(std::size_t place) const;

  std::string to_json() const;
  // False, and nothing is known, when the text is not one of ours.
  bool restore(const std::string& json, Instant newest);

  // Of this process alone: some hundred bytes. What was packed is unpacked over the same reference.
  Bytes pack() const;
  void unpack(ByteView bytes);

 private:
  struct Block {
    Instant from{};
    Instant to{};
    std::vector<HistogramCounts> counts;  // by the place of the feature; empty: none yet
    std::uint64_t samples = 0;            // of the feature that has the most
  };
  static constexpr std::size_t blocks_wanted = 8;
  static constexpr std::size_t block_limit = 64;  // when features are rarer than others

  void put(Packer& out) const;
  std::vector<HistogramCounts> placed(const EvidenceWindow& window) const;
  // Puts the window into `block`, or answers a new block of it; none when it has nothing that counts.
  std::optional<Block> merge(Block* block, Instant started_at, std::vector<HistogramCounts> counts) const;
  bool has_room(const Block& block, Instant at) const;
  // How many of the newest blocks hold the samples wanted of every feature that there is; none when all are too few.
  std::optional<std::size_t> blocks_needed() const;

  EvidenceRule rule_;
  std::vector<std::string> names_;
  std::vector<std::size_t> bins_;
  std::vector<Block> blocks_;  // oldest first
  std::optional<Instant> newest_;
  std::optional<Instant> oldest_;
  std::size_t windows_ = 0;
  bool older_wanted_ = true;
};

}  // namespace argosy::server
