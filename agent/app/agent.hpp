// The composition root: makes the parts, ties them together, runs the loop until SIGTERM or SIGINT. The thread that
// calls run() is the agent's loop thread.
#pragma once

#include "agent/app/config.hpp"

namespace argosy::agent {

// Errc as from what could not be set up; success after an orderly end.
Result<void> run_agent(const Config& config);

}  // namespace argosy::agent
