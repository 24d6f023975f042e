#include "server/alerts/alert_service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/alerts/alert_store.hpp"
#include "server/alerts/pair_alerts.hpp"
#include "server/alerts/silence_store.hpp"
#include "server/alerts/worst.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/telemetry/watch_tick.hpp"

namespace argosy::server {

// What Watch wants of one who judges. What is to be written waits here, in the order of the watch.
class AlertService::WindowJudge {
 public:
  explicit WindowJudge(WindowRules rules) : rules_(rules) {}

  Turn judge(const DuePair& due, Instant now) {
    auto& memory = static_cast<PairAlerts&>(*due.memory);
    auto judgement = memory.judge(rules_, due.pair, now);
    const bool is_overdue = memory.is_dirty && now >= memory.write_at;
    if (judgement.findings.empty() && !is_overdue) return Turn::done;
    to_write_.push_back({std::move(judgement), memory.memory()});
    return Turn::to_write;
  }
  void add_to_write(const WatchedPair& pair, PairMemory& remembered) {
    const auto& memory = static_cast<const PairAlerts&>(remembered);
    to_write_.push_back({{memory.served(pair), memory.latency(), memory.accuracy(), {}}, memory.memory()});
  }
  WriteWindows writing(Instant now) { return {std::exchange(to_write_, {}), now}; }

  JudgeWindows asking(std::vector<DuePair> due, Instant now) const { return {std::move(due), rules_, now}; }
  std::unique_ptr<PairMemory> memory_of(WindowsJudged& answer, std::size_t place) {
    const auto found = std::find_if(answer.pairs.begin(), answer.pairs.end(),
                                    [place](const JudgedPair& pair) { return pair.place == place; });
    if (found == answer.pairs.end()) return nullptr;
    const auto& served = found->served;
    auto release = releases.learn(served.model, served.version, served.accuracy_threshold);
    return std::make_unique<PairAlerts>(std::move(release), std::move(found->memory), found->latency, found->accuracy);
  }

  void use(const LatencyRule& rule) { rules_.latency = rule; }

  ReleasesToJudge releases;

