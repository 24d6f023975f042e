// How fast counters of the board grow: each reading against the one before. Pure; one owner.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace argosy::agent {

class Rates {
 public:
  // In units a second; nothing for the first reading, for a counter that began anew, and while no time passes.
  std::optional<double> per_second(const std::string& counter, std::optional<double> value,
                                   std::optional<double> at_s) {
    if (!value || !at_s) return std::nullopt;
    const auto [found, is_new] = last_.try_emplace(counter, Reading{*value, *at_s});
    const Reading before = found->second;
    found->second = {*value, *at_s};
    if (is_new || *value < before.value || *at_s <= before.at_s) return std::nullopt;
    return (*value - before.value) / (*at_s - before.at_s);
  }

 private:
  struct Reading {
    double value = 0;
    double at_s = 0;
  };
  std::map<std::string, Reading> last_;  // as many as the board has counters
};

}  // namespace argosy::agent
