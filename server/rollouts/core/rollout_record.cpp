#include "server/rollouts/core/rollout_record.hpp"

#include "server/rollouts/core/recall.hpp"

namespace argosy::server {

Counts total_counts(const RolloutRecord& record) {
  Counts total;
  for (const auto& wave : record.waves) total = sum(total, wave.counts);
  return total;
}

Situation situation_of(const RolloutRecord& record) {
  Situation now{.state = record.state, .wave = record.wave, .counts = total_counts(record), .fault = record.fault};
  if (record.withdrawn) now.withdrawn = withdrawn_sentence(record.model, record.version, *record.withdrawn);
  now.is_planning = record.planning.has_value();
  now.standing = record.standing;
  for (std::size_t i = 0; i < record.waves.size(); ++i) {
    now.planned += record.waves[i].planned;
    if (record.waves[i].planned > 0) now.last_wave = static_cast<int>(i);
  }
  return now;
}

}  // namespace argosy::server
