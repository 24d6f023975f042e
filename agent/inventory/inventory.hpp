// What this device is made of, from the files of /proc, /sys, /etc and /usr: board, processor, accelerators, versions
// of what is installed. What cannot be told is absent. Reads some hundred small files and lists a dozen folders of
// libraries, each with a bound: some milliseconds. Blocking; any thread.
#pragma once

#include <filesystem>

#include "common/wire/inventory.hpp"

namespace argosy::agent {

// Below `root`, as a board's own files lie below "/". How far its engine reaches only argosy-runner can tell.
wire::Inventory take_inventory(const std::filesystem::path& root = "/");

}  // namespace argosy::agent
