// Makes tensor patches: lays the files beside each other, chooses how to describe each stretch, counts, then codes.
// Two passes over mapped files; time linear in their sizes but for what is no tensor (see region.hpp).
#pragma once

#include <filesystem>

#include "common/delta/bsdiff_encode.hpp"
#include "common/delta/patch_codec.hpp"

namespace argosy {

// Errc::not_found, io, out_of_space, cancelled.
Result<void> encode_tensor(const std::filesystem::path& old_path, const std::filesystem::path& new_path,
                           const std::filesystem::path& patch_path, const EncodeLimits& limits = {},
                           const PatchProgress& progress = nullptr);

}  // namespace argosy
