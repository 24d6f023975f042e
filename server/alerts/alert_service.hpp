// Opens and closes alerts. The leader ticks it, and remembers of each pair what judging needs; what it wrote of that,
// and the windows since, lie in PostgreSQL, so that a new leader goes on in the middle of an episode. Coroutines and
// the judging on the I/O thread, SQL on the pool's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/alerts/alert.hpp"
#include "server/alerts/alert_life.hpp"
#include "server/alerts/alert_list.hpp"
#include "server/alerts/silence.hpp"
#include "server/alerts/site_dark.hpp"
#include "server/alerts/window_memory.hpp"
#include "server/base/task.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct AlertOptions {
  WindowRules rules{};
  WatchOptions watch{.name = "alerts", .limits = {.interval = Duration{2000}}};
  SiteRule sites{};
  EscalationRule escalation{};
  std::size_t looks_at_once = 500;    // alerts whose time has come, in one transaction
  std::size_t levels_at_once = 1000;  // changes of presence and drift judged in one transaction
  Duration releases_every{60'000};    // how long a release's threshold may be out of date
  Duration hand_over_budget{3000};
};

class AlertService {
 public:
  explicit AlertService(DbPool& db, AlertOptions options = {});
  ~AlertService();

  // Windows that were just stored: their devices are due. A listener of the telemetry service.
  void take(const std::vector<TakenWindow>& windows, Instant now);
  // Windows that another instance stored.
  void take(const std::vector<UnheardPair>& pairs, Instant now);
  // It is not known whether something of these devices was stored.
  void doubt(const std::set<std::string>& devices, Instant now);
  // From now on latency is judged by this.
  void use(const LatencyRule& rule);
  // Judges what is due, presence, drift and rollouts; follows silences and the clock; and writes alerts with their
  // history and the events `alert.firing`, `alert.resolved` and `alert.escalated`. Answers how many alerts moved. Call
  // about once a second on the leader.
  Task<Result<std::size_t>> tick(Instant now);
  // Writes the lists of the worst, for every instance to show. Every few seconds on the leader.
  Task<Result<void>> tell_worst(Instant now);
  // Writes what is remembered, for some seconds at most, so that the next one to lead has less to read; and forgets it.
  // Once the ticks have ended.
  Task<Result<void>> hand_over(Instant now);
  WatchFigures watch_figures(Instant now) const;
  Task<Result<AlertPage>> list(AlertQuery query);
  Task<Result<AlertWithHistory>> find(std::int64_t id);
  Task<Result<std::vector<AlertGroup>>> groups(GroupQuery query);
  Task<Result<HistoryPage>> history(HistoryQuery query);
  // Errc::not_found, or Errc::illegal_transition when it is resolved. Doing it twice changes nothing.
  Task<Result<Alert>> acknowledge(std::int64_t id, std::string comment, std::string actor, Instant now);
  Task<Result<Alert>> take_acknowledgement_back(std::int64_t id, std::string actor, Instant now);

  Task<Result<SilencePage>> silences(SilenceQuery query);
  // Errc::invalid_argument for a time zone that is none, Errc::conflict when there are too many.
  Task<Result<Silence>> add_silence(Silence wanted, std::string actor, Instant now);
  // Errc::not_found, or Errc::illegal_transition when it has ended.
  Task<Result<Silence>> change_silence(std::int64_t id, Silence wanted, std::string actor, Instant now);
  Task<Result<Silence>> end_silence(std::int64_t id, std::string actor, Instant now);

 private:
  class WindowJudge;
  Task<Result<std::size_t>> judge_levels(Instant now);
  Task<Result<void>> refresh_releases(Instant now);
  Task<Result<void>> follow_lives(Instant now);

  DbPool& db_;
  AlertOptions options_;
  Watch watch_;
  std::unique_ptr<WindowJudge> judge_;
  std::optional<Instant> releases_read_at_;
};

// `leading`: whether this instance does.
void add_metrics(Metrics& metrics, const AlertService& alerts, std::function<bool()> leading);

}  // namespace argosy::server
