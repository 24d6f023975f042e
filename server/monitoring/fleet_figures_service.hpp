// Tells the fleet's figures: read when somebody asks, at most once in `fresh_for` an instance and no more than a tenth
// of the time, whoever asks. Meanwhile there are those that are kept, but not for longer than `patience`: a database
// that stands still is told of, not hidden. Coroutines on the I/O thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/figure_family.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;
class Router;

using SharedFamilies = std::shared_ptr<const std::vector<FigureFamily>>;

class FleetFiguresService {
 public:
  explicit FleetFiguresService(DbPool& db, Duration fresh_for = Duration{10'000}, Duration patience = Duration{20'000})
      : db_(db), fresh_for_(fresh_for), patience_(patience) {}

  // An error: they cannot be read, and none are kept that are fresh enough.
  Task<Result<SharedFamilies>> current();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_stuck(Clock::time_point now) const;
  bool may_tell_kept(Clock::time_point now) const;

  DbPool& db_;
  Duration fresh_for_;
  Duration patience_;
  SharedFamilies kept_;
  Clock::time_point kept_until_{};
  std::optional<Clock::time_point> reading_since_;
};

// GET /metrics/fleet. The service must outlive the router.
void add_fleet_metrics_route(Router& router, FleetFiguresService& figures);

}  // namespace argosy::server
