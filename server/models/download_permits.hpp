// Which blobs a device may download, and how many at once: those that its desired document names - artifact, offered
// patches, data set - and for a while those of the document before it. On the I/O thread; remembers what it saw, for a
// bounded number of devices, so that the ranges of one download ask nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/id.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"
#include "server/base/task.hpp"

namespace argosy::server {

// What is known of one device. Pure.
class NamedBlobs {
 public:
  static constexpr Duration trusted{60'000};     // so long is a name good without another look
  static constexpr Duration grace{30 * 60'000};  // so long after it was last named may a download go on
  static constexpr double looks_at_once = 10;    // for what is not named: each costs a document
  static constexpr double looks_per_second = 0.5;

  enum class Answer : std::uint8_t { yes, look, no, not_now };
  // Whether this digest may be had; `look`: see the document, take() it and ask again with `looked`.
  Answer ask(const std::string& digest, Instant now, bool looked);
  void take(const wire::Desired& desired, Instant now);
  bool is_idle(Instant now) const { return running == 0 && now - asked_at_ > grace; }

  int running = 0;  // downloads under way

 private:
  std::map<std::string, Instant> named_;  // when each was last named; bounded by what one document can hold
  double spent_ = 0;
  Instant spent_at_{};
  Instant asked_at_{};
};

class DownloadPermits {
 public:
  static constexpr int at_once = 3;                  // downloads of one device
  static constexpr std::size_t remembered = 50'000;  // devices
  using Desired = std::function<Task<Result<wire::Desired>>(DeviceId device)>;

  explicit DownloadPermits(Desired desired) : desired_(std::move(desired)) {}

  // A download, for as long as what it answers is kept. Errc::not_found: not named, or not there, which a device is not
  // told apart; Errc::rate_limited: too many at once, or too many questions for what is not named.
  Task<Result<std::shared_ptr<const void>>> admit(DeviceId device, std::string digest, Instant now);
  void forget(const std::string& device) { devices_.erase(device); }
  std::size_t size() const { return devices_.size(); }

 private:
  std::shared_ptr<NamedBlobs> blobs_of(const std::string& device, Instant now);

  Desired desired_;
  std::map<std::string, std::shared_ptr<NamedBlobs>, std::less<>> devices_;
};

}  // namespace argosy::server
