// One inference as a program reports it to the agent's socket: a CBOR map in one datagram (docs/observations.md).
// Pure; hostile bytes cost no more than their length.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/encoding.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

inline constexpr std::size_t max_observation_bytes = 1024;

struct Observation {
  std::string model;
  std::string release;  // empty: the version that serves
  std::uint64_t latency_us = 0;
  bool ok = true;
  std::optional<std::int64_t> predicted;
  std::optional<double> confidence;
  std::optional<std::int64_t> label;
  std::vector<double> features;           // in the order of the release's reference; NaN where there was no value
  std::map<std::string, double> numbers;  // the program's own, finite
};

Result<Observation> decode_observation(ByteView datagram);

}  // namespace argosy::agent
