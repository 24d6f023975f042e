#include "cli/sign_command.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>

#include <unistd.h>

#include "cli/evidence_command.hpp"
#include "cli/exit_code.hpp"
#include "cli/model_format.hpp"
#include "cli/release_name.hpp"
#include "cli/release_parts.hpp"
#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "common/signing/key_set.hpp"
#include "common/signing/release_signature.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* bundle_name = "model.sig";
constexpr std::uint64_t max_key_bytes = 32 << 10;
constexpr std::size_t max_validation_bytes = 1 << 20;
constexpr std::size_t most_files_in_folder = 100'000;
constexpr const char* passphrase_variable = "ARGOSY_KEY_PASSPHRASE";

Result<std::string> ask_passphrase(const char* prompt) {
  if (const char* given = std::getenv(passphrase_variable)) return std::string(given);
  if (::isatty(STDIN_FILENO) == 0)
    return make_error(Errc::invalid_argument,
                      std::string("the key has a passphrase; give it in ") + passphrase_variable);
  const char* typed = ::getpass(prompt);
  if (typed == nullptr) return make_error(Errc::io, "cannot read the passphrase from the terminal");
  return std::string(typed);
}

Result<std::string> new_passphrase() {
  ARGOSY_TRY(std::string passphrase, ask_passphrase("New passphrase: "));
  if (passphrase.empty()) return make_error(Errc::invalid_argument, "the passphrase is empty; leave out --encrypt");
  if (std::getenv(passphrase_variable) != nullptr) return passphrase;
  ARGOSY_TRY(const std::string again, ask_passphrase("Once more: "));
  if (again != passphrase) return make_error(Errc::invalid_argument, "the two passphrases differ; nothing was made");
  return passphrase;
}

Result<SigningKey> load_key(const std::string& path) {
  SigningKey key;
  ARGOSY_TRY(key.private_key_pem, read_file(path, max_key_bytes));
  if (key.private_key_pem.find("ENCRYPTED") != std::string::npos) {
    ARGOSY_TRY(key.passphrase, ask_passphrase("Passphrase: "));
  }
  return key;
}

Result<void> check_free(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return {};
  return make_error(Errc::conflict, path.string() + " is there already, and a key is never overwritten");
}

// Seconds since 1970 grow by themselves.
std::uint64_t present_sequence() {
  const auto since_1970 = wall_clock_now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since_1970).count());
}

// As other verifiers of the folder call it: its path from there, or its name alone where it lies elsewhere.
std::string name_in(const fs::path& folder, const fs::path& file) {
  const fs::path from_folder = file.lexically_normal().lexically_relative(folder.lexically_normal());
  const bool lies_below = !from_folder.empty() && *from_folder.begin() != "..";
  return lies_below ? from_folder.generic_string() : file.filename().string();
}

Result<std::vector<PartFile>> parts_of(const SignFlags& flags, const fs::path& model) {
  std::vector<PartFile> given;
  for (const std::string& text : flags.parts) {
    ARGOSY_TRY(NamedPart named, parse_part(text));
    const bool is_its = named.variant.empty() || named.variant == model || named.variant == model.filename();
    if (is_its) given.push_back(std::move(named.part));
  }
  return given;
}

Result<signing::SignedFile> measured(const SignFlags& flags, const std::string& path, const fs::path& folder) {
  const fs::path file(path);
  ARGOSY_TRY(std::string format, format_of(file));
  ARGOSY_TRY(const FileDigest found, measure_file(file));
  signing::SignedFile measured{{name_in(folder, file), std::move(format), found.size_bytes, {}}, found.digest};
  ARGOSY_TRY(auto given, parts_of(flags, file));
  ARGOSY_TRY(const auto parts, parts_beside(file, measured.file.format, std::move(given)));
  for (const PartFile& part : parts) {
    ARGOSY_TRY(const FileDigest beside, measure_file(part.file));
    measured.file.parts.push_back({part.name, name_in(folder, part.file), beside.size_bytes});
    measured.part_digests.push_back(beside.digest);
  }
  return measured;
}

