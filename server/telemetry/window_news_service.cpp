#include "server/telemetry/window_news_service.hpp"

#include <utility>

#include "server/db/db_pool.hpp"
#include "server/db/fence.hpp"
#include "server/telemetry/telemetry_store.hpp"
#include "server/telemetry/unheard_store.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t notes_at_once = 5000;

}  // namespace

// Set on the I/O thread, read on DB threads.
struct WindowNews::Term {
  std::mutex mutex;
  std::optional<Fence> fence;
  std::optional<Fence> now() {
    const std::lock_guard lock(mutex);
    return fence;
  }
};

WindowNews::WindowNews(DbPool& db, std::string instance)
    : db_(db), instance_(std::move(instance)), term_(std::make_shared<Term>()) {}
WindowNews::~WindowNews() = default;

void WindowNews::leads(std::optional<Fence> term) {
  const std::lock_guard lock(term_->mutex);
  term_->fence = term;
}

AlsoStored WindowNews::note() const {
  return {[term = term_](pqxx::work& transaction, const TakenTelemetry& taken) {
    note_unheard(transaction, taken, term->now());
  }};
}

void WindowNews::count(const std::vector<TakenWindow>& windows, Instant now) {
  for (const auto& window : windows) rate_.add(window.ended_at, now);
}

Task<Result<void>> WindowNews::take_unheard() {
  while (true) {
    const auto pairs = co_await db_.transact<TakeUnheard>(notes_at_once);
    if (!pairs) co_return pairs.error();
    if (!pairs->empty() && listener_) listener_(*pairs);
    if (pairs->size() < notes_at_once / 2) co_return Result<void>{};
  }
}

Task<Result<void>> WindowNews::tell_rate(Instant now) {
  co_return co_await db_.transact<WriteWindowRate>(instance_, rate_.last_minute(now), now);
}

}  // namespace argosy::server
