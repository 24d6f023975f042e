// argosy-runner as a process: the command line does not link ONNX Runtime. Blocking, until the runner ends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::cli {

// The one that was named, else the one beside this program, in the build tree, or in PATH. Errc::not_found says where
// it was looked for.
Result<std::filesystem::path> find_runner(const std::string& named);

// What it prints. Errc::incompatible with the runner's own words when it says that it failed, Errc::unavailable when it
// cannot be started or ends without an answer, Errc::cancelled at Ctrl-C.
Result<nlohmann::json> run_runner(const std::filesystem::path& runner, std::vector<std::string> arguments);

}  // namespace argosy::cli
