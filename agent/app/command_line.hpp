// What main() does: options, configuration, log, then the agent. Returns the process's exit code:
// 0 orderly end; 1 the agent could not start; 2 wrong usage or configuration.
#pragma once

namespace argosy::agent {

int run_command_line(int argc, const char* const* argv);

}  // namespace argosy::agent
