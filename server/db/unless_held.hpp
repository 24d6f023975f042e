// Work that sets a lock_timeout gives up when somebody keeps the lock: a backup reads for hours, and who waits for it
// makes everybody behind wait, too. Pure.
#pragma once

#include <utility>

#include "common/base/error.hpp"

namespace argosy::server {

// Whether a transaction of such work did it; false when a lock was not to be had in time. Other errors stay errors.
inline Result<bool> unless_held(Result<void> outcome) {
  if (outcome) return true;
  if (outcome.error().code == Errc::timeout) return false;
  return std::move(outcome).error();
}

}  // namespace argosy::server
