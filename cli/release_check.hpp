// Tries a release on this machine before it is published: each ONNX variant by argosy-runner, on the release's data set
// and within its limits, as a device does. What no device could take is an error, with nothing published; what devices
// may refuse, or what was not tried, is said. Blocking; one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/release_files.hpp"

namespace argosy::cli {

struct ReleaseTrial {
  std::filesystem::path runner;                         // empty: there is none here
  std::optional<std::filesystem::path> metric_program;  // of a metric exec-NAME
  // For all variants and their comparison together. When it is too short for all samples, as many as it allows are
  // tried, drawn at random, and that is said. Nothing: all samples, however long that takes.
  std::optional<std::chrono::milliseconds> time;
};

struct ReleaseFindings {
  nlohmann::json variants = nlohmann::json::array();  // what was measured, for --json
  std::vector<std::string> said;                      // sentences for people, in order
};

Result<ReleaseFindings> check_release(const nlohmann::json& document, const ReleaseFiles& files,
                                      const ReleaseTrial& trial);

// What people should know of a measured value, given what the release asks for; nothing when all is well. Pure.
std::vector<std::string> doubts_about(const nlohmann::json& report, const nlohmann::json& validation);

}  // namespace argosy::cli
