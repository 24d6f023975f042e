#include "agent/serving/exec_serving.hpp"

#include <algorithm>

#include "agent/serving/command.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

constexpr int check_timeout_s = 5;

bool has_current(const Placement& placement) {
  std::error_code none;
  return std::filesystem::is_symlink(placement.folder / "current", none);
}

}  // namespace

Result<void> ExecServing::run(const std::string& command, const char* action, const Placement& placement) const {
  const bool is_check = &command == &options_.check_command;
  const int limit_s = is_check ? std::min(check_timeout_s, options_.timeout_s) : options_.timeout_s;
  return run_command({"the serving command",
                      command,
                      {{"ARGOSY_ACTION", action},
                       {"ARGOSY_MODEL", placement.model},
                       {"ARGOSY_VERSION", placement.version},
                       {"ARGOSY_PATH", (placement.folder / placement.slot).string()},
                       {"ARGOSY_FILE", placement.file().string()}},
                      std::chrono::seconds(limit_s)});
}

std::optional<SwitchFailure> ExecServing::switch_to(const Placement& placement) {
  auto done = run(options_.command, "activate", placement);
  // Nobody knows how far it came: the command is then run for the version before, where there is one.
  if (!done) return SwitchFailure{std::move(done).error(), has_current(placement)};
  auto linked = replace_symlink(placement.folder / "current", placement.slot);
  if (!linked) return SwitchFailure{std::move(linked).error(), has_current(placement)};
  return std::nullopt;
}

// Tidying up: what it says changes nothing about the version that serves.
void ExecServing::settle(const Placement& placement) {
  static_cast<void>(run(options_.command, "settle", placement));
}

ServingStatus ExecServing::look(const std::vector<Placement>& served) {
  ServingStatus status;
  if (options_.check_command.empty()) return status;
  for (const Placement& placement : served)
    if (!run(options_.check_command, "check", placement)) status.down.insert(placement.model);
  return status;
}

}  // namespace argosy::agent
