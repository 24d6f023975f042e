// `argosy key make|rotate`, `argosy sign`, `argosy verify`: publisher signatures, made and checked without a server.
// What is made lies in one folder: argosy-release.json and model.sig beside the files, as other verifiers want it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/validation_flags.hpp"

namespace argosy::cli {

struct KeyFlags {
  std::string path;
  bool encrypted = false;
};

struct RotateFlags {
  std::string key;                // the private key that is trusted until now
  std::vector<std::string> keys;  // public keys that are trusted from now on
  std::uint64_t number = 0;
  std::string path;
};

struct SignFlags {
  std::string release;  // model@version
  std::vector<std::string> files;
  std::vector<std::string> selectors;  // FILE,KEY=VALUE,...
  std::vector<std::string> parts;      // [MODEL:][NAME=]FILE
  std::string validation;              // the release's document, or its "validation" alone; or else, as flags:
  ValidationFlags limits;
  std::string key;
  std::string folder;  // where the signature goes; empty: beside the first file
  std::optional<std::uint64_t> sequence;
  std::string expires_at;
  std::optional<std::uint64_t> allow_downgrade_from;
  bool statement_only = false;
};

struct VerifyFlags {
  std::string path;       // a folder that was signed, or the evidence of a rollout
  std::string signature;  // of a folder; empty: model.sig in it
  std::vector<std::string> keys;
  bool ignore_unsigned_files = false;
};

// Writes PATH, readable by its owner alone, and PATH.pub. Never over a file that is there.
Result<int> make_key(const OutputOptions& output, const KeyFlags& flags);
// Writes a key set: --key-set of `release publish` brings it to the devices.
Result<int> rotate_keys(const OutputOptions& output, const RotateFlags& flags);
Result<int> sign(const OutputOptions& output, const SignFlags& flags);
// Whether every signed file is in the folder as it was signed, by one of the keys, and no other is; of a file, whether
// it is evidence as it was signed.
Result<int> verify(const OutputOptions& output, const VerifyFlags& flags);

// A signature as `sign` left it: the bundle, and argosy-release.json beside it; with key sets in their order. It must
// be in order.
Result<nlohmann::json> load_signature(const std::string& bundle_path, const std::vector<std::string>& key_set_paths);

void add_sign_commands(CLI::App& root, Context& context);

}  // namespace argosy::cli
