// `argosy patch make|apply|info|verify`: model patches on this machine, without a server. Takes files in the order of
// bsdiff and bspatch: OLD NEW PATCH; what is made may be named by -o instead. `-` is a standard stream.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.hpp"

namespace argosy::cli {

struct PatchFlags {
  std::string old_path, new_path, patch_path;
  std::string codec = "best";
  std::uint64_t max_memory_mib = 1024;
  std::string base_sha256, result_sha256;
};

// Makes PATCH, which turns OLD into NEW; exit_failed when no patch is worth sending.
Result<int> patch_make(const OutputOptions& output, const PatchFlags& flags);
// Makes NEW out of OLD and PATCH.
Result<int> patch_apply(const OutputOptions& output, const PatchFlags& flags);
// What PATCH says of itself; with OLD and NEW also what each tensor cost.
Result<int> patch_info(const OutputOptions& output, const PatchFlags& flags);
// Whether PATCH turns OLD into NEW; writes nothing.
Result<int> patch_verify(const OutputOptions& output, const PatchFlags& flags);

void add_patch_commands(CLI::App& root, Context& context);

}  // namespace argosy::cli
