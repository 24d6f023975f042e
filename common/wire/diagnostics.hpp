// What a device says of itself when it is asked: one bounded document for a person who looks for a fault. It holds no
// input and no answer of a model. Asked by JSON on `argosy/v1/{device}/down/ask`, answered by POST
// /device/v1/diagnostics. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/state.hpp"

namespace argosy::wire {

inline constexpr std::size_t max_diagnostics_bytes = 64 << 10;
inline constexpr std::size_t most_log_lines = 100;
inline constexpr std::size_t most_log_line_bytes = 300;

struct DiagnosticsAsk {
  std::int64_t id = 0;
  friend bool operator==(const DiagnosticsAsk&, const DiagnosticsAsk&) = default;
};
std::string encode(const DiagnosticsAsk& ask);
Result<DiagnosticsAsk> decode_diagnostics_ask(std::string_view json);

struct LogLine {
  Instant at{};
  std::string text;
  friend bool operator==(const LogLine&, const LogLine&) = default;
};

struct Diagnostics {
  std::int64_t id = 0;  // of the question
  Instant started_at{};
  DeviceState state;  // as it would be sent now, with the newest health sample: board, disk, readings
  std::uint64_t outbox_records = 0;
  std::uint64_t outbox_bytes = 0;
  std::vector<std::string> journals = {};  // of updates, each model's as it lies on the disk: JSON
  std::vector<LogLine> log = {};           // the agent's own, oldest first
};
// The oldest lines of the log are left out where it would be too long.
std::string encode(const Diagnostics& diagnostics);

// What the server reads of it; the rest is kept as it came.
struct DiagnosticsHead {
  std::int64_t id = 0;
  std::string device;
};
Result<DiagnosticsHead> decode_diagnostics_head(std::string_view json);

}  // namespace argosy::wire
