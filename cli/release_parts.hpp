// The files beside a variant's model: those that its publisher names, and those that an ONNX model with external data
// names itself.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::cli {

struct PartFile {
  std::string name;  // on devices
  std::filesystem::path file;
  friend bool operator==(const PartFile&, const PartFile&) = default;
};

// "[VARIANT:][NAME=]FILE"; without a name that of the file.
struct NamedPart {
  std::string variant;  // empty: beside each
  PartFile part;
};
Result<NamedPart> parse_part(const std::string& text);

// `given` and what the model needs besides, by name. Errc::not_found names the file that the model needs and that is
// not there; Errc::invalid_argument the name that no part can have.
Result<std::vector<PartFile>> parts_beside(const std::filesystem::path& model, std::string_view format,
                                           std::vector<PartFile> given);

}  // namespace argosy::cli
