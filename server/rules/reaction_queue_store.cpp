#include "server/rules/reaction_queue_store.hpp"

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"
#include "server/journal/reaction_store.hpp"

namespace argosy::server {

namespace {

constexpr std::chrono::hours an_hour{1};

// In the details of a reaction that was left because of it.
const char* name_of(Leaving::Limit limit) {
  return limit == Leaving::Limit::of_all ? "most_of_all_per_hour" : "most_per_hour";
}

std::optional<WaitingReaction> oldest_due(pqxx::work& transaction, const ReactionShare& share, Instant now) {
  const auto rows = transaction.exec_params(
      R"sql(
        select e.id, e.reaction, e.rule, e.most_per_hour, e.attempts, e.created_at, a.state = 'firing' as alert_fires,
          exists (
            select
            from rules r
            cross join lateral jsonb_array_elements(r.document -> 'reactions') as w
            where r.name = e.rule and r.deleted_at is null and r.is_enabled and w ->> 'do' = e.reaction
          ) as rule_wants_it,
          (
            select count(*)
            from rule_reactions done
            where done.rule = e.rule and done.reaction = e.reaction and done.state = 'done'
              and done.ended_at > $2::timestamptz
          ) as done_this_hour,
          (
            select count(*)
            from rule_reactions done
            where done.state = 'done' and done.ended_at > $2::timestamptz
          ) as all_this_hour,
          (
            select coalesce(sum(devices), 0)
            from fleet_counts
            where kind = 'class'
          ) as devices
        from rule_reactions e
        join alerts a on a.id = e.alert_id
        where e.state = 'waiting' and e.due_at <= $1::timestamptz
        order by e.due_at, e.id
        limit 1
      )sql",
      now, now - an_hour);
  if (rows.empty()) return std::nullopt;
  const auto row = rows[0];
  return WaitingReaction{.id = row["id"].as<std::int64_t>(),
                         .reaction = row["reaction"].as<std::string>(),
                         .rule = row["rule"].as<std::string>(),
                         .most_per_hour = row["most_per_hour"].as<int>(),
                         .attempts = row["attempts"].as<int>(),
                         .created_at = row["created_at"].as<Instant>(),
                         .alert_fires = row["alert_fires"].as<bool>(),
                         .rule_wants_it = row["rule_wants_it"].as<bool>(),
                         .done_this_hour = row["done_this_hour"].as<int>(),
                         .all_this_hour = row["all_this_hour"].as<int>(),
                         .most_of_all = most_reactions(share, row["devices"].as<std::int64_t>())};
}

// Once an hour for each rule and kind, and once for all together: of a thousand devices that are beyond it, one event
// tells.
void tell_of_limit(pqxx::work& transaction, const WaitingReaction& waiting, Leaving::Limit limit,
                   const ReactionInHand& reaction, Instant now) {
  const bool is_of_all = limit == Leaving::Limit::of_all;
  const bool was_told = !transaction
                             .exec_params(R"sql(
             select
             from rule_reactions
             where ($5 or (rule = $1 and reaction = $2)) and state = 'left' and details ? $6 and id <> $3
               and ended_at > $4::timestamptz
             limit 1
           )sql",
                                          waiting.rule, waiting.reaction, waiting.id, now - an_hour, is_of_all,
                                          std::string(name_of(limit)))
                             .empty();
  if (was_told) return;
  NewEvent event;
  event.kind = "reaction.limited";
  event.severity = "warning";
  if (!reaction.device.empty()) event.device_id = reaction.device;
  event.message = is_of_all ? "all rules together have reached their limit of " + std::to_string(waiting.most_of_all) +
                                  " reactions an hour; what comes beyond is not done: look whether the rules are right"
                            : reaction.actor() + " has reached its limit of " + std::to_string(waiting.most_per_hour) +
                                  " times \"" + waiting.reaction +
                                  "\" an hour; what comes beyond is not done: look whether the rule is right";
  event.details_json = nlohmann::json{
      {"rule", waiting.rule},
      {"do", waiting.reaction},
      {name_of(limit), is_of_all ? waiting.most_of_all : waiting.most_per_hour},
      {"alert",
       reaction.alert}}.dump();
  append_event(transaction, event);
}

