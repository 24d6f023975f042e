#include "server/alerts/alert_life.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

void note_turn(const FlapRule& rule, AlertLife& life, Instant now) {
  life.turns.push_back(now);
  std::erase_if(life.turns, [&](Instant turn) { return turn <= now - rule.within; });
  if (life.turns.size() > rule.turns) life.turns.erase(life.turns.begin());
}

bool turns_too_often(const FlapRule& rule, const AlertLife& life) {
  return life.turns.size() >= rule.turns;
}

void hold_back(AlertLife& life, const HeldBack& held_back, AlertChanges& changes) {
  const auto was = life.held_back;
  life.held_back = held_back;
  if (was.inhibited_by && !held_back.inhibited_by) changes.push_back(AlertChange::uninhibited);
  if (was.silenced_by && !held_back.silenced_by) changes.push_back(AlertChange::unsilenced);
  if (held_back.inhibited_by && was.inhibited_by != held_back.inhibited_by) changes.push_back(AlertChange::inhibited);
  if (held_back.silenced_by && was.silenced_by != held_back.silenced_by) changes.push_back(AlertChange::silenced);
}

// Once in its life.
void tell(AlertLife& life, AlertChanges& changes, Instant now) {
  if (life.told_at || life.held_back.any() || life.state != AlertState::firing) return;
  life.told_at = now;
  life.since = now;
  changes.push_back(AlertChange::told);
}

void begin_to_flap(AlertLife& life, AlertChanges& changes) {
  life.is_flapping = true;
  changes.push_back(AlertChange::flapping);
}

void end(AlertLife& life, AlertChanges& changes) {
  life.state = AlertState::resolved;
  life.is_flapping = false;
  life.held_back = {};
  changes.push_back(AlertChange::resolved);
}

void fire(const FlapRule& rule, AlertLife& life, const HeldBack& held_back, AlertChanges& changes, Instant now) {
  note_turn(rule, life, now);
  if (life.is_flapping) return;
  life.state = AlertState::firing;
  changes.push_back(AlertChange::firing);
  if (turns_too_often(rule, life)) begin_to_flap(life, changes);
  hold_back(life, held_back, changes);
  tell(life, changes, now);
}

void resolve(const FlapRule& rule, AlertLife& life, bool is_final, AlertChanges& changes, Instant now) {
  note_turn(rule, life, now);
  if (is_final) return end(life, changes);
  if (life.is_flapping) return;
  if (turns_too_often(rule, life)) return begin_to_flap(life, changes);
  end(life, changes);
}

AlertState condition_after(AlertStep step, AlertState present) {
  switch (step) {
    case AlertStep::none:
    case AlertStep::refresh:
      return present;
    case AlertStep::open_pending:
      return AlertState::pending;
    case AlertStep::fire:
      return AlertState::firing;
    case AlertStep::withdraw:
    case AlertStep::resolve:
      return AlertState::ok;
  }
  return present;
}

void calm_down(AlertLife& life, AlertChanges& changes) {
  life.is_flapping = false;
  life.turns.clear();
  changes.push_back(AlertChange::calm);
  if (life.condition != AlertState::firing) end(life, changes);
}

bool waits_for_people(const EscalationRule& rule, const AlertLife& life) {
  return life.state == AlertState::firing && life.since && !life.is_acknowledged && !life.is_flapping &&
         !life.held_back.any() && life.escalations < rule.most && rule.after > Duration::zero();
}

void escalate(AlertLife& life, AlertChanges& changes, Instant now) {
  life.severity = "critical";
  life.escalations += 1;
  life.since = now;
  changes.push_back(AlertChange::escalated);
}

}  // namespace

