// A reaction of a rule to an alert, for whoever carries it out: what comes of it is written in the transaction that
// does it, so that it is done once, whoever dies in between. On DB threads, inside that transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>
#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

struct ReactionInHand {
  std::int64_t id = 0;
  std::string reaction;  // "roll_back"
  std::int64_t alert = 0;
  std::string rule;
  std::int64_t rule_version = 1;
  std::string device;  // empty: the alert is about a site or a rollout
  std::string site;
  std::optional<std::int64_t> rollout;
  std::string model;            // empty: of any
  std::string message;          // of the alert
  std::string actor() const;    // "rule:too_hot v3"
  std::string because() const;  // "alert 17: cam-7 is 95 °C"
};

enum class ReactionEnd : std::uint8_t {
  done,
  left,  // on purpose: there was nothing to do, or it would have done harm
  failed,
};
std::string_view to_string(ReactionEnd end);

// Locks it; none: it has ended already.
std::optional<ReactionInHand> take_reaction(pqxx::work& transaction, std::int64_t id);
// With an event, "reaction.done" and so on; `details` goes along.
void end_reaction(pqxx::work& transaction, const ReactionInHand& reaction, ReactionEnd end, const std::string& outcome,
                  const nlohmann::json& details, Instant now);

}  // namespace argosy::server
