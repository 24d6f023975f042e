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
    auto verdicts = memory.judge(rules_, due.pair, now);
    if (!verdicts) return Turn::ask_database;
    const bool is_overdue = memory.is_dirty && now >= memory.write_at;
    if (verdicts->empty() && !is_overdue) return Turn::done;
    add(due.pair, memory, std::move(*verdicts));
    return Turn::to_write;
  }
  void add_to_write(const WatchedPair& pair, PairMemory& memory) {
    add(pair, static_cast<const PairDrift&>(memory), {});
  }
  WriteDrift writing(Instant now) { return {std::exchange(to_write_, {}), rules_.drift, now}; }

  JudgeDrift asking(std::vector<DuePair> due, Instant now) const { return {std::move(due), rules_, now}; }
  std::unique_ptr<PairMemory> memory_of(DriftJudged& answer, std::size_t place) {
    const auto found = std::find_if(answer.pairs.begin(), answer.pairs.end(),
                                    [place](const DriftOfPair& pair) { return pair.place == place; });
    if (found == answer.pairs.end()) return nullptr;
    const ReleaseName release{found->pair.model, found->version};
    auto reference = references.learn(release, answer.references[release]);
    return std::make_unique<PairDrift>(std::move(reference), found->evidence, found->known, found->newest);
  }
  const DriftRules& rules() const { return rules_; }

  ReferencesToJudge references;

 private:
  void add(const WatchedPair& pair, const PairDrift& memory, std::vector<DriftVerdict> verdicts) {
    to_write_.push_back({pair, memory.reference().version, memory.evidence(rules_), std::move(verdicts)});
  }

  DriftRules rules_;
  std::vector<WriteDrift::Pair> to_write_;
};

DriftService::DriftService(DbPool& db, DriftOptions options)
    : db_(db),
      options_(std::move(options)),
      watch_(db, options_.watch),
      judge_(std::make_unique<DriftJudge>(DriftRules{options_.evidence, options_.rule})) {}
DriftService::~DriftService() = default;

void DriftService::take(const std::vector<TakenWindow>& windows, Instant now) {
  watch_.take(windows, now, [this, now](const TakenWindow& window, PairMemory& memory) {
    static_cast<PairDrift&>(memory).hear(judge_->rules(), window.version, window.started_at, window.features, now);
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
  const auto references = co_await refresh_references(now);
  auto moved = co_await watch_.tick(*judge_, now);
  if (moved && !references) co_return references.error();
  co_return moved;
}

Task<Result<void>> DriftService::hand_over(Instant now) {
  auto written = co_await watch_.write_all(*judge_, now, options_.hand_over_budget);
  watch_.forget_all();
  co_return written;
}

// What a release is judged against is asked for again now and then, in case somebody changed it by hand.
Task<Result<void>> DriftService::refresh_references(Instant now) {
  if (references_read_at_ && now - *references_read_at_ < options_.references_every) co_return Result<void>{};
  references_read_at_ = now;
  auto names = judge_->references.in_use();
  if (names.empty()) co_return Result<void>{};
  auto references = co_await db_.transact<ReadReferences>(names);
  if (!references) co_return references.error();
  for (const auto& name : names) judge_->references.learn(name, (*references)[name]);
  co_return Result<void>{};
}

Task<Result<std::vector<FeatureDrift>>> DriftService::of_device(std::string device) {
  co_return co_await db_.transact<ReadDeviceDrift>(std::move(device), judge_->rules());
}

void add_metrics(Metrics& metrics, const DriftService& drift, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "drift", [&drift](Instant now) { return drift.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
