#include "server/alerts/pair_alerts.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

// Heard between two judgements; whoever has more is read from the database, page by page.
constexpr std::size_t most_waiting = 64;

// Whether an alert moves to another state on the way, wherever it ends.
bool moves_an_alert(const PairAlerts::Judgement& judgement) {
  AlertState latency = judgement.latency_before;
  AlertState accuracy = judgement.accuracy_before;
  for (const auto& finding : judgement.findings) {
    AlertState& state = finding.rule == built_in::latency_doubled.name ? latency : accuracy;
    if (next_step(state, finding.state) != AlertStep::refresh) return true;
  }
  return false;
}

}  // namespace

JudgedWindow judged_window_of(const TakenWindow& window) {
  const LabelCounts labels = all_labels(window);
  return {window.started_at, window.latency.quantile(0.95), window.count, labels.known, labels.right};
}

std::shared_ptr<ReleaseToJudge> ReleasesToJudge::learn(const std::string& model, const std::string& version,
                                                       std::optional<double> accuracy_threshold) {
  auto& release = releases_[{model, version}];
  if (!release) release = std::make_shared<ReleaseToJudge>();
  *release = {model, version, accuracy_threshold};
  return release;
}

std::vector<ReleasesToJudge::Name> ReleasesToJudge::in_use() {
  std::erase_if(releases_, [](const auto& known) { return known.second.use_count() == 1; });
  std::vector<Name> names;
  for (const auto& [name, release] : releases_) names.push_back(name);
  return names;
}

PairAlerts::PairAlerts(std::shared_ptr<const ReleaseToJudge> release, WindowMemory memory, AlertState latency,
                       AlertState accuracy)
    : release_(std::move(release)), heard_until_(memory.read_until), latency_(latency), accuracy_(accuracy) {
  keep(std::move(memory));
}

std::size_t PairAlerts::bytes() const {
  constexpr std::size_t of_allocator = 16;
  return sizeof(*this) + of_allocator + packed_.capacity() + fresh_.capacity() * sizeof(FreshLabels) +
         waiting_.capacity() * sizeof(JudgedWindow);
}

void PairAlerts::hear(const std::string& version, const JudgedWindow& window) {
  if (!is_sure || window.started_at <= heard_until_)
    return;  // late, or read with the others: no window is judged twice
  if (version != release_->version || waiting_.size() >= most_waiting) {
    is_sure = false;
    waiting_.clear();
    waiting_.shrink_to_fit();
    return;
  }
  waiting_.push_back(window);
  heard_until_ = window.started_at;
}

void PairAlerts::keep(WindowMemory memory) {
  has_usual_ = memory.baseline.windows > 0;
  likeness_of_labels_ = memory.falls.likeness({});
  if (memory.newest) newest_ = {memory.newest->started_at, memory.newest->p95_ms};
  ln_usual_ms_ = memory.baseline.by_hour.ln_at(newest_.started_at).value_or(memory.baseline.ln_p95_mean);
  fresh_ = std::move(memory.fresh);
  fresh_.shrink_to_fit();
  packed_ = pack(memory);
}

WindowMemory PairAlerts::memory() const {
  WindowMemory memory = unpack_window_memory(packed_);
  memory.fresh = fresh_;
  if (newest_.started_at != Instant{}) memory.newest = LatencyWindow{newest_.started_at, newest_.p95_ms, 0};
  return memory;
}

ServedVersion PairAlerts::served(const WatchedPair& pair) const {
  return {pair.device, pair.model, release_->version, release_->accuracy_threshold};
}

PairAlerts::Judgement PairAlerts::judge(const WindowRules& rules, const WatchedPair& pair, Instant now) {
  Judgement judgement{served(pair), latency_, accuracy_, {}};
  std::erase_if(waiting_, [&](const JudgedWindow& window) { return window.started_at <= now - rules.longest_look; });
  WindowMemory memory = this->memory();
  auto outcome = judge_windows(rules, judgement.served, memory, {latency_, release_->version},
                               {accuracy_, release_->version}, waiting_, now);
  judgement.findings = std::move(outcome.findings);
  if (!moves_an_alert(judgement) && now - refreshed_at_ < refresh_every) judgement.findings.clear();
  if (!judgement.findings.empty()) refreshed_at_ = now;
  latency_ = outcome.latency;
  accuracy_ = outcome.accuracy;
  if (!waiting_.empty()) is_dirty = true;
  waiting_.clear();
  waiting_.shrink_to_fit();
  keep(std::move(memory));
  return judgement;
}

std::optional<double> PairAlerts::ln_usual_ms() const {
  return has_usual_ ? std::optional(ln_usual_ms_) : std::nullopt;
}

AccuracyWindow PairAlerts::labels_since(Instant since) const {
  AccuracyWindow sum;
  for (const auto& labels : fresh_) {
    if (labels.at <= since) continue;
    sum.labelled += labels.labelled;
    sum.correct += labels.correct;
  }
  return sum;
}

}  // namespace argosy::server
