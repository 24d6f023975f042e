#include "server/rollouts/core/recall.hpp"

namespace argosy::server {

std::string withdrawn_sentence(const std::string& model, const std::string& version, const Withdrawal& withdrawal) {
  return model + " " + version + " was withdrawn by " + withdrawal.by + ": " + withdrawal.reason;
}

std::string effect_of_withdrawal(RolloutState state) {
  switch (state) {
    case RolloutState::draft:
      return "it cannot be started";
    case RolloutState::awaiting_approval:
      return "it cannot be approved";
    case RolloutState::scheduled:
      return "it does not start: when its time comes, it is a draft again";
    case RolloutState::running:
      return "it pauses, and can be rolled back";
    case RolloutState::paused:
      return "it stays paused, and can be rolled back";
    case RolloutState::completed:
      return "it tells no further device, and can be rolled back";
    case RolloutState::halted:
      return "it stays halted, and can be rolled back";
    case RolloutState::rolling_back:
    case RolloutState::rolled_back:
      return "it goes on as before";
  }
  return "";
}

}  // namespace argosy::server
