#include "server/rules/rule_service.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/rules/pair_rules.hpp"
#include "server/rules/presence_rules_store.hpp"
#include "server/rules/rule_engine_store.hpp"
#include "server/rules/rule_store.hpp"
#include "server/telemetry/watch_tick.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t preview_devices = 1000;
constexpr std::size_t preview_slice = 8;  // devices that are read together
constexpr std::chrono::seconds preview_budget{8};
// Agents renew at two thirds of a certificate's life; half of what is left then is late, whatever the rule says.
constexpr double late_share = 1.0 / 6;

struct Underway {
  std::shared_ptr<std::size_t> count;
  ~Underway() {
    if (count) --*count;
  }
};

}  // namespace

// What Watch wants of one who judges. What is to be written waits here, in the order of the watch.
class RuleService::Engine {
 public:
  explicit Engine(const RuleOptions& options) : options_(options), table(std::make_shared<const RuleTable>()) {}

  Turn judge(const DuePair& due, Instant now) {
    auto& memory = static_cast<PairRules&>(*due.memory);
    note_scope(due.pair, memory, now);
    auto findings = memory.take_findings(*table, due.pair, now);
    const bool is_overdue = memory.is_dirty && now >= memory.write_at;
    if (findings.empty() && !is_overdue) return Turn::done;
    to_write_.push_back({due.pair, std::move(findings), memory.kept()});
    return Turn::to_write;
  }
  void add_to_write(const WatchedPair& pair, PairMemory& remembered) {
    to_write_.push_back({pair, {}, static_cast<const PairRules&>(remembered).kept()});
  }
  WriteRules writing(Instant now) { return {std::exchange(to_write_, {}), now}; }

  JudgeRules asking(std::vector<DuePair> due, Instant now) const { return {std::move(due), table, options_.look, now}; }
  std::unique_ptr<PairMemory> memory_of(RulesJudged& answer, std::size_t place) {
    const auto found = std::find_if(answer.pairs.begin(), answer.pairs.end(),
                                    [place](const RememberedPair& pair) { return pair.place == place; });
    if (found == answer.pairs.end()) return nullptr;
    return std::make_unique<PairRules>(*table, found->kept, std::move(found->scope), found->firing);
  }

  // Pairs whose rules with a filter have to be asked for again.
  std::vector<WatchedPair> take_stale() { return std::exchange(stale_, {}); }

 private:
  void note_scope(const WatchedPair& pair, const PairRules& memory, Instant now) {
    const auto& scope = memory.scope();
    const bool has_filters = !table->filtered().empty();
    const bool is_stale = scope.of != table->scopes() || (has_filters && now - scope.asked_at >= options_.scopes_every);
    if (is_stale && stale_.size() < options_.scopes_at_once) stale_.push_back(pair);
  }

  const RuleOptions& options_;
  std::vector<WriteRules::Pair> to_write_;
  std::vector<WatchedPair> stale_;

 public:
  std::shared_ptr<const RuleTable> table;
};

RuleService::RuleService(DbPool& db, RuleOptions options, std::function<void(const AgainstUsual&)> use_latency)
    : db_(db),
      options_(std::move(options)),
      use_latency_(std::move(use_latency)),
      watch_(db, options_.watch),
      engine_(std::make_unique<Engine>(options_)),
      previews_(std::make_shared<std::size_t>(0)) {}
RuleService::~RuleService() = default;

void RuleService::take(const std::vector<TakenWindow>& windows, Instant now) {
  if (engine_->table->of_windows().empty()) return;
  watch_.take(windows, now, [this](const TakenWindow& window, PairMemory& memory) {
    static_cast<PairRules&>(memory).hear(*engine_->table, {window.device, window.model}, window);
  });
}

void RuleService::take(const std::vector<TakenHealth>& health, Instant now) {
  if (engine_->table->of_health().empty()) return;
  watch_.take(health, now, [this](const TakenHealth& sample, PairMemory& memory) {
    static_cast<PairRules&>(memory).hear(*engine_->table, {sample.device, ""}, sample);
  });
}

void RuleService::take(const std::vector<UnheardPair>& pairs, Instant now) {
  std::vector<UnheardPair> of_rules;
  for (const auto& pair : pairs) {
    const bool is_judged =
        pair.model.empty() ? !engine_->table->of_health().empty() : !engine_->table->of_windows().empty();
    if (is_judged) of_rules.push_back(pair);
  }
  watch_.take(of_rules, now);
}

void RuleService::doubt(const std::set<std::string>& devices, Instant now) {
  watch_.doubt(devices, now);
}

WatchFigures RuleService::watch_figures(Instant now) const {
  return watch_.figures(now);
}

Task<Result<void>> RuleService::hand_over(Instant now) {
  auto written = co_await watch_.write_all(*engine_, now, options_.hand_over_budget);
  watch_.forget_all();
  co_return written;
}