// Its data set is a file, from that folder.
Result<wire::ValidationSpec> read_validation(json validation, const fs::path& folder) {
  const std::string dataset = text_in(validation, "dataset");
  if (!dataset.empty()) {
    ARGOSY_TRY(const FileDigest found, measure_file(folder / dataset));
    validation["dataset"] = {{"digest", found.digest.to_hex()}, {"size", found.size_bytes}};
  }
  ARGOSY_TRY(JsonReader fields, JsonReader::of(validation, "validation", UnknownKeys::pass));
  wire::ValidationSpec spec;
  wire::read_validation_spec(fields, spec);
  const auto rule = wire::metric_rule(spec.metric);
  if (rule && !fields.has("direction")) spec.higher_is_better = rule->higher_is_better;  // as the server reads it
  ARGOSY_CHECK(fields.finish());
  return spec;
}

// "validation" of a release's document, or it alone; its data set is a file beside the document, or a digest.
Result<wire::ValidationSpec> read_validation_file(const fs::path& file) {
  ARGOSY_TRY(const std::string text, read_file(file, max_validation_bytes));
  auto parsed = parse_json(text, {.bytes = max_validation_bytes});
  if (!parsed) return std::move(parsed).error().within(file.string());
  const json& inner = member(*parsed, "validation");
  auto spec = read_validation(inner.is_object() ? inner : *parsed, file.parent_path());
  if (!spec) return std::move(spec).error().within(file.string());
  return spec;
}

// As the file says, or the flags; nothing where neither does.
Result<std::optional<wire::ValidationSpec>> signed_validation(const SignFlags& flags) {
  using Signed = std::optional<wire::ValidationSpec>;
  ARGOSY_TRY(json limits, validation_of(flags.limits));
  if (!flags.validation.empty() && !limits.is_null())
    return make_error(Errc::invalid_argument,
                      "--validation names a document that says it all: leave out --dataset and "
                      "what belongs to it, or the document");
  if (limits.is_null() && flags.validation.empty()) return Signed();
  if (limits.is_null()) {
    ARGOSY_TRY(auto spec, read_validation_file(flags.validation));
    return Signed(std::move(spec));
  }
  limits["dataset"] = flags.limits.dataset;
  ARGOSY_TRY(auto spec, read_validation(std::move(limits), ""));
  return Signed(std::move(spec));
}

// "digits-int8.onnx,precision=int8,runtime=onnxruntime".
Result<void> take_selector(const std::string& text, std::vector<signing::SignedFile>& files) {
  std::istringstream parts(text);
  std::string name;
  std::getline(parts, name, ',');
  const auto found = std::find_if(files.begin(), files.end(), [&](const auto& each) {
    return each.file.name == name || fs::path(each.file.name).filename() == fs::path(name).filename();
  });
  if (found == files.end())
    return make_error(Errc::invalid_argument, "--selector names \"" + name + "\", which is none of the files to sign");
  std::string key;
  for (std::string part; std::getline(parts, part, ',');) {
    ARGOSY_TRY(key, wire::take_condition(found->file.selector, part, key));
  }
  return {};
}

Result<signing::ReleaseStatement> statement_of(const SignFlags& flags) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(flags.release));
  signing::ReleaseStatement statement;
  statement.model = name.model;
  statement.version = name.version;
  statement.sequence = flags.sequence.value_or(present_sequence());
  statement.allow_downgrade_from = flags.allow_downgrade_from;
  ARGOSY_TRY(statement.validation, signed_validation(flags));
  if (flags.expires_at.empty()) return statement;
  const auto expires_at = parse_rfc3339(flags.expires_at);
  if (!expires_at)
    return make_error(Errc::invalid_argument,
                      "--expires-at is \"" + flags.expires_at + "\"; write a time such as 2027-12-31T00:00:00Z");
  statement.expires_at = *expires_at;
  return statement;
}

// Compares what was signed with what lies in the folder.
Result<void> check_files(const signing::Manifest& manifest, const fs::path& folder) {
  for (const signing::Resource& resource : manifest.resources) {
    ARGOSY_TRY(const Digest found, sha256_file(folder / resource.name));
    if (found != resource.digest)
      return make_error(Errc::signature_digest, (folder / resource.name).string() + " is not the file that was signed");
  }
  return {};
}

