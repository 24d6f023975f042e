// What each device should run, as the desired document that it gets by MQTT and by polling. Coroutines on the I/O
// thread; the SQL runs on the pool's threads. The leader alone publishes: every device whose desired_rev is ahead of
// its published_rev, again and again until the broker has it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/base/id.hpp"
#include "common/wire/desired.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

class DbPool;

class DesiredService {
 public:
  // Publishes `payload` retained on `topic`; resumes when the broker has it.
  using Publish = std::function<Task<Result<void>>(std::string topic, std::string payload)>;

  virtual ~DesiredService() = default;

  // Errc::not_found when there is no such device, or it was revoked.
  virtual Task<Result<wire::Desired>> get(DeviceId device) = 0;
  // One batch of at most `limit` due documents, lowest id first; answers how many the broker has taken. Stops at the
  // first that it does not take.
  virtual Task<Result<std::size_t>> publish_due(Publish publish, std::size_t limit) = 0;
  // The broker may have lost its retained messages: all devices that were ever told something are due again, and
  // publish_due paces them. Answers how many.
  virtual Task<Result<std::size_t>> republish_all() = 0;
  // Patches became ready: devices that were told before and have not begun are due again, where their cheapest way now
  // leads over one of these. Looks at no more than `limit` devices, the next call goes on; answers how many are due.
  virtual Task<Result<std::size_t>> offer_new_patches(std::size_t limit) = 0;
};

std::unique_ptr<DesiredService> create_desired_service(DbPool& db);

std::string desired_topic(const std::string& device);

}  // namespace argosy::server
