#include "server/rollouts/core/reaction.hpp"

namespace argosy::server {

std::optional<std::string> why_not_sent_back(const SendBackCase& of) {
  if (!of.wish) return "no rollout gave the device what it runs, so there is nothing to go back to";
  const auto& wish = *of.wish;
  const std::string name = "rollout " + std::to_string(wish.rollout);
  if (!wish.is_its_release) return name + " has sent the device back already";
  if (is_open(wish.state))
    return name + " is " + std::string(to_string(wish.state)) +
           ", and its guards and abort criteria decide: pause_rollouts is the reaction that stops it";
  if (wish.state == RolloutState::rolling_back) return name + " goes back already, and the device with it";
  if (of.next_rollout)
    return "rollout " + std::to_string(*of.next_rollout) +
           " has the device still to tell, and decides what it runs next";
  if (!wish.row) return "what the device ran before " + name + " is not known any more";
  if (wish.row->is.step != DeviceStep::succeeded)
    return "the device does not run " + wish.version + " by " + name + ": it is " +
           std::string(to_string(wish.row->is.step)) + " there";
  if (wish.row->is.cause == cause_already_installed || !wish.row->previous_release)
    return "nothing ran there before " + wish.version + " that the device could go back to";
  if (of.serving != wish.version)
    return "the device runs " + (of.serving.empty() ? std::string("nothing") : of.serving) + ", and not " +
           wish.version;
  if (!of.alerted.empty() && of.alerted != wish.version)
    return "the alert is about " + of.alerted + ", and the device runs " + wish.version + " by now";
  return std::nullopt;
}

}  // namespace argosy::server
