// argosy-release.json: what a publisher says of a release beside the files' digests. It is one of the signed files, so
// that one signature holds all of it and other verifiers of the form check it too. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/selector.hpp"

namespace argosy::signing {

inline constexpr std::string_view statement_name = "argosy-release.json";
inline constexpr std::size_t max_statement_files = 32;

struct ReleasePart {  // a file beside a variant's model
  std::string name;   // on devices
  std::string file;   // its name among the signed files
  std::uint64_t size = 0;
  friend bool operator==(const ReleasePart&, const ReleasePart&) = default;
};

struct ReleaseFile {
  std::string name;    // among the signed files
  std::string format;  // "onnx"
  std::uint64_t size = 0;
  wire::Selector selector = {};         // the devices that it is meant for
  std::vector<ReleasePart> parts = {};  // all of them: a device takes it with these alone
  friend bool operator==(const ReleaseFile&, const ReleaseFile&) = default;
};

struct ReleaseStatement {
  std::string model;
  std::string version;
  std::uint64_t sequence = 0;      // grows with each release of a model
  std::vector<ReleaseFile> files;  // the variants
  // What devices validate it by, and on; none: whoever publishes it may choose, as before statements said so.
  std::optional<wire::ValidationSpec> validation = {};
  std::optional<Instant> expires_at;  // afterwards no device takes it up
  // Devices that have seen releases up to this sequence may go back to this one.
  std::optional<std::uint64_t> allow_downgrade_from;
  friend bool operator==(const ReleaseStatement&, const ReleaseStatement&) = default;
};

std::string encode(const ReleaseStatement& statement);
// Errc::signature_malformed with the path of the wrong field.
Result<ReleaseStatement> decode_statement(std::string_view json);

}  // namespace argosy::signing
