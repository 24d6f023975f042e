// Serving by a command of the integrator's: it makes the version in a slot serve, and its exit code says whether it
// does. `current` follows only then. For inference programs that no other adapter knows.
#pragma once

#include "agent/serving/serving.hpp"

namespace argosy::agent {

class ExecServing : public Serving {
 public:
  struct Options {
    // Run by /bin/sh with ARGOSY_ACTION (activate, settle), ARGOSY_MODEL, ARGOSY_VERSION, ARGOSY_PATH (the slot's
    // folder) and ARGOSY_FILE (the model in it). After any other end than 0 the version before must be assumed not to
    // serve.
    std::string command;
    std::string
        check_command;  // ARGOSY_ACTION=check: another end than 0 says that the program is down; empty: not known
    int timeout_s = 60;
  };
  explicit ExecServing(Options options) : options_(std::move(options)) {}

  std::optional<SwitchFailure> switch_to(const Placement& placement) override;
  void settle(const Placement& placement) override;
  ServingStatus look(const std::vector<Placement>& served) override;

 private:
  Result<void> run(const std::string& command, const char* action, const Placement& placement) const;

  Options options_;
};

}  // namespace argosy::agent
