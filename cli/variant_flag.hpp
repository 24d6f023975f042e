// What --variant says: [NAME=]FILE[,CONDITION...]. A file that exists by what is written wins over a name before "=":
// runs/epoch=6.onnx is a file where there is one. Pure but for the question whether a file is there.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/base/error.hpp"
#include "common/wire/selector.hpp"

namespace argosy::cli {

struct VariantFlag {
  std::string name = "default";
  std::filesystem::path file;
  wire::Selector selector;
};

using FileExists = std::function<bool(const std::filesystem::path&)>;

Result<VariantFlag> parse_variant_flag(const std::string& text, const FileExists& exists);

}  // namespace argosy::cli
