#include "server/models/download_permits.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

// Counts one download for as long as somebody has it.
std::shared_ptr<const void> lease(const std::shared_ptr<NamedBlobs>& blobs) {
  ++blobs->running;
  return {blobs.get(), [blobs](const void*) { --blobs->running; }};
}

}  // namespace

NamedBlobs::Answer NamedBlobs::ask(const std::string& digest, Instant now, bool looked) {
  asked_at_ = now;
  const auto found = named_.find(digest);
  const bool known = found != named_.end();
  if (known && now - found->second <= trusted) return Answer::yes;
  if (looked) return known && now - found->second <= grace ? Answer::yes : Answer::no;
  const double seconds = std::max<double>(0, static_cast<double>((now - spent_at_).count()) / 1000);
  spent_ = std::max(0.0, spent_ - seconds * looks_per_second);
  spent_at_ = std::max(spent_at_, now);
  if (spent_ + 1 > looks_at_once) return Answer::not_now;
  spent_ += 1;
  return Answer::look;
}

void NamedBlobs::take(const wire::Desired& desired, Instant now) {
  std::erase_if(named_, [now](const auto& named) { return now - named.second > grace; });
  for (const wire::DesiredModel& model : desired.models) {
    named_[model.artifact.digest] = now;
    for (const wire::PatchOffer& patch : model.patches) named_[patch.blob.digest] = now;
    for (const wire::PartOffer& part : model.parts) {
      named_[part.artifact.digest] = now;
      for (const wire::PatchOffer& patch : part.patches) named_[patch.blob.digest] = now;
    }
    if (model.validation.dataset) named_[model.validation.dataset->digest] = now;
  }
}

Task<Result<std::shared_ptr<const void>>> DownloadPermits::admit(DeviceId device, std::string digest, Instant now) {
  const std::shared_ptr<NamedBlobs> blobs = blobs_of(device.value(), now);
  if (blobs->running >= at_once)
    co_return make_error(Errc::rate_limited, "this device has " + std::to_string(at_once) +
                                                 " downloads under way; another one may begin when one has ended");
  const auto download = lease(blobs);
  NamedBlobs::Answer answer = blobs->ask(digest, now, false);
  if (answer == NamedBlobs::Answer::look) {
    ARGOSY_CO_TRY(const wire::Desired desired, co_await desired_(std::move(device)));
    blobs->take(desired, now);
    answer = blobs->ask(digest, now, true);
  }
  if (answer == NamedBlobs::Answer::not_now)
    co_return make_error(Errc::rate_limited,
                         "this device asks too often for what its desired document does not name; try again later");
  if (answer == NamedBlobs::Answer::no)
    co_return make_error(Errc::not_found, "there is no blob " + digest + " for this device");
  co_return download;
}

std::shared_ptr<NamedBlobs> DownloadPermits::blobs_of(const std::string& device, Instant now) {
  const auto found = devices_.find(device);
  if (found != devices_.end()) return found->second;
  if (devices_.size() >= remembered) {
    std::erase_if(devices_, [now](const auto& entry) { return entry.second->is_idle(now); });
    if (devices_.size() >= remembered) devices_.erase(devices_.begin());  // it is looked up again
  }
  return devices_.emplace(device, std::make_shared<NamedBlobs>()).first->second;
}

}  // namespace argosy::server
