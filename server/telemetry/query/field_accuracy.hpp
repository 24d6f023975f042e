// How often each version of a model is right in the field, by kinds that are never mixed up: measured by labels, at the
// inference or later, and estimated without any. Pure; one owner. Bounded: versions_limit versions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/telemetry/query/device_fold.hpp"

namespace argosy::server {

struct VersionAccuracy {
  std::uint64_t devices = 0;  // that measured it, or estimated it
  Measured sum{};             // of Metric::Kind::accuracy
};

class FieldAccuracy {
 public:
  // One step; false: it is of a version for which there is no room.
  bool add(const MeasuredDevice& device);
  const std::map<std::string, VersionAccuracy>& versions() const { return versions_; }

 private:
  std::map<std::string, VersionAccuracy> versions_;
};

struct AccuracyOfField {
  std::string model;
  Instant from{};
  Instant to{};
  std::uint64_t devices = 0;  // that match the filter
  FieldAccuracy found{};
};
std::string field_accuracy_to_json(const AccuracyOfField& accuracy);

}  // namespace argosy::server
