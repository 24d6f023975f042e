// argosy route list|show|create|update|delete|test|rotate, argosy delivery list|show|redeliver.
#pragma once

#include "cli/command.hpp"

namespace argosy::cli {

void add_notify_commands(CLI::App& root, Context& context);

}  // namespace argosy::cli
