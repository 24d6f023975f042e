// How a watch has pairs judged in one tick: the template of Watch::tick, apart because it needs the database pool. Only
// the .cpp files of those who keep a watch include it. On the I/O thread.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "server/db/db_pool.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

template <class Make>
Task<Result<std::size_t>> Watch::tick(Make make, Instant now) {
  const auto began = std::chrono::steady_clock::now();
  const auto swept = co_await sweep(now);
  judged_in_tick_ = 0;
  std::size_t moved = 0;
  std::size_t failed = 0;
  std::vector<Batch> batches;  // the last one is next
  while (true) {
    if (batches.empty()) {
      const bool is_over = judged_in_tick_ > 0 && std::chrono::steady_clock::now() - began >= options_.budget;
      auto batch = is_over ? Batch{} : list_.take(options_.batch, now);
      if (batch.empty()) break;
      batches.push_back(std::move(batch));
    }
    Batch batch = std::move(batches.back());
    batches.pop_back();
    const auto outcome = co_await db_.transact(make(batch, now));
    if (outcome) {
      moved += outcome->moved;
      finish(std::move(batch), *outcome, now);
      continue;
    }
    if (!is_of_the_rows(outcome.error()) || failed >= options_.set_aside_per_tick) {
      batches.push_back(std::move(batch));
      give_back(std::move(batches));
      co_return outcome.error();
    }
    if (batch.size() == 1) {
      ++failed;
      set_aside(batch.front(), outcome.error(), now);
      continue;
    }
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    batches.emplace_back(middle, batch.end());
    batches.emplace_back(batch.begin(), middle);
  }
  if (!swept) co_return swept.error();
  co_return moved;
}

}  // namespace argosy::server
