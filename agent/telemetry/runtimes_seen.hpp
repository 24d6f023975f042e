// Which inference runtimes of which versions are at work on this device, as each source says of itself: the runner, the
// model server, the programs by their models. Pure; one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/state.hpp"

namespace argosy::agent {

class RuntimesSeen {
 public:
  static constexpr std::size_t most_sources = 32;  // a further program's takes the place of the one silent for longest
  static constexpr std::string_view program = "model ";  // such a source is the program of that model

  // "onnxruntime 1.22.0"; in place of what the source said before.
  void note(const std::string& source, std::string_view runtime) {
    if (!wire::is_runtime_version(runtime)) return;
    auto known = said_.find(source);
    if (known == said_.end() && said_.size() >= most_sources && !forget_a_program()) return;
    if (known == said_.end()) known = said_.emplace(source, Said{}).first;
    if (known->second.runtime != runtime) known->second.runtime = runtime;
    known->second.turn = ++turns_;
  }
  // Each once, in order.
  std::vector<std::string> versions() const {
    std::vector<std::string> versions;
    for (const auto& [source, said] : said_) versions.push_back(said.runtime);
    std::sort(versions.begin(), versions.end());
    versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
    return versions;
  }

 private:
  struct Said {
    std::string runtime;
    std::uint64_t turn = 0;  // the later, the larger
  };
  bool forget_a_program() {
    auto silent = said_.end();
    for (auto one = said_.begin(); one != said_.end(); ++one)
      if (one->first.starts_with(program) && (silent == said_.end() || one->second.turn < silent->second.turn))
        silent = one;
    if (silent == said_.end()) return false;
    said_.erase(silent);
    return true;
  }

  std::map<std::string, Said> said_;
  std::uint64_t turns_ = 0;
};

}  // namespace argosy::agent
