// What a rule would have done: the same judgement as the engine's, over figures that are stored. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "server/rules/rule.hpp"
#include "server/rules/rule_progress.hpp"

namespace argosy::server {

struct PreviewQuestion {
  Instant from{};
  Instant to{};
};

struct PreviewEpisode {
  Instant from{};
  std::optional<Instant> to{};  // none: it would fire still
  double value = 0;             // when it began
};

struct PreviewedPair {
  std::string device;
  std::string model;  // empty: the device as a whole
  std::uint64_t fired = 0;
  Duration firing{0};                         // together
  std::vector<PreviewEpisode> episodes = {};  // the newest ones, oldest first
};

struct RulePreview {
  static constexpr std::size_t pairs_listed = 50;
  static constexpr std::size_t episodes_listed = 5;  // of each

  PreviewQuestion of;
  std::uint64_t devices = 0;  // that the filter matches
  std::uint64_t looked = 0;   // at so many of them: fewer than all where time or memory did not suffice
  std::uint64_t figures = 0;  // that were judged
  std::uint64_t fired = 0;
  std::uint64_t fired_devices = 0;
  std::vector<PreviewedPair> pairs = {};  // that fired, the most often first; pairs_listed at most
  bool is_sample() const { return looked < devices; }
};

// From when on figures are read: what a rule has to learn before the time that is asked about.
Instant learns_from(const Rule& rule, Instant from);

// Figures of one pair in the order of their times; those before the time asked about only teach.
PreviewedPair preview_pair(const Rule& rule, const PreviewQuestion& question, std::string device, std::string model,
                           const std::vector<RuleFigure>& figures);
void add_to(RulePreview& preview, PreviewedPair pair);
std::string preview_to_json(const RulePreview& preview);

}  // namespace argosy::server
