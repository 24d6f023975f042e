// A progress line that also ends the work at Ctrl-C and the like, so that no half-written file is left. One at a time.
#pragma once

#include <array>
#include <csignal>
#include <optional>
#include <string>

#include "cli/output.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy::cli {

class WorkProgress {
 public:
  WorkProgress(const OutputOptions& output, std::string label);
  ~WorkProgress();
  WorkProgress(const WorkProgress&) = delete;
  WorkProgress& operator=(const WorkProgress&) = delete;

  PatchProgress callback();

 private:
  bool visible_;
  std::string label_;
  std::optional<ProgressLine> line_;
  static constexpr std::array<int, 3> ending_signals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, ending_signals.size()> previous_{};
};

}  // namespace argosy::cli
