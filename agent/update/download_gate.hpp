// Whether a download may begin or go on now, by the device owner's rules: looks at the clock, at whether the link is
// metered and at what is spent of the day's bytes. What is spent is on disk before it is spent: a power cut may cost a
// few bytes of the day, and never gives any back. The agent's loop thread.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "agent/update/download_policy.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

class DownloadGate {
 public:
  struct Ports {
    std::function<Instant()> now = wall_clock_now;
    std::function<LocalClock()> local_clock;
    std::function<void(const std::string&)> log;
  };
  // `spent_file` is only touched when there is a limit on a day's bytes.
  DownloadGate(DownloadRules rules, std::filesystem::path spent_file, Ports ports);

  // Asked before each download; reads `metered_file`. An error: what is about to be spent cannot be written down.
  Result<Ruling> admit(BlobKind kind);
  // So many bytes came in. A hold: they were the last for now.
  Result<std::optional<Hold>> spend(std::uint64_t bytes);
  // A download has ended: what was written down and not spent is given back.
  void settle();

  const DownloadRules& rules() const { return rules_; }

 private:
  bool is_metered() const;
  Circumstances circumstances(bool metered);
  void load();
  Result<void> write_down(std::uint64_t bytes);
  Result<void> write_down_ahead();

  DownloadRules rules_;
  std::filesystem::path file_;
  Ports ports_;
  DaySpent spent_;
  DaySpent written_;
};

}  // namespace argosy::agent