void leave(pqxx::work& transaction, const WaitingReaction& waiting, const Leaving& leaving, Instant now) {
  const auto reaction = take_reaction(transaction, waiting.id);
  if (!reaction) return;
  auto details = nlohmann::json::object();
  if (leaving.limit != Leaving::Limit::none) {
    tell_of_limit(transaction, waiting, leaving.limit, *reaction, now);
    details[name_of(leaving.limit)] =
        leaving.limit == Leaving::Limit::of_all ? waiting.most_of_all : waiting.most_per_hour;
  }
  end_reaction(transaction, *reaction, ReactionEnd::left, "not done: " + leaving.why, details, now);
}

}  // namespace

std::optional<NextReaction::Answer> NextReaction::operator()(pqxx::work& transaction) const {
  const auto waiting = oldest_due(transaction, share, now);
  if (!waiting) return std::nullopt;
  const auto leaving = leaving_of(*waiting, now);
  if (leaving) leave(transaction, *waiting, *leaving, now);
  return Answer{waiting->id, waiting->reaction, waiting->attempts, leaving.has_value()};
}

void PostponeReaction::operator()(pqxx::work& transaction) const {
  const auto reaction = take_reaction(transaction, id);
  if (!reaction) return;
  transaction.exec_params0(
      R"sql(
        update rule_reactions
        set attempts = attempts + 1, outcome = $2, due_at = coalesce($3::timestamptz, due_at)
        where id = $1
      )sql",
      id, "tried: " + why, again);
  if (!again)
    end_reaction(transaction, *reaction, ReactionEnd::failed, "given up: " + why, nlohmann::json::object(), now);
}

ReactionPage ListReactions::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select e.id, e.alert_id, e.rule, e.rule_version, e.reaction, coalesce(a.device_id, '') as device,
          coalesce(a.site, '') as site, a.model, a.message, e.state, e.outcome, e.details, e.attempts, e.created_at,
          e.ended_at,
          coalesce(
            (
              select case when q.state = 'failed' then 'failed: ' || q.message else q.state end
              from rollout_devices q
              where e.reaction = 'roll_back' and e.state = 'done'
                and q.rollout_id = (e.details ->> 'rollout')::bigint and q.device_id = a.device_id
            ),
            (
              select g.state
              from diagnostics g
              where e.reaction = 'diagnostics' and e.state = 'done' and g.id = (e.details ->> 'diagnostics')::bigint
            ),
            ''
          ) as follow_up
        from rule_reactions e
        join alerts a on a.id = e.alert_id
        where ($1::text is null or e.rule = $1) and ($2::bigint is null or e.alert_id = $2)
          and ($3::bigint is null or e.id < $3)
        order by e.id desc
        limit $4
      )sql",
      query.rule, query.alert, query.before, query.limit + 1);
  ReactionPage page;
  page.total = transaction
                   .exec_params1(R"sql(
                     select count(*)
                     from (
                       select
                       from rule_reactions
                       where ($1::text is null or rule = $1) and ($2::bigint is null or alert_id = $2)
                       limit 10000
                     ) as counted
                   )sql",
                                 query.rule, query.alert)[0]
                   .as<std::int64_t>();
  for (const auto& row : rows)
    page.items.push_back({.id = row["id"].as<std::int64_t>(),
                          .alert = row["alert_id"].as<std::int64_t>(),
                          .rule = row["rule"].as<std::string>(),
                          .rule_version = row["rule_version"].as<std::int64_t>(),
                          .reaction = row["reaction"].as<std::string>(),
                          .device = row["device"].as<std::string>(),
                          .site = row["site"].as<std::string>(),
                          .model = row["model"].as<std::string>(),
                          .alert_message = row["message"].as<std::string>(),
                          .state = row["state"].as<std::string>(),
                          .outcome = row["outcome"].as<std::string>(),
                          .details_json = row["details"].as<std::string>(),
                          .follow_up = row["follow_up"].as<std::string>(),
                          .attempts = row["attempts"].as<int>(),
                          .created_at = row["created_at"].as<Instant>(),
                          .ended_at = optional_of<Instant>(row["ended_at"])});
  page.more = page.items.size() > static_cast<std::size_t>(query.limit);
  if (page.more) page.items.pop_back();
  return page;
}

}  // namespace argosy::server
