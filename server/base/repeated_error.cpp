#include "server/base/repeated_error.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace argosy::server {

bool RepeatedError::is_news(const std::string& message, Clock::time_point now) {
  const auto found =
      std::find_if(said_.begin(), said_.end(), [&message](const Said& one) { return one.message == message; });
  if (found != said_.end()) {
    if (now - found->at < repeat_after) return false;
    said_.erase(found);
  }
  if (said_.size() == kept) said_.pop_front();
  said_.push_back({message, now});
  return true;
}

void RepeatedError::report(const Error& error) {
  if (is_news(error.message, Clock::now())) spdlog::warn("{}: {}: {}", name_, slug(error.code), error.message);
}

void RepeatedError::clear() {
  if (!said_.empty()) spdlog::info("{}: works again", name_);
  said_.clear();
}

}  // namespace argosy::server
