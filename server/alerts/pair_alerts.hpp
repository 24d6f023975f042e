// What alerts remember of a (device, model) in memory, and its judgement from that alone. Pure; on the I/O thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/alerts/window_memory.hpp"
#include "server/telemetry/pair_memory.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// What is judged against of one release; shared by all pairs that serve it, and brought up to date in its place.
struct ReleaseToJudge {
  std::string model;
  std::string version;
  std::optional<double> accuracy_threshold;
};

class ReleasesToJudge {
 public:
  using Name = std::pair<std::string, std::string>;  // model, version

  std::shared_ptr<ReleaseToJudge> learn(const std::string& model, const std::string& version,
                                        std::optional<double> accuracy_threshold);
  // The releases that pairs serve; those that none does any more are forgotten.
  std::vector<Name> in_use();

 private:
  std::map<Name, std::shared_ptr<ReleaseToJudge>> releases_;
};

JudgedWindow judged_window_of(const TakenWindow& window);

class PairAlerts final : public PairMemory {
 public:
  static constexpr Duration refresh_every{60'000};  // of the figures of an open alert that stays as it is

  PairAlerts(std::shared_ptr<const ReleaseToJudge> release, WindowMemory memory, AlertState latency,
             AlertState accuracy);

  std::size_t bytes() const override;

  // A window that was stored. One of another version, or what came while too much waits already, makes it unsure.
  void hear(const std::string& version, const JudgedWindow& window);

  struct Judgement {
    ServedVersion served;
    AlertState latency_before = AlertState::ok;
    AlertState accuracy_before = AlertState::ok;
    std::vector<AlertFinding> findings;  // worth writing
  };
  Judgement judge(const WindowRules& rules, const WatchedPair& pair, Instant now);

  ServedVersion served(const WatchedPair& pair) const;
  WindowMemory memory() const;  // as it is to be written
  AlertState latency() const { return latency_; }
  AlertState accuracy() const { return accuracy_; }

  // For the lists of the worst.
  struct Newest {
    Instant started_at{};
    double p95_ms = 0;
  };
  const Newest& newest() const { return newest_; }  // of 1970: there is none
  std::optional<double> ln_usual_ms() const;
  AccuracyWindow labels_since(Instant since) const;
  Instant newest_labels() const { return fresh_.empty() ? Instant{} : fresh_.back().at; }
  double likeness_of_labels() const { return likeness_of_labels_; }
  const ReleaseToJudge& release() const { return *release_; }

 private:
  void keep(WindowMemory memory);

  std::shared_ptr<const ReleaseToJudge> release_;
  Bytes packed_;                    // WindowMemory
  std::vector<FreshLabels> fresh_;  // of it
  Newest newest_;
  std::vector<JudgedWindow> waiting_;  // heard since it was judged, oldest first
  Instant heard_until_{};
  Instant refreshed_at_{};
  double ln_usual_ms_ = 0;
  double likeness_of_labels_ = 0;
  bool has_usual_ = false;
  AlertState latency_ = AlertState::ok;
  AlertState accuracy_ = AlertState::ok;
};

}  // namespace argosy::server
