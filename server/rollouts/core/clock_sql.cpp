#include "server/rollouts/core/clock_sql.hpp"

#include "server/rollouts/core/state_sql.hpp"

namespace argosy::server {

const ClockSql& clock_of_begun() {
  static const ClockSql clock{"q.state in (" + sql_steps(has_begun) + ") and (not q.held or q.reachable_since is null)",
                              "coalesce(q.clock_from, q.started_at)"};
  return clock;
}

const ClockSql& clock_of_told() {
  static const ClockSql clock{"q.state = " + sql_word(DeviceStep::notified) + " and q.reachable_since is not null",
                              "greatest(q.notified_at, q.reachable_since)"};
  return clock;
}

}  // namespace argosy::server
