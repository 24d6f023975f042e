// The format of a model's file by its name. Pure.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/error.hpp"

namespace argosy::cli {

// "onnx" of model.onnx and of MODEL.ONNX.
inline Result<std::string> format_of(const std::filesystem::path& file) {
  std::string extension = file.extension().string();
  if (extension.size() < 2)
    return make_error(Errc::invalid_argument,
                      "\"" + file.string() + "\" has no extension that tells its format, such as .onnx");
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return extension.substr(1);
}

}  // namespace argosy::cli
