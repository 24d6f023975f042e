// Patches between model files: which are wanted, how far they are, and the rules of making them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/random.hpp"

namespace argosy::server {

struct PatchPair {
  std::string from_digest;
  std::string to_digest;
  int demand = 1;  // devices that would use it now: the largest is made first
};

enum class PatchState : std::uint8_t {
  pending,
  making,
  ready,
  declined,   // no use: not smaller than the whole file, or too large to make
  failed,     // tried again later while it is wanted, up to PatchLimits::max_attempts
  cancelled,  // by a person; made again only when a person asks
};
std::string_view to_string(PatchState state);
Result<PatchState> parse_patch_state(std::string_view text);

struct CodecTrial {  // one codec on one pair
  std::string codec;
  std::uint64_t bytes = 0;
  double seconds = 0;   // to encode
  std::string failure;  // why it made no patch; empty when it did
  friend bool operator==(const CodecTrial&, const CodecTrial&) = default;
};
// patches.trials: [{"codec", "bytes", "seconds", "failure"}], bytes or failure null.
std::string trials_to_json(const std::vector<CodecTrial>& trials);
std::vector<CodecTrial> trials_from_json(std::string_view json);

struct PatchRow {
  std::string from_digest;
  std::string to_digest;
  PatchState state = PatchState::pending;
  std::string codec;                  // of a ready one: "bsdiff"
  std::string digest;                 // of a ready one: the patch's own
  std::optional<std::uint64_t> size;  // of a ready one; of a declined one when it was made
  std::optional<std::int64_t> encode_ms;
  std::string reason;  // of a declined, failed or cancelled one
  int demand = 0;
  int attempts = 0;         // encodings begun
  bool will_retry = false;  // of a failed one
  std::vector<CodecTrial> trials;
  std::string asked_by;  // who asked ahead of any rollout, as long as that counts
};

struct PatchMatrixRow {
  std::string from_version;
  std::string to_version;
  std::string variant;
  std::string part;  // empty: its model
  PatchRow patch;
  std::uint64_t full_size = 0;
};

struct PatchLimits {
  std::uint64_t max_memory_bytes = 1ULL << 30;   // of the encoder; codecs that need more are passed over
  std::uint64_t max_file_bytes = 4ULL << 30;     // a larger file on either side is not patched
  double seconds_per_mb = 2;                     // wall time, of both files together
  std::chrono::milliseconds least_time{60'000};  // for small ones
  int max_attempts = 4;                          // the first and three more
};

std::chrono::milliseconds longest_encoding(std::uint64_t bytes_of_both, const PatchLimits& limits);
// How long a pair rests after its `attempts`-th attempt failed: full jitter under 1, 2, 4 ... minutes, at most an
// hour. Nothing: that was the last.
std::optional<std::chrono::milliseconds> rest_after_failure(int attempts, int max_attempts, Rng& rng);

}  // namespace argosy::server
