// What holds alerts back, and with which others they are told: the alerts above them, and silences. Asked only for
// alerts that move, so that it costs nothing by the size of the fleet. DB threads.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/alerts/alert_cards_store.hpp"

namespace argosy::server {

struct Surroundings {
  HeldBack held_back;
  std::string group;  // that it is in when it opens now
  std::string inhibited_why;
  std::string silenced_why;
};

// Of each card, in their order. A card that does not fire yet counts as firing from now.
std::vector<Surroundings> read_surroundings(pqxx::work& transaction, const std::vector<const AlertCard*>& cards,
                                            Instant now);

// Alerts on sites and rollouts have begun or ended: those that may hang on them are looked at soon.
void note_those_under(pqxx::work& transaction, const std::vector<const AlertCard*>& moved, Instant now);

}  // namespace argosy::server
