// When a rollout's guards are looked at. Pure. In each wave looks come when the canary has been measured for 1, 2, 4, 8
// ... times the length of a look, and once more at the longest dwell. They are numbered over the whole rollout, so that
// what all of them may spend together stays the rollout's alpha, however many waves there are.
#pragma once

#include <optional>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::server {

struct Look {
  int number = 1;  // over the whole rollout
  int wave = 0;
  int in_wave = 1;                        // 1, 2, 3 ...: after 1, 2, 4 ... lengths
  std::vector<double> shares_of_dwell{};  // of this wave's looks, this one last; (0, 1], ascending
  bool is_final = false;
  bool is_overtime = false;  // an operator had it go on after a final look: what spends towards the end is spent
  Duration exposure{0};      // for so long the canary was watched
};

struct LooksTaken {  // of a rollout so far
  int number = 0;
  int wave = -1;  // of the newest
  int in_wave = 0;
  std::vector<double> shares_of_dwell{};
  bool is_final = false;
  bool is_overtime = false;
  Instant at{};
};
LooksTaken taken_with(const Look& look, Instant at);

struct LookTiming {
  Duration length{0};                       // of the first look in a wave; > 0
  Duration longest{0};                      // dwell in a wave; > 0
  std::optional<Instant> dwell_began_at{};  // anew when an operator has a paused rollout go on
  bool dwell_is_over = false;
  // Nobody in the panel measured anything before, nor runs both versions side by side: waiting would bring nothing to
  // compare.
  bool has_no_past = false;
};

// For how long a wave has been watched: its canaries' median exposure or, where they fell silent and there is none, the
// time since all had an outcome, less what silence takes to be told.
Duration watched_for(Duration exposure, std::optional<Instant> dwell_began_at, Duration silent_after, Instant now);

// The look that is due now, if any; looks that were missed are not made up for. After the final one there is none,
// unless another dwell has begun since.
std::optional<Look> due_look(const LooksTaken& taken, int wave, Duration exposure, const LookTiming& timing);

}  // namespace argosy::server
