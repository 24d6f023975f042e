// Following a rollout until there is nothing more to wait for. On the caller's thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/command.hpp"

namespace argosy::cli {

struct WatchFlags {
  std::optional<std::int64_t> timeout_s;  // none: as long as it takes
};

// One line for each decision on stderr, the rollout at the end on stdout. exit_ok: it completed; exit_not_completed: it
// ended otherwise; exit_paused: it waits for an operator; exit_still_running: the time is over. A server that is away
// is waited for, a minute at most.
Result<int> watch_rollout(const Context& context, const ApiClient& api, const std::string& id, const WatchFlags& flags);

void add_timeout_option(CLI::App& command, std::optional<std::int64_t>& timeout_s);

}  // namespace argosy::cli
