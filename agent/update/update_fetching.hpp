// Transitions from a wish to its bytes: a way is planned for each file, taken, left for another where it fails; then
// the data set, and on to the slot. Pure.
#pragma once

#include <string>

#include "agent/update/update_transition.hpp"

namespace argosy::agent::machine {

void survey(Transition& change);
// What was fetched on the present way stays counted, and another way is looked for.
void leave_way(Transition& change);
void take_whole_file(Transition& change, const std::string& why);

void choose_way(Transition& change, const Surveyed& seen);
void note_progress(Transition& change, const FetchProgress& event);
void take_blob(Transition& change, const Fetched& event);
void fetch_again_or_fail(Transition& change, const FetchFailed& event);
void fetch_when_due(Transition& change, const Tick& tick);
void take_result(Transition& change, const Patched& event);
void give_up_patch(Transition& change, const PatchFailed& event);

}  // namespace argosy::agent::machine
