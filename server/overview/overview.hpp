// The state of the whole fleet on one screen, and the sentence above it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"

namespace argosy::server {

struct VersionShare {
  std::string version;  // empty: none yet
  std::int64_t devices = 0;
};
struct ModelSkew {
  std::string model;
  std::vector<VersionShare> versions;  // most devices first
};
struct ActiveRollout {
  std::int64_t id = 0;
  std::string name;
  std::string model;
  std::string version;
  std::string state;
  std::string reason;
  int wave = 0;
  int waves = 0;
  std::int64_t planned = 0;                    // devices in all waves
  std::map<std::string, std::int64_t> counts;  // state or cause of failure: devices
  std::optional<Instant> started_at;
};
struct OpenAlert {
  std::int64_t id = 0;
  std::string rule;
  std::string severity;
  std::string device;  // empty: it is about a site or a rollout
  std::string site;
  std::optional<std::int64_t> rollout;
  std::string model;
  std::string message;
  std::optional<double> value;
  std::optional<double> threshold;
  Instant opened_at{};
  std::optional<Instant> fired_at;
  std::optional<Instant> acknowledged_at;
  std::string acknowledged_by;
};
struct WorstDevice {
  std::string device;
  std::string model;
  std::string version;
  double value = 0;                              // p95 in ms, share correct, or PSI
  std::optional<double> usual;                   // the device's own usual p95, or the release's threshold
  std::string feature;                           // for drift
  std::optional<double> lower = {}, upper = {};  // for accuracy: its 95 % interval
};

struct Overview {
  std::map<std::string, std::int64_t> presence;  // online, late, offline, never_seen: devices
  std::vector<ModelSkew> models;
  std::vector<ActiveRollout> rollouts;
  std::map<std::string, std::int64_t> firing_by_rule;
  std::vector<OpenAlert> alerts;  // up to 10, the newest
  std::vector<WorstDevice> worst_latency;
  std::vector<WorstDevice> worst_accuracy;
  std::vector<WorstDevice> worst_drift;
  std::int64_t windows_last_minute = 0;
  Instant updated_at{};
  // Panels that could not be read, and why; what they would show is empty above, and null in the JSON: "presence",
  // "models", "rollouts", "alerts", "worst.latency", "worst.accuracy", "worst.drift", "windows_last_minute".
  std::map<std::string, std::string> unavailable;
};

std::string verdict_of(const Overview& overview);  // one plain sentence
std::string overview_to_json(const Overview& overview);

}  // namespace argosy::server
