// Which inference runtimes of which versions are at work on this device, as each source says of itself: the runner, the
// model server, the programs by their models. Pure; one owner.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/state.hpp"

namespace argosy::agent {

class RuntimesSeen {
 public:
  static constexpr std::size_t most_sources = 32;  // more are not heard

  // "onnxruntime 1.22.0"; in place of what the source said before.
  void note(const std::string& source, std::string_view runtime) {
    if (!wire::is_runtime_version(runtime)) return;
    const auto known = said_.find(source);
    if (known != said_.end()) {
      if (known->second != runtime) known->second = runtime;
    } else if (said_.size() < most_sources) {
      said_.emplace(source, runtime);
    }
  }
  // Each once, in order.
  std::vector<std::string> versions() const {
    std::vector<std::string> versions;
    for (const auto& [source, runtime] : said_) versions.push_back(runtime);
    std::sort(versions.begin(), versions.end());
    versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
    return versions;
  }

 private:
  std::map<std::string, std::string> said_;
};

}  // namespace argosy::agent
