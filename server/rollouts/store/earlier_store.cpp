#include "server/rollouts/store/earlier_store.hpp"

#include <utility>

#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t most_troubles = 10;
constexpr int most_rollouts = 100;  // that are looked at
constexpr std::string_view cause_refused = "validate_rejected";

}  // namespace

std::vector<EarlierTrouble> load_earlier_troubles(pqxx::work& transaction, const RolloutRecord& record) {
  // Of several decisions the one that was taken by figures: an operator who rolls back then says no more.
  const auto rows = transaction.exec_params(
      R"sql(
        select r.id, coalesce(d.decision, '') as decision, coalesce(d.message, '') as message
        from rollouts r
        left join lateral (
          select decision, message
          from rollout_decisions
          where rollout_id = r.id and (decision in ('halt', 'roll back') or (rule = 'guard' and decision = 'pause'))
          order by rule in ('guard', 'abort') desc, id desc
          limit 1
        ) d on true
        where r.release_id = $1 and r.id < $2
        order by r.id desc
        limit $3
      )sql",
      record.release_id, record.id, most_rollouts);
  std::vector<EarlierTrouble> troubles;
  for (const auto& row : rows) {
    const auto earlier = load_rollout(transaction, row["id"].as<std::int64_t>(), Lock::none);
    if (!earlier) continue;
    const auto counts = total_counts(*earlier);
    EarlierTrouble trouble{earlier->id,
                           earlier->name,
                           row["decision"].as<std::string>(),
                           row["message"].as<std::string>(),
                           count_of(counts, cause_refused),
                           executed(counts)};
    if (trouble.decision.empty() && trouble.refused == 0) continue;
    troubles.push_back(std::move(trouble));
    if (troubles.size() == most_troubles) break;
  }
  return troubles;
}

}  // namespace argosy::server
