// Pairs of releases that a person asks for ahead of any rollout, or takes back. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

inline constexpr std::size_t max_pairs_asked = 100;

struct VersionPair {
  std::string from_version;
  std::string to_version;
  std::string variant;  // empty: each that both releases have
};

struct PatchRequest {
  std::string model;
  std::vector<VersionPair> pairs;
  int days = 7;  // wanted so long without any device
};

struct PatchCancellation {
  std::string model;
  VersionPair pair;
};

// {"pairs": [{"from_version": "1.0", "to_version": "1.1", "variant"?: "fp32"}], "days"?: 7}; the model is not in it.
Result<PatchRequest> parse_patch_request(std::string_view json);

}  // namespace argosy::server
