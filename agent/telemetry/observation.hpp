// One inference, one input that both versions were asked in a shadow run, or a label that came later, as a program
// reports it to the agent's socket: a CBOR map in one datagram (docs/observations.md). Pure; hostile bytes cost no more
// than their length.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/update/shadow_answer.hpp"
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
  std::optional<double> entropy = {};     // of the prediction, in nats
  std::map<std::string, std::string> tags = {};
  std::string runtime = {};  // what ran the model, with its version; empty: not said
  std::uint64_t id = 0;      // by which its label will be told; 0: none
  // Of an earlier observation with this id: then it is no inference, and only `label` counts of the rest.
  std::uint64_t label_of = 0;
  std::optional<ShadowAnswer> shadow = {};  // then it is no inference, and only `model` counts of the rest
};

Result<Observation> decode_observation(ByteView datagram);

}  // namespace argosy::agent
