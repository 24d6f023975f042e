// The state document: what one device is and runs. Device to server, JSON, retained on `argosy/v1/{device}/up/state`
// and POSTed to /device/v1/state. Level, not edge: each one replaces the last, so a lost one does no harm.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/health.hpp"
#include "common/wire/inventory.hpp"
#include "common/wire/shadow.hpp"

namespace argosy::wire {

inline constexpr std::size_t most_capabilities = 64;  // words in a list of them
inline constexpr std::size_t most_word_bytes = 64;
inline constexpr std::size_t most_fault_bytes = 512;
inline constexpr std::size_t most_conditions = 8;
inline constexpr std::uint64_t most_memory_mb = 1'000'000'000;

struct Capabilities {                     // what variants are matched against
  std::string architecture;               // "x86_64", "aarch64"
  std::vector<std::string> accelerators;  // "cpu", "cuda", "edgetpu", ...
  std::vector<std::string> runtimes;      // "onnxruntime", "tflite", ...
  std::vector<std::string> precisions;    // "fp32", "int8", ...
  std::uint64_t memory_mb = 0;
  std::vector<std::string> runtime_versions = {};  // seen at work: "onnxruntime 1.22.0"
  Inventory inventory = {};
  bool takes_parts = false;  // the agent can take a version of several files
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

// A name and a version with a space between them: printable characters of ASCII, at most 64 of them.
bool is_runtime_version(std::string_view text);

// What a state document may say of labels: at most 64 texts of 256 bytes, by names.
bool are_labels(const std::map<std::string, std::string>& labels);

struct SlotReport {
  std::string slot;  // "a", "b"
  std::string role;  // "serving", "previous", "staging", "empty"
  std::string version;
  std::string digest;  // of the model file
  std::uint64_t size = 0;
  friend bool operator==(const SlotReport&, const SlotReport&) = default;
};

// How the last or the present update goes. `state` is one of: idle planning downloading patching verifying validating
// shadowing activating probation committed rejected failed rolling_back rolled_back.
struct UpdateReport {
  std::int64_t rollout = 0;
  int attempt = 1;
  std::string version;
  std::string state = "idle";
  double progress = 0;           // 0..1 inside the state
  std::string source;            // "patch", "full" or "local" (already in a slot); empty before planning
  std::uint64_t bytes = 0;       // fetched so far for the model itself
  std::uint64_t full_bytes = 0;  // size of the whole file
  std::string cause;             // for rejected, failed, rolled_back: a stable word
  std::string message;           // for a person
  bool held = false;             // it waits because the device's owner wants it to; no time-out runs
  std::optional<double> metric_value;
  std::optional<double> metric_threshold;
  std::optional<double> serving_value;  // of the version that served, where the release is held against it
  std::optional<double> serving_p95_ms;
  std::optional<double> latency_p95_ms;
  std::optional<double> baseline_p95_ms;
  std::optional<double> peak_memory_mb;
  std::optional<std::uint64_t> samples;
  std::optional<std::uint64_t> samples_wanted;  // where probation saw too few of them
  std::optional<ShadowCounts> shadow = {};      // of the shadow run so far; none: there was none
  Instant changed_at{};
  friend bool operator==(const UpdateReport&, const UpdateReport&) = default;
};

struct ModelReport {
  std::string model;
  std::string version;  // serving now; empty: none
  std::string digest;
  std::vector<SlotReport> slots;
  std::optional<UpdateReport> update;
  friend bool operator==(const ModelReport&, const ModelReport&) = default;
};

// What is not as it should be with the device itself, for as long as it is so.
struct Condition {
  std::string kind;     // a stable word: clock_wrong, disk_full, disk_fault, name_differs
  std::string message;  // a sentence for people
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct DeviceState {
  std::string device;
  std::int64_t nonce = 0;  // of this session: births grow, a will carries its session's own
  std::int64_t rev = 0;    // newest desired document taken in
  std::string agent_version;
  std::string hardware_class;
  Capabilities capabilities;
  std::optional<std::uint64_t> download_bytes_per_s;  // seen in its last downloads; absent: none yet
  std::uint32_t health_interval_s = 60;               // how often to expect a sign of life
  Instant at{};
  std::vector<ModelReport> models;
  std::optional<HealthSample> health;  // the newest, while older telemetry waits before it; else absent
  std::string readings_fault = {};     // why the device's own command gave no readings; empty: it did, or there is none
  bool takes_labels = false;           // those that the server was told (labels.hpp)
  std::optional<std::map<std::string, std::string>> labels =
      {};  // as its configuration has them; none: it does not tell
  std::vector<Condition> conditions = {};
  friend bool operator==(const DeviceState&, const DeviceState&) = default;
};

// The will on `argosy/v1/{device}/up/event`: published by the broker when the connection breaks, and by the device
// itself before it leaves.
struct LastWill {
  std::string device;
  std::int64_t nonce = 0;
  bool goodbye = false;  // the device says so itself
};

// As they stand in the state document, and in a column of its own.
Result<Capabilities> decode_capabilities(std::string_view json);

std::string encode(const DeviceState& state);
Result<DeviceState> decode_device_state(std::string_view json);  // at most 256 KiB
std::string encode(const LastWill& will);
Result<LastWill> decode_last_will(std::string_view json);

}  // namespace argosy::wire
