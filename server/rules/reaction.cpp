#include "server/rules/reaction.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {

int most_reactions(const ReactionShare& share, std::int64_t devices) {
  const auto of_devices = static_cast<std::int64_t>(std::floor(static_cast<double>(devices) * share.percent / 100));
  return static_cast<int>(std::clamp<std::int64_t>(of_devices, share.least, 1'000'000));
}

std::optional<Leaving> leaving_of(const WaitingReaction& waiting, Instant now) {
  if (!parse_reaction_kind(waiting.reaction)) return Leaving{"this server knows no reaction of that name"};
  if (!waiting.alert_fires) return Leaving{"the alert had ended by then"};
  if (!waiting.rule_wants_it) return Leaving{"the rule was changed, and does not want it any more"};
  if (now - waiting.created_at > reaction_lasts) return Leaving{"it could not be done within 15 minutes"};
  if (waiting.done_this_hour >= waiting.most_per_hour)
    return Leaving{"the rule has done this " + std::to_string(waiting.done_this_hour) +
                       " times within an hour, which is as often as it may",
                   Leaving::Limit::of_rule};
  if (waiting.all_this_hour >= waiting.most_of_all)
    return Leaving{"all rules together have done " + std::to_string(waiting.all_this_hour) +
                       " reactions within an hour, which is as many as there may be (alerts.reactions_percent)",
                   Leaving::Limit::of_all};
  return std::nullopt;
}

std::optional<Instant> next_attempt(int attempts, Instant now, Rng& rng) {
  if (attempts >= reaction_attempts) return std::nullopt;
  return now + full_jitter(reaction_base, reaction_cap, attempts, rng);
}

nlohmann::json reaction_to_json(const ListedReaction& reaction) {
  using nlohmann::json;
  const auto text = [](const std::string& value) { return value.empty() ? json() : json(value); };
  return {{"id", reaction.id},
          {"alert", reaction.alert},
          {"alert_message", reaction.alert_message},
          {"rule", reaction.rule},
          {"rule_version", reaction.rule_version},
          {"do", reaction.reaction},
          {"device_id", text(reaction.device)},
          {"site", text(reaction.site)},
          {"model", reaction.model},
          {"state", reaction.state},
          {"outcome", reaction.outcome},
          {"details", json_or_null(reaction.details_json)},
          {"follow_up", text(reaction.follow_up)},
          {"attempts", reaction.attempts},
          {"created_at", to_rfc3339(reaction.created_at)},
          {"ended_at", reaction.ended_at ? json(to_rfc3339(*reaction.ended_at)) : json()}};
}

}  // namespace argosy::server
