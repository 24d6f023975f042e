// What each device should run, as the desired document that it gets by MQTT and by polling. Coroutines on the I/O
// thread; the SQL runs on the pool's threads. The leader alone publishes: what is due, again and again until the broker
// has it, in one window of messages that are under way together. Stops first, then what is new, then what a broker that
// came back may have forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/wire/desired.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

class DbPool;
class Metrics;
class ReleaseCache;
struct DueDocument;

class DesiredService {
 public:
  // Publishes `payload` retained on `topic`; resumes when the broker has it. Many are under way at once.
  using Publish = std::function<Task<Result<void>>(std::string topic, std::string payload)>;
  struct Counters {
    std::uint64_t published = 0;
    std::uint64_t unbuildable = 0;  // attempts to build a document that failed
  };
  static constexpr std::size_t window = 400;  // messages under way together

  explicit DesiredService(DbPool& db);
  ~DesiredService();
  DesiredService(const DesiredService&) = delete;
  DesiredService& operator=(const DesiredService&) = delete;

  // Errc::not_found when there is no such device, or it was revoked.
  Task<Result<wire::Desired>> get(DeviceId device);
  // One batch of at most `limit` documents; answers how many the broker has taken. What it did not take stays due.
  Task<Result<std::size_t>> publish_due(Publish publish, std::size_t limit);
  // The broker may have lost its retained messages: publish_due also goes once over all devices that were ever told
  // something, when nothing else is due. In memory: whoever leads next hears of the broker, too.
  void republish_all();
  // Patches became ready: devices that were told before and have not begun are due again, where their cheapest way now
  // leads over one of these. Looks at no more than `limit` devices, the next call goes on; answers how many are due.
  Task<Result<std::size_t>> offer_new_patches(std::size_t limit);
  Counters counters() const { return counters_; }

 private:
  Task<Result<std::size_t>> publish_and_mark(std::vector<DueDocument> documents, Publish publish);
  Task<Result<std::size_t>> republish_some(Publish publish, std::size_t limit);

  DbPool& db_;
  std::unique_ptr<ReleaseCache> cache_;
  Counters counters_;
  std::optional<std::string> republished_up_to_;  // while all are published again
  std::uint64_t republication_ = 0;
};

std::string desired_topic(const std::string& device);

void add_metrics(Metrics& metrics, const DesiredService& desired);

}  // namespace argosy::server