std::string_view to_string(AlertChange change) {
  switch (change) {
    case AlertChange::pending:
      return "pending";
    case AlertChange::firing:
      return "firing";
    case AlertChange::told:
      return "told";
    case AlertChange::inhibited:
      return "inhibited";
    case AlertChange::uninhibited:
      return "uninhibited";
    case AlertChange::silenced:
      return "silenced";
    case AlertChange::unsilenced:
      return "unsilenced";
    case AlertChange::flapping:
      return "flapping";
    case AlertChange::calm:
      return "calm";
    case AlertChange::acknowledged:
      return "acknowledged";
    case AlertChange::unacknowledged:
      return "unacknowledged";
    case AlertChange::escalated:
      return "escalated";
    case AlertChange::resolved:
      return "resolved";
    case AlertChange::withdrawn:
      return "withdrawn";
  }
  return "pending";
}

std::optional<std::string_view> event_of(AlertChange change, const AlertLife& after) {
  if (change == AlertChange::told) return "alert.firing";
  if (change == AlertChange::escalated) return "alert.escalated";
  if (change == AlertChange::acknowledged) return "alert.acknowledged";
  if (change == AlertChange::resolved && after.told_at) return "alert.resolved";
  return std::nullopt;
}

AlertChanges take_finding(const FlapRule& rule, AlertLife& life, AlertState wanted, bool is_final,
                          const HeldBack& held_back, Instant now) {
  AlertChanges changes;
  const auto step = next_step(life.condition, wanted);
  life.condition = condition_after(step, life.condition);
  const bool ends_flapping = is_final && life.is_flapping && wanted == AlertState::ok;
  if (step == AlertStep::open_pending && !life.is_flapping) {
    life.state = AlertState::pending;
    changes.push_back(AlertChange::pending);
  } else if (step == AlertStep::fire) {
    fire(rule, life, held_back, changes, now);
  } else if (step == AlertStep::withdraw && !life.is_flapping) {
    life.state = AlertState::ok;
    changes.push_back(AlertChange::withdrawn);
  } else if (step == AlertStep::resolve || ends_flapping) {
    resolve(rule, life, is_final, changes, now);
  }
  if (!life.is_open()) {
    life.look_at = std::nullopt;
  } else if (!changes.empty() && life.state == AlertState::firing) {
    life.look_at = now;  // whoever looks knows when to look again
  }
  return changes;
}

AlertChanges look_again(const FlapRule& flap, const EscalationRule& escalation, AlertLife& life,
                        const HeldBack& held_back, Instant now) {
  AlertChanges changes;
  life.look_at = std::nullopt;
  if (life.state != AlertState::firing) return changes;
  hold_back(life, held_back, changes);
  const bool is_calm = life.turns.empty() || life.turns.back() + flap.calm <= now;
  if (life.is_flapping && is_calm) calm_down(life, changes);
  if (life.state != AlertState::firing) return changes;
  // What nobody knows of while its rule is content would be told too late.
  if (life.condition == AlertState::firing) tell(life, changes, now);
  const bool was_held_back = std::any_of(changes.begin(), changes.end(), [](AlertChange change) {
    return change == AlertChange::uninhibited || change == AlertChange::unsilenced || change == AlertChange::calm;
  });
  if (was_held_back && life.since) life.since = now;  // nobody waited for people meanwhile
  if (waits_for_people(escalation, life) && *life.since + escalation.after <= now) escalate(life, changes, now);
  if (life.is_flapping)
    life.look_at = life.turns.back() + flap.calm;
  else if (waits_for_people(escalation, life))
    life.look_at = *life.since + escalation.after;
  return changes;
}

AlertChanges acknowledge(AlertLife& life) {
  if (!life.is_open() || life.is_acknowledged) return {};
  life.is_acknowledged = true;
  return {AlertChange::acknowledged};
}

AlertChanges take_acknowledgement_back(AlertLife& life, Instant now) {
  if (!life.is_open() || !life.is_acknowledged) return {};
  life.is_acknowledged = false;
  if (life.since) life.since = now;
  life.look_at = now;
  return {AlertChange::unacknowledged};
}

AlertLife life_after(const FlapRule& rule, const AlertLife& resolved, Instant now) {
  AlertLife life;
  life.turns = resolved.turns;
  std::erase_if(life.turns, [&](Instant turn) { return turn <= now - rule.within; });
  return life;
}

}  // namespace argosy::server
