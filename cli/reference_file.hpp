// What --reference names: counts that somebody made (.json), or a sample of the model's features that they are made
// from here (.csv with a line of names, .npz with an array of one dimension for each feature, .npy with a column for
// each).
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace argosy::cli {

// As the API takes it: {"features": [{"name", "edges", "counts"}]}. Errc::invalid_argument names the file, the feature
// and what to do: a value that is no number, a feature with too few samples, a form that is none of these.
Result<nlohmann::json> read_reference(const std::filesystem::path& file);

}  // namespace argosy::cli
