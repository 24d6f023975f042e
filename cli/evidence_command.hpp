// `argosy rollout evidence`, and `argosy verify` of the file that it writes, which needs no server.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "common/signing/trusted_keys.hpp"

namespace argosy::cli {

// Without keys, by the key that the file itself names: then only its wholeness is known, and that is said.
Result<int> verify_evidence(const OutputOptions& output, const std::string& path, const signing::TrustedKeys& keys);

void add_evidence_command(CLI::App& rollout, Context& context);

}  // namespace argosy::cli
