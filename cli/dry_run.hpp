// --dry-run of the verbs that change something on the server: everything is read and checked as ever, and the change
// itself is told in place of being sent, with the devices that it concerns. What the server would say to it is not
// known. rollout create, labels add and release publish have a --dry-run of their own, which says more.
#pragma once

#include "cli/command.hpp"

namespace argosy::cli {

// Gives each such verb of the tree its --dry-run.
void offer_dry_run(CLI::App& root, Context& context);
Result<int> tell_planned(const Context& context, const PlannedChange& change);

}  // namespace argosy::cli
