// What `argosy` returns to the shell. Stable: pipelines branch on these.
#pragma once

#include "common/base/error.hpp"

namespace argosy::cli {

enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_unauthenticated = 3,
  exit_not_found = 4,
  exit_conflict = 5,
  exit_unavailable = 6,
  exit_not_completed = 7,  // a watched rollout ended, but not as completed
  exit_paused = 8,         // a watched rollout is paused: it waits for an operator
  exit_still_running = 9,  // a watched rollout has not ended within --timeout
};

constexpr ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
    case Errc::forbidden:
      return exit_unauthenticated;
    case Errc::not_found:
      return exit_not_found;
    case Errc::conflict:
    case Errc::illegal_transition:
    case Errc::precondition_failed:
    case Errc::precondition_required:
    case Errc::idempotency_mismatch:
      return exit_conflict;
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::rate_limited:
      return exit_unavailable;
    default:
      return exit_failed;
  }
}

}  // namespace argosy::cli
