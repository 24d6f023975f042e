// A release document as people write it: the API's, with paths of files, relative to the document, in place of digests.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/release_parts.hpp"
#include "common/base/error.hpp"

namespace argosy::cli {

// Uploads a file and returns its digest.
using Upload = std::function<Result<std::string>(const std::filesystem::path&)>;

// The parts as the API takes them, after they were uploaded.
Result<nlohmann::json> upload_parts(const std::vector<PartFile>& parts, const Upload& upload);

// The document as the API takes it, after its files were uploaded. Says which field is wrong before anything is.
Result<nlohmann::json> read_release_document(const std::filesystem::path& file, const Upload& upload);

}  // namespace argosy::cli
