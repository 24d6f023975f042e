// Serving by directory: `current` is swapped atomically, then the program is told by a signal, a command, or not at all
// (it may watch the link itself).
#pragma once

#include "agent/serving/serving.hpp"

namespace argosy::agent {

class DirectoryServing : public Serving {
 public:
  struct Options {
    std::optional<std::filesystem::path> reload_pid_file;  // gets SIGHUP
    std::string reload_command;  // run by /bin/sh with ARGOSY_MODEL, ARGOSY_VERSION and ARGOSY_PATH set
    int command_timeout_s = 30;
  };
  explicit DirectoryServing(Options options) : options_(std::move(options)) {}

  std::optional<SwitchFailure> switch_to(const Placement& placement) override;
  // Down: the process of the pid file does not run. Without one that is not known.
  ServingStatus look(const std::vector<Placement>& served) override;

 private:
  Result<void> tell_program(const Placement& placement) const;

  Options options_;
};

}  // namespace argosy::agent