// Beside the signature itself, and the keys that the caller trusts.
Result<void> check_all_signed(const signing::Manifest& manifest, const fs::path& folder,
                              const std::vector<fs::path>& besides) {
  std::error_code failed;
  std::size_t seen = 0;
  for (fs::recursive_directory_iterator entry(folder, failed), end; entry != end && !failed; entry.increment(failed)) {
    if (++seen > most_files_in_folder)
      return make_error(Errc::too_large, folder.string() + " holds over " + std::to_string(most_files_in_folder) +
                                             " files and folders: verify the folder of the release alone");
    std::error_code unknown;
    const bool is_link = entry->is_symlink(unknown);
    if (entry->is_directory(unknown) && !is_link) continue;
    if (manifest.find(entry->path().lexically_relative(folder).generic_string()) != nullptr && !is_link) continue;
    const bool is_known = std::any_of(besides.begin(), besides.end(), [&](const fs::path& known) {
      return fs::equivalent(known, entry->path(), unknown);
    });
    if (is_known) continue;
    return make_error(Errc::signature_digest, entry->path().string() +
                                                  " was signed by nobody: take it out of the folder, or sign it with "
                                                  "the release (--part)");
  }
  if (failed) return errno_error("cannot look through " + folder.string(), failed.value());
  return {};
}

void print_signed(const OutputOptions& output, const signing::ReleaseStatement& statement, const std::string& folder) {
  if (output.json)
    print_json(json{{"model", statement.model},
                    {"version", statement.version},
                    {"sequence", statement.sequence},
                    {"folder", folder}});
  print_note(output, "Signed " + statement.model + "@" + statement.version + ", sequence " +
                         std::to_string(statement.sequence) + ": " + folder + "/" + bundle_name);
}

}  // namespace

Result<int> make_key(const OutputOptions& output, const KeyFlags& flags) {
  const std::string public_path = flags.path + ".pub";
  ARGOSY_CHECK(check_free(flags.path));
  ARGOSY_CHECK(check_free(public_path));
  SigningKey key;
  if (flags.encrypted) {
    ARGOSY_TRY(key.passphrase, new_passphrase());
  }
  ARGOSY_TRY(key.private_key_pem, make_signing_key(key.passphrase));
  ARGOSY_TRY(const std::string public_pem, public_half(key));
  ARGOSY_CHECK(write_file_atomically(flags.path, key.private_key_pem, 0600));
  ARGOSY_CHECK(write_file_atomically(public_path, public_pem));
  if (output.json)
    print_json(json{{"private_key", flags.path}, {"public_key", public_path}, {"hint", signing::hint_of(public_pem)}});
  print_note(output, "Keep " + flags.path + " offline; give " + public_path + " to the devices ([signing] keys)");
  return exit_ok;
}

Result<int> rotate_keys(const OutputOptions& output, const RotateFlags& flags) {
  signing::KeySet set{flags.number, {}};
  for (const std::string& path : flags.keys) {
    ARGOSY_TRY(std::string pem, read_file(path, max_key_bytes));
    set.keys.push_back(std::move(pem));
  }
  ARGOSY_TRY(const SigningKey key, load_key(flags.key));
  ARGOSY_TRY(const std::string text, signing::make_key_set(set, key));
  ARGOSY_CHECK(write_file_atomically(flags.path, text));
  if (output.json) print_json(json{{"key_set", flags.path}, {"number", flags.number}, {"keys", set.keys.size()}});
  print_note(output, "Publish with --key-set " + flags.path + ": devices then trust its " +
                         std::to_string(set.keys.size()) + " keys in place of those they trusted");
  return exit_ok;
}

