#include "agent/serving/directory_serving.hpp"

#include <cerrno>
#include <charconv>

#include <signal.h>
#include <sys/types.h>

#include "agent/serving/command.hpp"
#include "common/base/file.hpp"

namespace argosy::agent {

namespace {

std::optional<pid_t> read_pid(const std::filesystem::path& file) {
  const auto text = read_file(file, 64);
  if (!text) return std::nullopt;
  pid_t pid = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), pid);
  if (failed != std::errc{} || pid <= 1) return std::nullopt;
  return pid;
}

// Absent: the program is not running and reads `current` when it starts, so that is no failure.
Result<void> signal_program(const std::filesystem::path& pid_file) {
  const auto pid = read_pid(pid_file);
  if (!pid || ::kill(*pid, SIGHUP) == 0 || errno == ESRCH) return {};
  return errno_error("cannot signal process " + std::to_string(*pid) + " of " + pid_file.string(), errno);
}

}  // namespace

Result<void> DirectoryServing::tell_program(const Placement& placement) const {
  if (options_.reload_pid_file) ARGOSY_CHECK(signal_program(*options_.reload_pid_file));
  if (options_.reload_command.empty()) return {};
  return run_command({"the reload command",
                      options_.reload_command,
                      {{"ARGOSY_MODEL", placement.model},
                       {"ARGOSY_VERSION", placement.version},
                       {"ARGOSY_PATH", (placement.folder / "current").string()}},
                      std::chrono::seconds(options_.command_timeout_s)});
}

namespace {

// Also after a failure: the link may have been swapped and only its sync have failed.
bool leads_to(const Placement& placement) {
  std::error_code failed;
  return std::filesystem::read_symlink(placement.folder / "current", failed).filename() == placement.slot;
}

}  // namespace

std::optional<SwitchFailure> DirectoryServing::switch_to(const Placement& placement) {
  auto linked = replace_symlink(placement.folder / "current", placement.slot);
  if (!linked) return SwitchFailure{std::move(linked).error(), leads_to(placement)};
  auto told = tell_program(placement);
  if (!told) return SwitchFailure{std::move(told).error(), true};
  return std::nullopt;
}

ServingStatus DirectoryServing::look(const std::vector<Placement>& served) {
  ServingStatus status;
  if (!options_.reload_pid_file) return status;
  const auto pid = read_pid(*options_.reload_pid_file);
  const bool down = pid && ::kill(*pid, 0) != 0 && errno == ESRCH;
  if (!down) return status;
  for (const Placement& placement : served) status.down.insert(placement.model);
  return status;
}

}  // namespace argosy::agent
