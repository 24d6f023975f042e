// The `argosy` command: builds the command tree, runs one command, turns its error into an exit code.
#pragma once

namespace argosy::cli {

// Returns the exit code, see exit_code.hpp.
int run(int argc, char** argv);

}  // namespace argosy::cli
