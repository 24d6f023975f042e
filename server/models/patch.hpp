// Patches between model files: which are wanted, and how far they are. Pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy::server {

struct PatchPair {
  std::string from_digest;
  std::string to_digest;
  int demand = 1;  // devices that wait for it: the largest is made first
};

enum class PatchState : std::uint8_t {
  pending,
  making,
  ready,
  declined,  // no use: not smaller than the whole file, or too large to make
  failed,
};
std::string_view to_string(PatchState state);
Result<PatchState> parse_patch_state(std::string_view text);

struct PatchRow {
  std::string from_digest;
  std::string to_digest;
  PatchState state = PatchState::pending;
  std::string codec;                  // of a ready one: "bsdiff"
  std::string digest;                 // of a ready one: the patch's own
  std::optional<std::uint64_t> size;  // of a ready one; of a declined one when it was made
  std::optional<std::int64_t> encode_ms;
  std::string reason;  // of a declined or failed one
};

struct PatchMatrixRow {
  std::string from_version;
  std::string to_version;
  std::string variant;
  PatchRow patch;
  std::uint64_t full_size = 0;
};

}  // namespace argosy::server
