// Reactions of rules to their alerts: whether one that waits is still to be done, and when it is tried again. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/instant.hpp"
#include "common/base/random.hpp"
#include "server/rules/rule.hpp"

namespace argosy::server {

inline constexpr int reaction_attempts = 8;
inline constexpr Duration reaction_base{1000};
inline constexpr Duration reaction_cap{60'000};
// What nobody could do for so long is not done: by then the alert is old news, and people are at it.
inline constexpr Duration reaction_lasts{15 * 60'000};

// One that waits, with what is true now.
struct WaitingReaction {
  std::int64_t id = 0;
  std::string reaction;  // the word, which another version of this program may not know
  std::string rule;
  int most_per_hour = RuleReaction::usual_per_hour;
  int attempts = 0;
  Instant created_at{};
  bool alert_fires = false;
  bool rule_wants_it = false;  // it is enabled, and has the reaction still
  int done_this_hour = 0;      // of the rule, of this kind
  int all_this_hour = 0;       // of any rule and kind
  int most_of_all = 0;         // that there may be of these
};

// How many reactions of all rules together there may be in an hour: a share of the devices, and a few in any case.
struct ReactionShare {
  double percent = 10;
  int least = 5;
};
int most_reactions(const ReactionShare& share, std::int64_t devices);

struct Leaving {
  enum class Limit : std::uint8_t { none, of_rule, of_all };
  std::string why;
  Limit limit = Limit::none;  // that is reached
};
// Why it is not done after all; nothing: it is.
std::optional<Leaving> leaving_of(const WaitingReaction& waiting, Instant now);

// When it is tried again after an error; nothing: it has failed.
std::optional<Instant> next_attempt(int attempts, Instant now, Rng& rng);

// For people, with what became of it since.
struct ListedReaction {
  std::int64_t id = 0;
  std::int64_t alert = 0;
  std::string rule;
  std::int64_t rule_version = 1;
  std::string reaction;
  std::string device;  // empty: the alert is about a site or a rollout
  std::string site;
  std::string model;
  std::string alert_message;
  std::string state;  // waiting, done, left, failed
  std::string outcome;
  std::string details_json = "{}";
  std::string follow_up;  // what the device has made of it: "rolled_back", "answered"; empty: nothing is known
  int attempts = 0;
  Instant created_at{};
  std::optional<Instant> ended_at;
};
nlohmann::json reaction_to_json(const ListedReaction& reaction);

struct ReactionQuery {
  std::optional<std::string> rule;
  std::optional<std::int64_t> alert;
  std::optional<std::int64_t> before;  // id
  std::int64_t limit = 50;
};
struct ReactionPage {
  std::vector<ListedReaction> items;  // newest first
  std::int64_t total = 0;             // at most 10,000 are counted
  bool more = false;
};

}  // namespace argosy::server
