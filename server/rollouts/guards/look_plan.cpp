#include "server/rollouts/guards/look_plan.hpp"

#include <algorithm>

#include "common/stats/looks.hpp"

namespace argosy::server {
namespace {

constexpr double before_the_end = 0.999;  // the longest dwell's own look comes after all others
constexpr std::size_t most_shares = 60;

double share_of(Duration exposure, Duration longest) {
  return std::min(static_cast<double>(exposure.count()) / static_cast<double>(longest.count()), before_the_end);
}

}  // namespace

LooksTaken taken_with(const Look& look, Instant at) {
  return {look.number, look.wave, look.in_wave, look.shares_of_dwell, look.is_final, look.is_overtime, at};
}

Duration watched_for(Duration exposure, std::optional<Instant> dwell_began_at, Duration silent_after, Instant now) {
  if (!dwell_began_at) return exposure;
  return std::max({exposure, now - *dwell_began_at - silent_after, Duration{0}});
}

std::optional<Look> due_look(const LooksTaken& taken, int wave, Duration exposure, const LookTiming& timing) {
  const LooksTaken so_far = taken.wave == wave ? taken : LooksTaken{.number = taken.number, .wave = wave};
  const bool is_another_dwell = timing.dwell_began_at && *timing.dwell_began_at > so_far.at;
  if ((so_far.is_final && !is_another_dwell) || so_far.shares_of_dwell.size() >= most_shares) return std::nullopt;
  const auto lengths = static_cast<std::uint64_t>(exposure.count() / timing.length.count());
  const bool is_last = timing.dwell_is_over || timing.has_no_past;
  const int due = is_last ? so_far.in_wave + 1 : looks_due(lengths);
  if (due <= so_far.in_wave) return std::nullopt;
  Look look{.number = so_far.number + 1,
            .wave = wave,
            .in_wave = due,
            .shares_of_dwell = so_far.shares_of_dwell,
            .is_final = is_last,
            .is_overtime = so_far.is_overtime || so_far.is_final,
            .exposure = exposure};
  if (look.is_overtime) return look;
  const double last = look.shares_of_dwell.empty() ? 0 : look.shares_of_dwell.back();
  const double share = is_last ? 1 : share_of(exposure, timing.longest);
  look.shares_of_dwell.push_back(share > last ? share : (last + 1) / 2);
  return look;
}

}  // namespace argosy::server
