// What the instances tell each other of the windows that they store: which of them the one that leads has not heard of
// itself, and how many end in a minute. On the I/O thread, SQL on the pool's threads; note() alone is for DB threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/telemetry/telemetry.hpp"
#include "server/telemetry/window_rate.hpp"

namespace argosy::server {

class DbPool;
struct AlsoStored;
struct Fence;

class WindowNews {
 public:
  using Listener = std::function<void(const std::vector<UnheardPair>&)>;

  WindowNews(DbPool& db, std::string instance);
  ~WindowNews();

  // From now on this instance leads, and hears of what it stores by itself; none: it does not.
  void leads(std::optional<Fence> term);
  // For TelemetryService::also_store: notes, with the windows, that another instance has to be told of them.
  AlsoStored note() const;
  // A listener of the telemetry service.
  void count(const std::vector<TakenWindow>& windows, Instant now);

  void on_unheard(Listener listener) { listener_ = std::move(listener); }
  // Reads what others noted. On the instance that leads, about once a second.
  Task<Result<void>> take_unheard();
  // Writes how many windows ended in the last minute. On every instance, every few seconds.
  Task<Result<void>> tell_rate(Instant now);

 private:
  struct Term;
  DbPool& db_;
  std::string instance_;
  std::shared_ptr<Term> term_;
  WindowRate rate_;
  Listener listener_;
};

}  // namespace argosy::server