Task<Result<void>> RuleService::refresh(Instant now) {
  if (!has_shipped_) ARGOSY_CO_CHECK(co_await db_.transact<ShipRules>(now));
  has_shipped_ = true;
  ARGOSY_CO_TRY(std::string state, co_await db_.transact<ReadRulesState>());
  if (state == seen_) co_return Result<void>{};
  ARGOSY_CO_TRY(const auto stored, co_await db_.transact<ReadRules>());
  std::vector<KnownRule> known;
  certificates_.reset();
  scoped_.clear();
  for (const auto& each : stored) {
    known.push_back({each.id, each.rule});
    const bool has_scope = !each.rule.filter.empty() || !each.rule.model.empty();
    if (each.rule.judge != RuleJudge::engine && each.rule.is_enabled && has_scope) scoped_.push_back(each.rule);
    if (each.rule.judge == RuleJudge::certificates && each.rule.is_enabled) certificates_ = each.rule;
    const auto* usual = std::get_if<AgainstUsual>(&each.rule.condition);
    if (each.rule.judge == RuleJudge::latency && usual != nullptr) use_latency_(*usual);
  }
  engine_->table = std::make_shared<const RuleTable>(known);
  watch_.look_for({.models = !engine_->table->of_windows().empty(), .devices = !engine_->table->of_health().empty()});
  seen_ = std::move(state);
  alerts_may_be_left_ = true;
  scoped_at_.reset();
  certificates_at_.reset();
  presence_at_.reset();
  availability_at_.reset();
  co_return Result<void>{};
}

// Of those that were heard; a device that says nothing is asked for when it does.
Task<Result<void>> RuleService::refresh_scopes(Instant now) {
  const auto stale = engine_->take_stale();
  if (stale.empty()) co_return Result<void>{};
  std::vector<std::string> devices;
  for (const auto& pair : stale) devices.push_back(pair.device);
  ARGOSY_CO_TRY(auto scopes, co_await db_.transact<ReadScopes>(std::move(devices), engine_->table, now));
  for (const auto& pair : stale) {
    PairMemory* memory = watch_.memory_of(pair);
    const auto scope = scopes.find(pair.device);
    if (memory != nullptr && scope != scopes.end()) static_cast<PairRules*>(memory)->set_scope(scope->second);
  }
  co_return Result<void>{};
}

Task<Result<std::size_t>> RuleService::judge_certificates(Instant now) {
  const bool is_early = certificates_at_ && now - *certificates_at_ < options_.certificates_every;
  if (!certificates_ || is_early) co_return std::size_t{0};
  certificates_at_ = now;
  const auto filter = parse_filter(certificates_->filter);
  if (!filter) co_return filter.error();
  const double late = late_share * static_cast<double>(options_.device_certificate_days);
  const double days = std::min(std::get<Threshold>(certificates_->condition).at, late);
  co_return co_await db_.transact<JudgeCertificates>(
      certificates_->name, std::string(to_string(certificates_->severity)), *filter, days, now);
}

// Availability is asked of a day, and changes slowly.
Task<Result<std::size_t>> RuleService::judge_presence(Instant now) {
  const auto is_due = [now](std::optional<Instant>& at, Duration every) {
    if (at && now - *at < every) return false;
    at = now;
    return true;
  };
  const bool is_presence_due = is_due(presence_at_, options_.presence_every);
  const bool is_availability_due = is_due(availability_at_, options_.availability_every);
  const auto table = engine_->table;
  std::size_t moved = 0;
  for (const auto& rule : table->of_presence()) {
    const bool is_share = rule.metric.presence == RuleMetric::Presence::availability_percent;
    if (!(is_share ? is_availability_due : is_presence_due)) continue;
    ARGOSY_CO_TRY(const auto of_rule, co_await db_.transact<JudgePresence>(rule, now));
    moved += of_rule;
  }
  co_return moved;
}

// Of rules that are gone, and, now and then, on devices whose labels were changed so that they are outside.
Task<Result<std::size_t>> RuleService::end_alerts(Instant now) {
  std::size_t ended = 0;
  if (alerts_may_be_left_) {
    ARGOSY_CO_TRY(ended, co_await db_.transact<EndAlertsOfGoneRules>(options_.alerts_ended_at_once, now));
    alerts_may_be_left_ = ended > 0;
  }
  if (scoped_at_ && now - *scoped_at_ < options_.scopes_every) co_return ended;
  bool is_all = true;
  for (const auto& rule : scoped_) {
    ARGOSY_CO_TRY(const auto outside,
                  co_await db_.transact<EndAlertsOutside>(rule, options_.alerts_ended_at_once, now));
    ended += outside;
    is_all = is_all && outside < options_.alerts_ended_at_once;
  }
  if (is_all) scoped_at_ = now;
  co_return ended;
}

