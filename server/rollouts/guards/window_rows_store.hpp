// Windows that are stored, as telemetry hands them to the panel. For this capability's *_store.cpp, on DB threads,
// inside one transaction.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

struct WindowsWanted {
  std::string model;
  std::string version;  // not of this one
  Instant until{};
  Duration reach_back{0};
  std::size_t of_each_device = 0;  // the newest
};
// Device after device, each one's newest first. What does not decode of a window is left out.
std::vector<TakenWindow> newest_windows(pqxx::work& transaction, const std::vector<std::string>& devices,
                                        const WindowsWanted& wanted);

}  // namespace argosy::server
