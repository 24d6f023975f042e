// What one device is to be told: which variant, which patches would help it, or why nothing suits. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/wire/state.hpp"
#include "server/models/variant.hpp"

namespace argosy::server {

struct DeviceFacts {  // as the device last reported
  std::string hardware_class;
  wire::Capabilities capabilities;
  std::string version;  // serving; empty: none
  std::string digest;
  std::string previous_version;  // in the other slot
  std::string previous_digest;
  bool updating = false;  // an update is under way on it
};

std::vector<HeldVersion> slots_of(const DeviceFacts& facts);

struct Telling {
  std::optional<std::size_t> variant;  // index; nothing when none suits
  std::string refusal;                 // why none suits
  bool already_installed = false;      // it serves exactly this, proven
  std::vector<FileToGet> files;        // of the variant; none: they are in its slots
};
Telling tell(const std::vector<Variant>& variants, const std::string& version, const DeviceFacts& facts,
             const PartsOf& parts_of);

}  // namespace argosy::server
