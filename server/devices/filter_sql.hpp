// A device filter as an SQL condition. Every value is a parameter: no text of the filter becomes SQL. Pure.
#pragma once

#include <string>
#include <vector>

#include "server/devices/filter.hpp"

namespace argosy::server {

struct SqlCondition {
  std::string text = "true";            // never null, so that NOT means what it says
  std::vector<std::string> parameters;  // all of type text, for $first, $first + 1, ...
};

// The condition speaks of `d` (devices) and `s` (its device_state, which every device has, joined), in a query whose
// free parameters start at $first.
SqlCondition to_sql(const Filter& filter, int first = 1);

}  // namespace argosy::server
