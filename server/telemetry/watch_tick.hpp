// How a watch has pairs judged in one tick: the templates of Watch, apart because they need the database pool. Only the
// .cpp files of those who keep a watch include it. On the I/O thread.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/db/db_pool.hpp"
#include "server/db/fence.hpp"
#include "server/telemetry/watch_service.hpp"

namespace argosy::server {

template <class Judge>
Task<Result<std::size_t>> Watch::tick(Judge& judge, Instant now) {
  const auto began = std::chrono::steady_clock::now();
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto fence = fence_of(executor);
  begin_term(fence ? std::optional(fence->number) : std::nullopt);
  hear_those_ahead(now);
  const auto swept = co_await sweep(now);
  judged_in_tick_ = 0;
  set_aside_in_tick_ = 0;
  moved_in_tick_ = 0;
  Result<void> outcome;
  while (outcome && (judged_in_tick_ == 0 || std::chrono::steady_clock::now() - began < options_.budget)) {
    Batch batch = list_.take(options_.batch, now);
    if (batch.empty()) break;
    Batch unknown = judge_remembered(judge, std::move(batch), now);
    outcome = co_await ask(judge, std::move(unknown), now);
    if (outcome && to_write_.size() >= options_.batch) outcome = co_await write(judge, now);
    // Whatever else the thread is for has its turn between two batches.
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
  const auto written = co_await write(judge, now);
  if (outcome) co_await make_room(judge, now);
  if (!outcome) co_return outcome.error();
  if (!written) co_return written.error();
  if (!swept) co_return swept.error();
  co_return moved_in_tick_;
}

template <class Judge>
Watch::Batch Watch::judge_remembered(Judge& judge, Batch batch, Instant now) {
  Batch unknown;
  for (auto& due : batch) {
    const bool is_known = due.memory != nullptr && due.memory->is_sure;
    const Turn turn = is_known ? judge.judge(due, now) : Turn::ask_database;
    if (turn == Turn::ask_database) {
      if (is_known) due.memory->is_sure = false;  // until it has been asked
      unknown.push_back(std::move(due));
      continue;
    }
    list_.weigh(*due.memory);
    ++judged_in_tick_;
    if (turn == Turn::done) list_.judged_from_memory(due, now);
    if (turn == Turn::to_write) to_write_.push_back(std::move(due));
  }
  return unknown;
}

template <class Judge>
Task<Result<void>> Watch::write(Judge& judge, Instant now) {
  Batch batch = std::exchange(to_write_, {});
  if (batch.empty()) co_return Result<void>{};
  const auto written = co_await db_.transact(judge.writing(now));
  if (written) {
    finish_writing(std::move(batch), *written, now);
    co_return Result<void>{};
  }
  // What is remembered is ahead of what is written: the database knows where to go on from.
  ask_about(std::move(batch));
  if (is_of_the_rows(written.error())) co_return Result<void>{};
  co_return written.error();
}

template <class Judge>
Task<Result<void>> Watch::ask(Judge& judge, Batch unknown, Instant now) {
  std::vector<Batch> batches;  // the last one is next
  if (!unknown.empty()) batches.push_back(std::move(unknown));
  while (!batches.empty()) {
    Batch batch = std::move(batches.back());
    batches.pop_back();
    auto answer = co_await db_.transact(judge.asking(batch, now));
    if (answer) {
      moved_in_tick_ += answer->judged.moved;
      finish(judge, std::move(batch), *answer, now);
      if (list_.bytes() > options_.memory_bytes) co_await make_room(judge, now);
      continue;
    }
    if (!is_of_the_rows(answer.error()) || set_aside_in_tick_ >= options_.set_aside_per_tick) {
      batches.push_back(std::move(batch));
      give_back(std::move(batches));
      co_return answer.error();
    }
    if (batch.size() == 1) {
      ++set_aside_in_tick_;
      set_aside(batch.front(), answer.error(), now);
      continue;
    }
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    batches.emplace_back(middle, batch.end());
    batches.emplace_back(batch.begin(), middle);
  }
  co_return Result<void>{};
}

template <class Judge, class Answer>
void Watch::finish(Judge& judge, Batch batch, Answer& answer, Instant now) {
  const std::set<std::size_t> unfinished(answer.judged.unfinished.begin(), answer.judged.unfinished.end());
  for (std::size_t place = 0; place < batch.size(); ++place) {
    if (unfinished.contains(place)) {
      list_.forget(batch[place].pair);
      list_.judge_again(std::move(batch[place]), now);
      continue;
    }
    remember(batch[place].pair, judge.memory_of(answer, place), now);
    list_.judged(batch[place], now);
  }
  judged_in_tick_ += batch.size();
  asked_ += batch.size();
}

// Whoever was not heard of for longest leaves, written if it has learned something.
template <class Judge>
Task<void> Watch::make_room(Judge& judge, Instant now) {
  while (list_.bytes() > options_.memory_bytes) {
    (void)co_await write(judge, now);
    Pairs leaving;
    std::size_t learned = 0;
    std::size_t bytes = list_.bytes();
    list_.visit_oldest([&](const WatchedPair& pair, PairMemory& memory) {
      leaving.push_back(pair);
      bytes -= memory.bytes();
      if (memory.is_dirty && memory.is_sure) {
        judge.add_to_write(pair, memory);
        ++learned;
      }
      return leaving.size() < options_.batch && bytes > options_.memory_bytes / 16 * 15;
    });
    if (leaving.empty()) co_return;
    // Where that fails, the windows since it was written last are read again.
    if (learned > 0) {
      const auto written = co_await db_.transact(judge.writing(now));
      if (written) written_ += learned;
    }
    for (const auto& pair : leaving) list_.forget(pair);
  }
}

template <class Judge>
Task<Result<void>> Watch::write_all(Judge& judge, Instant now, Duration budget) {
  const auto began = std::chrono::steady_clock::now();
  Pairs learned;
  list_.visit_all([&](const WatchedPair& pair, PairMemory& memory) {
    if (memory.is_dirty && memory.is_sure) learned.push_back(pair);
  });
  while (!learned.empty() && std::chrono::steady_clock::now() - began < budget) {
    for (std::size_t together = 0; !learned.empty() && together < options_.batch; learned.pop_back(), ++together) {
      PairMemory* memory = list_.memory_of(learned.back());
      if (memory == nullptr) continue;
      judge.add_to_write(learned.back(), *memory);
      is_written(*memory, now);
    }
    ARGOSY_CO_CHECK(co_await db_.transact(judge.writing(now)));
  }
  co_return Result<void>{};
}

}  // namespace argosy::server
