// The newest lines of the agent's own log, for whoever asks the device for diagnostics. Any thread. Bounded: 100 lines
// of 300 bytes.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/text.hpp"
#include "common/wire/diagnostics.hpp"

namespace argosy::agent {

class RecentLines {
 public:
  void add(Instant at, const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back({at, shortened(line, wire::most_log_line_bytes)});
    if (lines_.size() > wire::most_log_lines) lines_.pop_front();
  }
  std::vector<wire::LogLine> all() const {  // oldest first
    const std::lock_guard lock(mutex_);
    return {lines_.begin(), lines_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::deque<wire::LogLine> lines_;
};

}  // namespace argosy::agent