Result<int> sign(const OutputOptions& output, const SignFlags& flags) {
  ARGOSY_TRY(signing::ReleaseStatement statement, statement_of(flags));
  fs::path folder = flags.folder.empty() ? fs::path(flags.files.front()).parent_path() : fs::path(flags.folder);
  if (folder.empty()) folder = ".";
  std::vector<signing::SignedFile> files;
  for (const std::string& path : flags.files) {
    ARGOSY_TRY(signing::SignedFile file, measured(flags, path, folder));
    files.push_back(std::move(file));
  }
  for (const std::string& text : flags.selectors) ARGOSY_CHECK(take_selector(text, files));
  for (const signing::SignedFile& each : files) statement.files.push_back(each.file);
  const fs::path statement_path = folder / signing::statement_name;
  if (flags.statement_only) {
    ARGOSY_CHECK(write_file_atomically(statement_path, signing::encode(statement)));
    if (output.json) print_json(json_or_null(signing::encode(statement)));
    print_note(output, "Wrote " + statement_path.string() + "; sign the folder with it");
    return exit_ok;
  }
  if (flags.key.empty()) return make_error(Errc::invalid_argument, "--key is missing: the private key to sign with");
  ARGOSY_TRY(const SigningKey key, load_key(flags.key));
  ARGOSY_TRY(const wire::ReleaseSignature signature, signing::sign_release(statement, files, key));
  ARGOSY_CHECK(write_file_atomically(statement_path, signature.statement));
  ARGOSY_CHECK(write_file_atomically(folder / bundle_name, signature.bundle));
  print_signed(output, statement, folder.string());
  return exit_ok;
}

Result<int> verify(const OutputOptions& output, const VerifyFlags& flags) {
  std::vector<std::string> pems;
  for (const std::string& path : flags.keys) {
    ARGOSY_TRY(std::string pem, read_file(path, max_key_bytes));
    pems.push_back(std::move(pem));
  }
  ARGOSY_TRY(const auto keys, signing::TrustedKeys::of(pems));
  std::error_code failed;
  if (!fs::is_directory(flags.path, failed)) return verify_evidence(output, flags.path, keys);
  if (keys.empty()) return make_error(Errc::invalid_argument, "--key is missing: a public key that is trusted");
  const fs::path folder(flags.path);
  const fs::path path = flags.signature.empty() ? folder / bundle_name : fs::path(flags.signature);
  ARGOSY_TRY(const std::string text, read_file(path, wire::max_bundle_bytes));
  ARGOSY_TRY(const signing::Bundle bundle, signing::read_bundle(text));
  ARGOSY_CHECK(keys.check(bundle.envelope, bundle.key_hint));
  ARGOSY_CHECK(check_files(bundle.manifest, folder));
  std::vector<fs::path> besides{path};
  besides.insert(besides.end(), flags.keys.begin(), flags.keys.end());
  if (!flags.ignore_unsigned_files) ARGOSY_CHECK(check_all_signed(bundle.manifest, folder, besides));
  json report{{"verified", true}, {"files", bundle.manifest.resources.size()}, {"release", nullptr}};
  std::string what = bundle.manifest.subject + " (not an Argosy release)";
  if (bundle.manifest.find(signing::statement_name) != nullptr) {
    ARGOSY_TRY(const std::string said, read_file(folder / signing::statement_name, wire::max_statement_bytes));
    ARGOSY_TRY(const auto release, signing::read_signature({said, text, {}}));
    report["release"] = json_or_null(said);
    what = release.statement.model + "@" + release.statement.version + ", sequence " +
           std::to_string(release.statement.sequence);
  }
  if (output.json) print_json(report);
  print_note(output, "Verified " + what + ": " + std::to_string(bundle.manifest.resources.size()) + " files");
  return exit_ok;
}

Result<json> load_signature(const std::string& bundle_path, const std::vector<std::string>& key_set_paths) {
  wire::ReleaseSignature signature;
  ARGOSY_TRY(signature.bundle, read_file(bundle_path, wire::max_bundle_bytes));
  const fs::path beside = fs::path(bundle_path).parent_path() / signing::statement_name;
  ARGOSY_TRY(signature.statement, read_file(beside, wire::max_statement_bytes));
  const auto read = signing::read_signature(signature);
  if (!read) return Error(read.error()).within(bundle_path);
  for (const std::string& path : key_set_paths) {
    ARGOSY_TRY(std::string key_set, read_file(path, wire::max_key_set_bytes));
    const auto good = signing::read_key_set(key_set);
    if (!good) return Error(good.error()).within(path);
    signature.key_sets.push_back(std::move(key_set));
  }
  return {boost::system::in_place_value,
          json{{"statement", signature.statement}, {"bundle", signature.bundle}, {"key_sets", signature.key_sets}}};
}

