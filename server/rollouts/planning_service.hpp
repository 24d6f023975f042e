// Makes the plans of rollouts over many devices, on the instance that leads: a piece a step, beside the ticks of all
// rollouts. What a step needs from the one before it is in memory, some hundred bytes a device; whoever leads next
// begins anew and finds most rows written. Coroutines on the I/O thread; the SQL runs on the pool's threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;

class PlanningService {
 public:
  static constexpr std::size_t piece = 5000;  // devices in one transaction

  explicit PlanningService(DbPool& db);
  ~PlanningService();
  PlanningService(const PlanningService&) = delete;
  PlanningService& operator=(const PlanningService&) = delete;

  enum class Step : std::uint8_t { idle, written, finished };
  // One step of the oldest plan that is to be made; idle: there is none.
  Task<Result<Step>> step(Instant now);

 private:
  struct Work;
  Task<Result<Step>> begin();
  Task<Result<Step>> write();
  Task<Result<Step>> finish(Instant now);

  DbPool& db_;
  std::unique_ptr<Work> work_;  // none: the next step begins a plan
};

}  // namespace argosy::server
