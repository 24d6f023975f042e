// One transition of the update machine in the making, and the turns that many of them take. Only the files of the
// machine know it: update_machine (the table), update_fetching, update_trial, update_recovery. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/update/update_machine.hpp"

namespace argosy::agent::machine {

struct Transition {
  UpdateState& state;
  std::vector<Effect>& effects;
  Instant now;
  bool keep = true;

  void enter(Phase phase) {
    state.phase = phase;
    state.changed_at = now;
    state.progress = 0;
    state.retry_at.reset();
    state.tries = 0;
    end_hold();
  }
  void end_hold() {
    if (std::exchange(state.held, false)) state.message.clear();
  }
  void await(Work work) { effects.push_back({std::move(work), ++state.ticket}); }  // its outcome comes back as an event
  void act(Work work) { effects.push_back({std::move(work), state.ticket}); }
  void ignore() { keep = false; }
};

bool is_release(const std::optional<SlotContent>& content, const wire::DesiredModel& wish);
SlotName previous_of(const UpdateState& s);
// Every file of the wish is in a slot already: none is fetched.
void take_from_slot(UpdateState& s);

// Ends, and the way back.
void finish(Transition& change, Phase phase, std::string cause, std::string message);
void commit(Transition& change, std::string message, std::string cause = "");
void begin_probation(Transition& change);
void roll_back(Transition& change, std::string cause, std::string message);

// Waiting, and its end.
bool is_due(const UpdateState& s, const Tick& tick, Instant now);
void wait_for_owner(Transition& change, const Hold& hold);
void wait_and_retry(Transition& change, std::optional<Duration> at_least);

}  // namespace argosy::agent::machine