// An error of one kind does not keep the others from being judged.
Task<Result<std::size_t>> RuleService::tick(Instant now) {
  ARGOSY_CO_CHECK(co_await refresh(now));
  ARGOSY_CO_TRY(const auto ended, co_await end_alerts(now));
  const auto judged = co_await watch_.tick(*engine_, now);
  const auto scopes = co_await refresh_scopes(now);
  const auto certificates = co_await judge_certificates(now);
  const auto presence = co_await judge_presence(now);
  if (!judged) co_return judged.error();
  if (!scopes) co_return scopes.error();
  if (!certificates) co_return certificates.error();
  if (!presence) co_return presence.error();
  co_return ended + *judged + *certificates + *presence;
}

Task<Result<std::vector<ListedRule>>> RuleService::list() {
  co_return co_await db_.transact<ListRules>();
}

Task<Result<ListedRule>> RuleService::get(std::string name) {
  ARGOSY_CO_TRY(auto found, co_await db_.transact<ListRules>(std::optional(name)));
  if (found.empty()) co_return make_error(Errc::not_found, "there is no rule \"" + name + "\"");
  co_return std::move(found.front());
}

Task<Result<std::vector<RuleVersion>>> RuleService::versions(std::string name) {
  co_return co_await db_.transact<ReadRuleVersions>(std::move(name));
}

Task<Result<StoredRule>> RuleService::create(Rule rule, std::string actor, Instant now) {
  co_return co_await db_.transact<CreateRule>(std::move(rule), std::move(actor), now);
}

Task<Result<StoredRule>> RuleService::update(std::string name, std::optional<std::int64_t> if_version,
                                             std::string document, std::string actor, Instant now) {
  co_return co_await db_.transact<ChangeRule>(ChangeRule::What::change, std::move(name), if_version,
                                              std::move(document), std::move(actor), now);
}

Task<Result<StoredRule>> RuleService::reset(std::string name, std::optional<std::int64_t> if_version, std::string actor,
                                            Instant now) {
  co_return co_await db_.transact<ChangeRule>(ChangeRule::What::reset, std::move(name), if_version, std::string(),
                                              std::move(actor), now);
}

Task<Result<void>> RuleService::remove(std::string name, std::optional<std::int64_t> if_version, std::string actor,
                                       Instant now) {
  const auto removed = co_await db_.transact<ChangeRule>(ChangeRule::What::remove, std::move(name), if_version,
                                                         std::string(), std::move(actor), now);
  if (!removed) co_return removed.error();
  co_return Result<void>{};
}

// Slice after slice in transactions of their own, until the time is used up: then it is a sample, and says so.
Task<Result<RulePreview>> RuleService::preview(Rule rule, PreviewQuestion question) {
  if (*previews_ >= previews_at_once)
    co_return make_error(Errc::rate_limited, "there are " + std::to_string(previews_at_once) +
                                                 " previews under way; ask again in some seconds");
  ++*previews_;
  const Underway underway{previews_};
  rule.is_enabled = true;
  rule.judge = RuleJudge::engine;
  const RuleTable table({{1, rule}});
  if (!table.of_presence().empty())
    co_return make_error(Errc::invalid_argument,
                         "rules on presence have no preview: presence is judged as it is, and what it was is on the "
                         "screen of connectivity");
  const ReadyRule* ready = table.find(1);
  if (ready == nullptr)
    co_return make_error(Errc::invalid_argument, "\"" + rule.name +
                                                     "\" is judged by a rule of its own, whose alerts are its history: "
                                                     "see GET /api/v1/alerts?rule=" +
                                                     rule.name);
  ARGOSY_CO_TRY(const auto selected, co_await db_.transact<SelectPreviewDevices>(ready->filter, preview_devices));
  RulePreview preview;
  preview.of = question;
  preview.devices = selected.matching;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t first = 0; first < selected.devices.size(); first += preview_slice) {
    if (first > 0 && std::chrono::steady_clock::now() - began >= preview_budget) break;
    const auto last = std::min(first + preview_slice, selected.devices.size());
    std::vector<std::string> slice(selected.devices.begin() + static_cast<std::ptrdiff_t>(first),
                                   selected.devices.begin() + static_cast<std::ptrdiff_t>(last));
    ARGOSY_CO_TRY(auto answer, co_await db_.transact<PreviewSlice>(*ready, std::move(slice), question));
    std::set<std::string> fired;
    for (auto& pair : answer.pairs) {
      if (pair.fired > 0) fired.insert(pair.device);
      add_to(preview, std::move(pair));
    }
    preview.figures += answer.figures;
    preview.fired_devices += fired.size();
    preview.looked += last - first;
  }
  co_return preview;
}

void add_metrics(Metrics& metrics, const RuleService& rules, std::function<bool()> leading) {
  add_watch_metrics(
      metrics, "rules", [&rules](Instant now) { return rules.watch_figures(now); }, std::move(leading));
}

}  // namespace argosy::server
