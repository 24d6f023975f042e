#include "server/rollouts/core/earlier_trouble.hpp"

namespace argosy::server {
namespace {

std::string past(const std::string& decision) {
  if (decision == "halt") return "was halted";
  if (decision == "roll back") return "was rolled back";
  return "was paused by a guard";
}

std::string warning_of(const EarlierTrouble& trouble) {
  std::string text = "rollout " + std::to_string(trouble.rollout) + " of this release, \"" + trouble.name + "\"";
  if (!trouble.decision.empty()) text += ", " + past(trouble.decision) + ": " + trouble.message;
  if (trouble.refused == 0) return text;
  text += trouble.decision.empty() ? ": " : "; ";
  return text + std::to_string(trouble.refused) + " of " + std::to_string(trouble.executed) +
         " devices refused it in validation";
}

}  // namespace

std::vector<std::string> warnings_of(const std::vector<EarlierTrouble>& troubles) {
  std::vector<std::string> warnings;
  for (const auto& trouble : troubles) warnings.push_back(warning_of(trouble));
  return warnings;
}

}  // namespace argosy::server
