// Transitions from bytes to a version that serves, or to the one before: verified, validated, in a shadow run, switched
// in, on probation. Pure.
#pragma once

#include "agent/update/update_transition.hpp"

namespace argosy::agent::machine {

void validate(Transition& change, const Verified& event);
void refuse_bytes(Transition& change, const VerifyFailed& event);
void judge_validated(Transition& change, const Validated& event);
void switch_in_when_due(Transition& change, const Tick& tick);

void count_shadow(Transition& change, const Shadowed& event);
void end_shadow_run_when_due(Transition& change, const Tick& tick);

void enter_service(Transition& change, const Activated& event);
void undo_activation(Transition& change, const ActivateFailed& event);
void look(Transition& change, const Observed& event);

void end_roll_back(Transition& change, const RolledBack& event);
void roll_back_later(Transition& change, const RollBackFailed& event);
void roll_back_when_due(Transition& change, const Tick& tick);

}  // namespace argosy::agent::machine
