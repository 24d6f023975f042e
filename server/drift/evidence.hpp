// What drift remembers of a (device, model), kept so that a judgement needs new windows alone: the rolling histogram of
// the last day as a row of blocks of four hours, the histogram of the device's own first days, which blocks that leave
// the rolling one go into until it is full, that of the same weeks of the year before, the votes of the last hours, and
// how the input contract is kept. Pure; packed in memory between two judgements (pair_drift), and written to
// drift_evidence now and then. Bounded by the bins of the release's reference: features it does not name are not kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/instant.hpp"
#include "server/drift/contract_watch.hpp"
#include "server/drift/judged_reference.hpp"
#include "server/drift/last_year.hpp"

namespace argosy::server {

class Packer;

struct EvidenceRule {
  Duration look{24 * 3'600'000};    // the rolling histogram
  int own_looks = 7;                // the device's own first days are so many times as long
  std::size_t window_limit = 3000;  // windows that are read again when nothing is remembered
  Duration hour() const { return look / 24; }
  Duration own() const { return look * own_looks; }
  // Samples that are nearer to each other count as one: a camera sees the same scene in two frames that follow each
  // other. A minute, of a day.
  Duration decorrelation() const { return std::max(Duration{1}, look / 1440); }
};

class Evidence {
 public:
  static constexpr int votes_kept = 8;

  Evidence(EvidenceRule rule, JudgedReference reference);

  // In the order of their time, from where the evidence ends. `contract`: how the input contract is looked at.
  void add_newer(const ContractRule& contract, const HeardWindow& window);
  // From where it begins, backwards; says nothing of the contract, which is about now.
  void add_older(const HeardWindow& window);
  // A window of another version came between: what was before it does not count.
  void begin_again();
  // Gathered anew from windows: the first days, the votes and the contract stay as they are.
  void gather_anew();
  void forget_before(Instant oldest);
  // Whether older windows would still count.
  bool wants_older() const;
  void has_no_older() { older_wanted_ = false; }

  std::optional<Instant> newest() const { return newest_; }
  std::optional<Instant> oldest() const { return oldest_; }
  // The rolling histogram; zeros for a feature of which there is nothing.
  HistogramCounts present_at(std::size_t place) const;
  HistogramCounts present(const std::string& feature) const;
  // How many of its samples are independent.
  double independent_samples(std::uint64_t samples) const;
  // Of the device's own first days; empty while these last.
  HistogramCounts own_at(std::size_t place) const;
  double own_independent_samples(std::uint64_t samples) const;
  bool has_own() const;
  // Of the same weeks of the year before; empty when there are none.
  HistogramCounts last_year_at(std::size_t place) const;
  double last_year_independent_samples(std::uint64_t samples) const;
  bool has_read_last_year() const { return last_year_.read_in.has_value(); }
  bool has_outdated_last_year(const WatchedPair& pair, Instant now) const {
    return last_year_.read_in && now >= read_last_year_again(pair, *last_year_.read_in);
  }
  void set_last_year(LastYear last_year) { last_year_ = std::move(last_year); }

  // Whether it is another hour than when it was asked last: features vote once in each.
  bool begin_hour(Instant now);
  void vote(std::size_t place, bool is_high);
  int votes(std::size_t place) const;  // of the last eight hours, those that said high
  int hours_voted(std::size_t place) const;

  ContractWatch& contract() { return contract_; }
  const ContractWatch& contract() const { return contract_; }
  const JudgedModel& model() const { return *reference_; }
  const JudgedReference& reference() const { return reference_; }

  std::string to_json() const;
  // False, and nothing is known, when the text is not one of ours or is of other features.
  bool restore(const std::string& json, Instant newest);

  // Of this process alone: some hundred bytes. What was packed is unpacked over the same reference.
  Bytes pack() const;
  void unpack(ByteView bytes);

 private:
  struct Block {
    Instant from{};
    Instant to{};
    Duration covered{};                   // by its windows
    std::vector<HistogramCounts> counts;  // by the place of the feature; empty: none yet
  };
  static constexpr int blocks_wanted = 6;
  static constexpr std::size_t block_limit = 16;

  void put(Packer& out) const;
  void take(ByteView bytes);
  // Puts the window into `block`, or answers a new block of it; none when it has nothing that counts.
  std::optional<Block> merge(Block* block, const HeardWindow& window) const;
  bool has_room(const Block& block, Instant at) const;
  void add_to_own(const Block& block);

  EvidenceRule rule_;
  JudgedReference reference_;
  std::vector<Block> blocks_;  // oldest first
  std::vector<HistogramCounts> own_;
  std::optional<Instant> own_from_;
  Instant own_to_{};
  Duration own_covered_{};
  LastYear last_year_;
  std::optional<Instant> newest_;
  std::optional<Instant> oldest_;
  std::size_t windows_ = 0;
  bool older_wanted_ = true;
  std::int64_t hour_ = 0;
  std::vector<std::uint16_t> votes_;  // eight bits of votes over eight bits that say which hours voted
  ContractWatch contract_;
};

}  // namespace argosy::server