 private:
  WindowRules rules_;
  std::vector<WriteWindows::Pair> to_write_;
};

AlertService::AlertService(DbPool& db, AlertOptions options)
    : db_(db),
      options_(std::move(options)),
      watch_(db, options_.watch),
      judge_(std::make_unique<WindowJudge>(options_.rules)) {}
AlertService::~AlertService() = default;

void AlertService::take(const std::vector<TakenWindow>& windows, Instant now) {
  watch_.take(windows, now, [](const TakenWindow& window, PairMemory& memory) {
    static_cast<PairAlerts&>(memory).hear(window.version, judged_window_of(window));
  });
}

void AlertService::take(const std::vector<UnheardPair>& pairs, Instant now) {
  watch_.take(pairs, now);
}

void AlertService::doubt(const std::set<std::string>& devices, Instant now) {
  watch_.doubt(devices, now);
}

void AlertService::use(const LatencyRule& rule) {
  judge_->use(rule);
}

WatchFigures AlertService::watch_figures(Instant now) const {
  return watch_.figures(now);
}

Task<Result<void>> AlertService::tell_worst(Instant now) {
  WorstLists worst({}, now);
  watch_.visit_all([&worst](const WatchedPair& pair, PairMemory& memory) {
    worst.offer(pair, static_cast<const PairAlerts&>(memory));
  });
  std::vector<WriteWorst::List> lists;
  lists.push_back({"latency", worst.latency()});
  lists.push_back({"accuracy", worst.accuracy()});
  co_return co_await db_.transact<WriteWorst>(std::move(lists), now);
}

Task<Result<void>> AlertService::hand_over(Instant now) {
  auto written = co_await watch_.write_all(*judge_, now, options_.hand_over_budget);
  watch_.forget_all();
  co_return written;
}

// What a release is judged against is asked for again now and then, in case somebody changed it by hand.
Task<Result<void>> AlertService::refresh_releases(Instant now) {
  if (releases_read_at_ && now - *releases_read_at_ < options_.releases_every) co_return Result<void>{};
  releases_read_at_ = now;
  auto names = judge_->releases.in_use();
  if (names.empty()) co_return Result<void>{};
  const auto thresholds = co_await db_.transact<ReadThresholds>(std::move(names));
  if (!thresholds) co_return thresholds.error();
  for (const auto& [model, version, accuracy] : *thresholds) judge_->releases.learn(model, version, accuracy);
  co_return Result<void>{};
}

// Levels first: they are few, and windows that cannot be judged must not hold them up. An error of one kind does not
// keep the others from being judged.
Task<Result<std::size_t>> AlertService::tick(Instant now) {
  const auto levels = co_await judge_levels(now);
  const auto releases = co_await refresh_releases(now);
  const auto windows = co_await watch_.tick(*judge_, now);
  const auto identities = co_await db_.transact<JudgeIdentities>(now);
  const auto rollouts = co_await db_.transact<JudgeRollouts>(now);
  const auto lives = co_await follow_lives(now);
  if (!levels) co_return levels.error();
  if (!releases) co_return releases.error();
  if (!windows) co_return windows.error();
  if (!identities) co_return identities.error();
  if (!rollouts) co_return rollouts.error();
  if (!lives) co_return lives.error();
  co_return *windows + *levels + *identities + *rollouts;
}

Task<Result<void>> AlertService::follow_lives(Instant now) {
  const auto began = std::chrono::steady_clock::now();
  while (true) {
    ARGOSY_CO_TRY(const auto looked,
                  co_await db_.transact<FollowLives>(options_.escalation, options_.looks_at_once, now));
    const bool is_over = std::chrono::steady_clock::now() - began >= options_.watch.budget;
    if (is_over || looked < options_.looks_at_once) co_return Result<void>{};
  }
}

Task<Result<AlertPage>> AlertService::list(AlertQuery query) {
  co_return co_await db_.transact<ReadAlerts>(std::move(query));
}

Task<Result<AlertWithHistory>> AlertService::find(std::int64_t id) {
  co_return co_await db_.transact<ReadAlert>(id);
}

Task<Result<std::vector<AlertGroup>>> AlertService::groups(GroupQuery query) {
  co_return co_await db_.transact<ReadAlertGroups>(std::move(query));
}

Task<Result<HistoryPage>> AlertService::history(HistoryQuery query) {
  co_return co_await db_.transact<ReadAlertHistory>(std::move(query));
}

Task<Result<Alert>> AlertService::acknowledge(std::int64_t id, std::string comment, std::string actor, Instant now) {
  co_return co_await db_.transact<AcknowledgeAlert>(id, std::move(comment), std::move(actor), now);
}

Task<Result<Alert>> AlertService::take_acknowledgement_back(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<UnacknowledgeAlert>(id, std::move(actor), now);
}

Task<Result<SilencePage>> AlertService::silences(SilenceQuery query) {
  co_return co_await db_.transact<ReadSilences>(std::move(query));
}

Task<Result<Silence>> AlertService::add_silence(Silence wanted, std::string actor, Instant now) {
  co_return co_await db_.transact<AddSilence>(std::move(wanted), std::move(actor), now);
}

Task<Result<Silence>> AlertService::change_silence(std::int64_t id, Silence wanted, std::string actor, Instant now) {
  co_return co_await db_.transact<ChangeSilence>(id, std::move(wanted), std::move(actor), now);
}

Task<Result<Silence>> AlertService::end_silence(std::int64_t id, std::string actor, Instant now) {
  co_return co_await db_.transact<EndSilence>(id, std::move(actor), now);
}

Task<Result<std::size_t>> AlertService::judge_levels(Instant now) {
  const auto began = std::chrono::steady_clock::now();
  std::size_t moved = 0;
  while (true) {
    ARGOSY_CO_TRY(const auto judged, co_await db_.transact<JudgeLevels>(options_.levels_at_once, options_.sites, now));
    moved += judged.moved;
    if (!judged.revoked.empty()) watch_.forget_devices(judged.revoked);
    const bool is_over = std::chrono::steady_clock::now() - began >= options_.watch.budget;
    const bool is_done = judged.taken < options_.levels_at_once;
    if (is_over || is_done) co_return moved;
  }
}

void add_metrics(Metrics& metrics, const AlertService& alerts, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "alerts", [&alerts](Instant now) { return alerts.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
