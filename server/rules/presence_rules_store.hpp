// Rules on presence: what a device's presence is now, and how much of the last day it could be reached, against a
// threshold. Nothing is remembered: presence tells by itself since when it is so. On DB threads, inside a transaction.
#pragma once

#include <cstddef>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/rules/rule_table.hpp"

namespace argosy::server {

// Opens and ends the alerts of one rule; how many moved. Looks at the devices that are away, or were within a day, and
// at those with an open alert: at most some thousand.
struct JudgePresence {
  ReadyRule rule;
  Instant now;
  std::size_t operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
