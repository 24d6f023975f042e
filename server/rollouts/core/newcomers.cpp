#include "server/rollouts/core/newcomers.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>
#include <utility>

namespace argosy::server {
namespace {

constexpr std::int64_t fewest_failures = 3;
constexpr double usual_share = 0.5;

bool is_newer(const RolloutClaim& one, const RolloutClaim& other) {
  return std::tie(one.started_at, one.rollout) > std::tie(other.started_at, other.rollout);
}

bool is_of_an_earlier_board(const Seat& seat, Instant enrolled_at) {
  return is_terminal(seat.step) && seat.finished_at && *seat.finished_at < enrolled_at;
}

std::vector<AbortCriterion> criteria_of(const Policy& policy) {
  auto criteria = policy.abort;
  for (auto& one : criteria) one.min_executed = std::clamp(one.min_executed, fewest_failures, newcomers_judged);
  criteria.push_back({.causes = {"*"}, .min_executed = fewest_failures, .share = usual_share});
  return criteria;
}

std::string causes_text(const std::vector<std::string>& causes) {
  std::string words;
  for (const auto& cause : causes) words += (words.empty() ? "" : ", ") + (cause == "*" ? "any cause" : cause);
  return words;
}

std::string share_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Decision decision_of(const AbortCriterion& criterion, std::int64_t failures, const Counts& counts) {
  const auto done = executed(counts);
  return {"newcomers",
          "unassign",
          std::to_string(failures) + " of the " + std::to_string(done) + " devices that joined last failed (" +
              causes_text(criterion.causes) + "); the limit is a share of " + share_text(criterion.share) + " from " +
              std::to_string(criterion.min_executed) + " on. Devices that come from now on are told nothing of it",
          {{"causes", criterion.causes},
           {"failed", failures},
           {"executed", done},
           {"share", criterion.share},
           {"min_executed", criterion.min_executed},
           {"counts", counts}}};
}

std::string named(const RolloutRecord& rollout) {
  return "rollout " + std::to_string(rollout.id) + " of " + rollout.model + " " + rollout.version;
}

std::string devices_text(std::size_t devices) {
  return std::to_string(devices) + (devices == 1 ? " device" : " devices");
}

}  // namespace

bool is_wish(RolloutState state, bool is_its_release) {
  if (state == RolloutState::rolled_back) return false;
  return is_its_release || state != RolloutState::halted;
}

std::optional<std::int64_t> standing_for(const std::vector<RolloutClaim>& claims) {
  const RolloutClaim* newest = nullptr;
  for (const auto& claim : claims)
    if (claim.stands && (newest == nullptr || is_newer(claim, *newest))) newest = &claim;
  if (newest == nullptr) return std::nullopt;
  const bool is_taken = std::any_of(claims.begin(), claims.end(), [newest](const RolloutClaim& claim) {
    return (claim.has_told || claim.is_next) && is_newer(claim, *newest);
  });
  if (is_taken) return std::nullopt;
  return newest->rollout;
}

Entry entry_of(const std::optional<Seat>& seat, Instant enrolled_at, const std::optional<EarlierFailure>& failure) {
  if (seat && is_of_an_earlier_board(*seat, enrolled_at)) return Entry::returns;
  if (seat && (seat->step != DeviceStep::failed || !is_neutral_cause(seat->cause))) return Entry::stays;
  if (failure) return seat ? Entry::stays : Entry::left_out;
  if (!seat) return Entry::joins;
  return seat->cause == cause_left_out ? Entry::stays : Entry::returns;
}

bool keeps_out(std::string_view cause) {
  return !is_neutral_cause(cause) && cause != cause_incompatible && cause != cause_timeout;
}

std::optional<Decision> judge_newcomers(const Policy& policy, const Counts& latest) {
  Counts counts = latest;
  counts.erase(std::string(cause_incompatible));
  const auto done = executed(counts);
  for (const auto& criterion : criteria_of(policy)) {
    const auto failures = failures_of(criterion, counts);
    if (done < criterion.min_executed || failures < fewest_failures) continue;
    if (static_cast<double>(failures) >= criterion.share * static_cast<double>(done))
      return decision_of(criterion, failures, counts);
  }
  return std::nullopt;
}

std::string left_out_text(const std::string& model, const std::string& version, const EarlierFailure& failure) {
  return "it failed with " + model + " " + version + " before, in rollout " + std::to_string(failure.rollout) + ": " +
         failure.cause;
}

std::string newcomers_text(std::size_t joined, std::size_t left_out, int wave) {
  std::string text;
  if (joined > 0) {
    text = devices_text(joined) + " that came to match the filter now " + (joined == 1 ? "joins " : "join ") +
           wave_name(wave);
  }
  if (left_out == 0) return text;
  if (joined > 0) text += "; ";
  return text + devices_text(left_out) + (left_out == 1 ? " is" : " are") + " left out, for " +
         (left_out == 1 ? "it" : "they") + " failed with this release before";
}

std::string takes_over_text(const RolloutRecord& newer) {
  return named(newer) + " stands for the same devices from now on";
}

std::string stands_already_text(const RolloutRecord& newer) {
  return named(newer) + ", which is newer, stands for the same devices; unassign it first";
}

std::vector<std::string> standing_notes(const RolloutRecord& record, const std::vector<RolloutRecord>& others) {
  std::vector<std::string> notes;
  const bool may_stand = is_before_start(record.state) || is_open(record.state);
  for (const auto& other : others) {
    const bool other_is_newer = std::tie(other.started_at, other.id) > std::tie(record.started_at, record.id);
    if (may_stand && !record.standing && other.release_id != record.release_id) {
      notes.push_back(named(other) + " stands: devices that come later get " + other.version +
                      " from it, unless this one stands, too");
    } else if (record.stands_since && other_is_newer) {
      notes.push_back(named(other) + " is newer and stands, too: devices that both cover get " + other.version);
    }
  }
  return notes;
}

}  // namespace argosy::server
