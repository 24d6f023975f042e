// The root folder at the start: its folders, made, and its lock, taken. A disk without room for them is no reason to
// end, and to be started again and again: the agent waits for room, with full jitter up to a minute, and says so once.
// Blocking; before the loop runs. SIGTERM ends the process, which holds nothing yet.
#pragma once

#include <functional>
#include <string>

#include "agent/app/service_manager.hpp"
#include "agent/update/storage.hpp"
#include "common/base/instant.hpp"

namespace argosy::agent {

inline constexpr Duration most_between_looks_for_room{60'000};

// `sleep` waits; a test's does not. Errc::conflict as Storage::take.
Result<UniqueFd> take_root(const Storage& storage, const ServiceManager& manager, std::uint64_t seed,
                           const std::function<void(const std::string&)>& log,
                           const std::function<void(Duration)>& sleep);
void sleep_for(Duration duration);

}  // namespace argosy::agent
