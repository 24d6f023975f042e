// What the kernel says of this process, under the names that Prometheus's own clients give it, and which build it is.
// Linux; any thread. Reads a few files of /proc, and counts the open ones.
#pragma once

#include <string>
#include <vector>

#include "common/base/figure_family.hpp"

namespace argosy::server {

std::vector<FigureFamily> process_figures(const std::string& version);

}  // namespace argosy::server
