// Rules as data, and the engine that judges by them. The leader ticks it: it remembers of each (device, model), and of
// each device as a whole, what judging needs, and asks the database only where it does not. Coroutines and the judging
// on the I/O thread, SQL on the pool's threads. Lists, changes and previews are for any instance.
//
// Bounded: rule_limit rules, what is remembered in bytes, and previews_at_once previews, each of preview_devices
// devices and preview_look of time.
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
#include "server/base/task.hpp"
#include "server/rules/rule.hpp"
#include "server/rules/rule_preview.hpp"
#include "server/rules/rule_table.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct RuleOptions {
  WatchOptions watch{.name = "rules",
                     .limits = {.interval = Duration{2000}},
                     .budget = Duration{300},
                     .longest_look = Duration{900'000},
                     .memory_bytes = 64ULL << 20};
  Duration look{900'000};          // what came before is no news, where nothing is remembered
  Duration scopes_every{900'000};  // how long the devices of a filter may be out of date
  std::size_t scopes_at_once = 1000;
  std::size_t alerts_ended_at_once = 1000;
  Duration certificates_every{60'000};
  Duration presence_every{10'000};
  Duration availability_every{300'000};
  std::int64_t device_certificate_days = 90;  // as devices get them
  Duration hand_over_budget{3000};
};

struct StoredRule {
  RuleId id = 0;
  Rule rule;
  std::int64_t version = 1;
  Instant updated_at{};
  std::string updated_by;  // empty: as it was shipped
};

struct ListedRule {
  StoredRule stored;
  std::int64_t pending = 0;  // alerts
  std::int64_t firing = 0;
};

struct RuleVersion {
  std::int64_t version = 0;
  std::string what;  // shipped, created, changed, reset, deleted
  Instant changed_at{};
  std::string changed_by;
  Rule rule;
};

class RuleService {
 public:
  static constexpr std::size_t previews_at_once = 4;

  // `use_latency` hears of the figures of latency_doubled, which alerts judge.
  RuleService(DbPool& db, RuleOptions options, std::function<void(const AgainstUsual&)> use_latency);
  ~RuleService();

  // What was just stored. Listeners of the telemetry service.
  void take(const std::vector<TakenWindow>& windows, Instant now);
  void take(const std::vector<TakenHealth>& health, Instant now);
  // What another instance stored; the model "" stands for health.
  void take(const std::vector<UnheardPair>& pairs, Instant now);
  // It is not known whether something of these devices was stored.
  void doubt(const std::set<std::string>& devices, Instant now);
  // Reads the rules when they have changed, judges what is due, and ends the alerts of rules that are gone. Answers how
  // many alerts moved. Call about once a second on the leader.
  Task<Result<std::size_t>> tick(Instant now);
  // Writes what is remembered, for some seconds at most; and forgets it. Once the ticks have ended.
  Task<Result<void>> hand_over(Instant now);
  WatchFigures watch_figures(Instant now) const;

  Task<Result<std::vector<ListedRule>>> list();
  Task<Result<ListedRule>> get(std::string name);                              // Errc::not_found
  Task<Result<std::vector<RuleVersion>>> versions(std::string name);           // newest first
  Task<Result<StoredRule>> create(Rule rule, std::string actor, Instant now);  // Errc::conflict, limit_reached
  // `if_version` none: whatever it is now. Errc::precondition_failed when it is another.
  Task<Result<StoredRule>> update(std::string name, std::optional<std::int64_t> if_version, std::string document,
                                  std::string actor, Instant now);
  // Back to what was shipped. Errc::illegal_transition of another rule.
  Task<Result<StoredRule>> reset(std::string name, std::optional<std::int64_t> if_version, std::string actor,
                                 Instant now);
  // Errc::illegal_transition of a shipped one, which can be disabled.
  Task<Result<void>> remove(std::string name, std::optional<std::int64_t> if_version, std::string actor, Instant now);
  // Errc::rate_limited when too many are asked for at once.
  Task<Result<RulePreview>> preview(Rule rule, PreviewQuestion question);

 private:
  class Engine;
  Task<Result<void>> refresh(Instant now);
  Task<Result<void>> refresh_scopes(Instant now);
  Task<Result<std::size_t>> end_alerts(Instant now);
  Task<Result<std::size_t>> judge_certificates(Instant now);
  Task<Result<std::size_t>> judge_presence(Instant now);

  DbPool& db_;
  RuleOptions options_;
  std::function<void(const AgainstUsual&)> use_latency_;
  Watch watch_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<std::size_t> previews_;  // under way
  bool has_shipped_ = false;
  bool alerts_may_be_left_ = true;  // of rules that are gone
  std::vector<Rule> scoped_;        // with a judge of their own, and a filter or a model
  std::optional<Instant> scoped_at_;
  std::optional<Instant> presence_at_;
  std::optional<Instant> availability_at_;
  std::string seen_;  // the state of the rules as it was read last
  std::optional<Rule> certificates_;
  std::optional<Instant> certificates_at_;
};

// `leading`: whether this instance does.
void add_metrics(Metrics& metrics, const RuleService& rules, std::function<bool()> leading);

}  // namespace argosy::server
