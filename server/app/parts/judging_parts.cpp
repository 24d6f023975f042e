#include "server/app/parts/judging_parts.hpp"

#include <chrono>

#include "server/alerts/alert_api.hpp"
#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/drift/drift_api.hpp"
#include "server/rules/reaction_api.hpp"
#include "server/rules/rule_api.hpp"

namespace argosy::server {

using namespace std::chrono_literals;

JudgingParts::JudgingParts(Platform& platform, DeviceParts& devices, RolloutParts& rollouts, LeaderParts& leader)
    : drift(platform.db, drift_options(platform.config)),
      alerts(platform.db, alert_options(platform.config)),
      rules(platform.db, rule_options(platform.config),
            [this](const AgainstUsual& usual) { alerts.use(latency_rule_of(usual)); }),
      reactions(platform.db, stable_hash(1, platform.instance), reaction_share(platform.config)),
      platform_(platform),
      leader_(leader) {
  reactions.use({.pause_rollouts = [&rollouts](std::int64_t id,
                                               Instant now) { return rollouts.rollouts.pause_for_reaction(id, now); },
                 .roll_back = [&rollouts](std::int64_t id,
                                          Instant now) { return rollouts.rollouts.send_back_for_reaction(id, now); },
                 .diagnostics = [&devices](std::int64_t id,
                                           Instant now) { return devices.diagnostics.ask_for_reaction(id, now); }});
}

void JudgingParts::add_jobs(LeaderWork& leader) {
  const Config& config = platform_.config;
  leader.every("drift", Duration{config.drift_tick_ms}, round_of<&DriftService::tick>(drift));
  leader.every("alerts", Duration{config.alerts_tick_ms}, round_of<&AlertService::tick>(alerts));
  leader.every("rules", Duration{config.alerts_tick_ms}, round_of<&RuleService::tick>(rules));
  leader.every("reactions of rules", 1s, round_of<&ReactionService::tick>(reactions));
  leader.every("worst lists", 5s, round_of<&AlertService::tell_worst>(alerts));
  leader.add_last(round_of<&DriftService::hand_over>(drift));
  leader.add_last(round_of<&AlertService::hand_over>(alerts));
  leader.add_last(round_of<&RuleService::hand_over>(rules));
}

void JudgingParts::add_routes(Router& router) {
  add_drift_routes(router, drift);
  add_alert_routes(router, alerts);
  add_rule_routes(router, rules);
  add_reaction_routes(router, reactions);
}

void JudgingParts::add_figures(Metrics& metrics) {
  const auto leading = [this] { return leader_.leading(); };
  add_metrics(metrics, drift, leading);
  add_metrics(metrics, alerts, leading);
  add_metrics(metrics, rules, leading);
}

}  // namespace argosy::server