namespace {

void add_key_commands(CLI::App& root, Context& context) {
  auto* key = root.add_subcommand("key", "Keys that releases are signed with")->require_subcommand(1);
  auto* make = key->add_subcommand("make", "Make a P-256 key pair: PATH (private) and PATH.pub");
  auto key_flags = std::make_shared<KeyFlags>();
  make->add_option("path", key_flags->path, "Where the private key goes; PATH.pub is for the devices")->required();
  make->add_flag("--encrypt", key_flags->encrypted,
                 "Encrypt it under a passphrase, asked for or from ARGOSY_KEY_PASSPHRASE");
  make->callback([&context, key_flags] {
    context.chosen = [&context, key_flags] { return make_key(context.output, *key_flags); };
  });

  auto* rotate = key->add_subcommand("rotate", "Say with the old key which keys are trusted from now on");
  auto rotate_flags = std::make_shared<RotateFlags>();
  rotate->add_option("path", rotate_flags->path, "Where the key set goes")->required();
  rotate->add_option("--key", rotate_flags->key, "The private key that has been trusted until now (PEM)")->required();
  rotate->add_option("--new", rotate_flags->keys, "A public key that is trusted from now on; may be repeated")
      ->required();
  rotate->add_option("--number", rotate_flags->number, "1 for the first key set, then one more each time")->required();
  rotate->callback([&context, rotate_flags] {
    context.chosen = [&context, rotate_flags] { return rotate_keys(context.output, *rotate_flags); };
  });
}

}  // namespace

void add_sign_commands(CLI::App& root, Context& context) {
  add_key_commands(root, context);

  auto* signing = root.add_subcommand("sign", "Sign a release's files on this machine: argosy-release.json, model.sig");
  auto flags = std::make_shared<SignFlags>();
  signing->add_option("release", flags->release, "MODEL@VERSION, for example digits@1.1")->required();
  signing->add_option("files", flags->files, "The files of all its variants")->required();
  signing->add_option(
      "--selector", flags->selectors,
      "FILE,KEY=VALUE,…: devices that the file is meant for, by the keys of `release publish --variant`; "
      "may be repeated");
  signing->add_option("--part", flags->parts,
                      "[MODEL:][NAME=]FILE: a file that lies beside each model on devices, or beside one, as for "
                      "`release publish`; may be repeated. External data come by themselves");
  signing->add_option("--validation", flags->validation,
                      "JSON of the release, or of its validation alone: devices then take it up with this data set, "
                      "metric and these limits only. Or say them by the flags of `release publish`:");
  add_validation_options(*signing, flags->limits);
  signing->add_option("--key", flags->key, "The private key (PEM)");
  signing->add_option(
      "--sequence", flags->sequence,
      "A number that grows with each release of the model; by default the time now, in seconds since 1970");
  signing->add_option("--expires-at", flags->expires_at,
                      "Time from which devices no longer take up the release (RFC 3339)");
  signing->add_option("--allow-downgrade-from", flags->allow_downgrade_from,
                      "Devices that have seen releases up to this sequence may go back to this one");
  signing->add_option("--output", flags->folder, "Folder for the signature; by default that of the first file");
  signing->add_flag("--statement-only", flags->statement_only,
                    "Write argosy-release.json alone, for another program that signs the folder");
  signing->callback([&context, flags] { context.chosen = [&context, flags] { return sign(context.output, *flags); }; });

  auto* verifying =
      root.add_subcommand("verify", "Check a folder's files against its signature, or the evidence of a rollout");
  auto verify_flags = std::make_shared<VerifyFlags>();
  verifying->add_option("path", verify_flags->path, "The folder that was signed, or the file of evidence")->required();
  verifying->add_option("--key", verify_flags->keys,
                        "A public key that is trusted (PEM); may be repeated; a folder needs one");
  verifying->add_option("--signature", verify_flags->signature, "The bundle; by default model.sig in the folder");
  verifying->add_flag("--ignore-unsigned-files", verify_flags->ignore_unsigned_files,
                      "Do not mind files in the folder that nobody signed");
  verifying->callback([&context, verify_flags] {
    context.chosen = [&context, verify_flags] { return verify(context.output, *verify_flags); };
  });
}

}  // namespace argosy::cli
