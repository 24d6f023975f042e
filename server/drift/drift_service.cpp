#include "server/drift/drift_service.hpp"

#include <algorithm>
#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/drift/drift_store.hpp"
#include "server/drift/pair_drift.hpp"
#include "server/telemetry/watch_tick.hpp"

namespace argosy::server {

// What Watch wants of one who judges. What is to be written waits here, in the order of the watch.
class DriftService::DriftJudge {
 public:
  explicit DriftJudge(DriftRules rules) : rules_(rules) {}

  Turn judge(const DuePair& due, Instant now) {
    auto& memory = static_cast<PairDrift&>(*due.memory);
    auto judged = memory.judge(rules_, due.pair, now);
    if (!judged) return Turn::ask_database;
    const bool is_overdue = memory.is_dirty && now >= memory.write_at;
    if (judged->verdicts.empty() && !judged->breaches && !is_overdue) return Turn::done;
    add(due.pair, memory, std::move(*judged));
    return Turn::to_write;
  }
  void add_to_write(const WatchedPair& pair, PairMemory& memory) {
    add(pair, static_cast<const PairDrift&>(memory), {});
  }
  WriteDrift writing(Instant now) { return {std::exchange(to_write_, {}), rules_.drift, now}; }

  JudgeDrift asking(std::vector<DuePair> due, Instant now) {
    JudgeDrift judge{std::move(due), rules_, {}, now};
    for (const auto& name : releases.in_use()) judge.peers.emplace(name, releases.peers_of(name));
    return judge;
  }
  std::unique_ptr<PairMemory> memory_of(DriftJudged& answer, std::size_t place) {
    const auto found = std::find_if(answer.pairs.begin(), answer.pairs.end(),
                                    [place](const DriftOfPair& pair) { return pair.place == place; });
    if (found == answer.pairs.end()) return nullptr;
    auto release = releases.learn({found->pair.model, found->version}, found->evidence.reference());
    for (const auto& look : found->looks) release->peers.hear(found->hour, look);
    return std::make_unique<PairDrift>(std::move(release), found->evidence, found->known, found->newest);
  }
  const DriftRules& rules() const { return rules_; }

  JudgedReleases releases;

 private:
  void add(const WatchedPair& pair, const PairDrift& memory, PairVerdicts judged) {
    to_write_.push_back({pair, memory.release().version, memory.evidence(rules_), std::move(judged)});
  }

  DriftRules rules_;
  std::vector<WriteDrift::Pair> to_write_;
};

DriftService::DriftService(DbPool& db, DriftOptions options)
    : db_(db),
      options_(std::move(options)),
      watch_(db, options_.watch),
      judge_(std::make_unique<DriftJudge>(options_.rules)) {}
DriftService::~DriftService() = default;

void DriftService::take(const std::vector<TakenWindow>& windows, Instant now) {
  watch_.take(windows, now, [this, now](const TakenWindow& window, PairMemory& memory) {
    static_cast<PairDrift&>(memory).hear(judge_->rules(), window, now);
  });
}

void DriftService::take(const std::vector<UnheardPair>& pairs, Instant now) {
  watch_.take(pairs, now);
}

void DriftService::doubt(const std::set<std::string>& devices, Instant now) {
  watch_.doubt(devices, now);
}

WatchFigures DriftService::watch_figures(Instant now) const {
  return watch_.figures(now);
}

Task<Result<std::size_t>> DriftService::tick(Instant now) {
  if (!peers_restored_) ARGOSY_CO_CHECK(co_await restore_peers(now));
  const auto references = co_await refresh_references(now);
  auto moved = co_await watch_.tick(*judge_, now);
  const auto news = co_await write_fleet_news(now);
  if (moved && !references) co_return references.error();
  if (moved && !news) co_return news.error();
  co_return moved;
}

Task<Result<void>> DriftService::hand_over(Instant now) {
  auto written = co_await watch_.write_all(*judge_, now, options_.hand_over_budget);
  watch_.forget_all();
  judge_->releases = {};
  peers_restored_ = false;
  co_return written;
}

// What a release is judged against is asked for again now and then, in case somebody changed it by hand.
Task<Result<void>> DriftService::refresh_references(Instant now) {
  if (references_read_at_ && now - *references_read_at_ < options_.references_every) co_return Result<void>{};
  references_read_at_ = now;
  auto names = judge_->releases.in_use();
  if (names.empty()) co_return Result<void>{};
  auto references = co_await db_.transact<ReadReferences>(names);
  if (!references) co_return references.error();
  for (const auto& name : names) judge_->releases.learn(name, (*references)[name]);
  co_return Result<void>{};
}

// What the last one to lead knew of peers, so that a lens is told from a season at once.
Task<Result<void>> DriftService::restore_peers(Instant now) {
  ARGOSY_CO_TRY(const auto written, co_await db_.transact<ReadPeers>(now));
  judge_->releases.restore(written);
  peers_restored_ = true;
  co_return Result<void>{};
}

Task<Result<void>> DriftService::write_fleet_news(Instant now) {
  auto news = judge_->releases.take_fleet_news(options_.rules, now);
  if (news.present.empty()) co_return Result<void>{};
  co_return co_await db_.transact<WritePeers>(std::move(news), now);
}

Task<Result<DeviceDrift>> DriftService::of_device(std::string device) {
  co_return co_await db_.transact<ReadDeviceDrift>(std::move(device), judge_->rules());
}

Task<Result<FleetOfDrift>> DriftService::of_fleet() {
  co_return co_await db_.transact<ReadFleetDrift>();
}

void add_metrics(Metrics& metrics, const DriftService& drift, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "drift", [&drift](Instant now) { return drift.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
