#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/compact_command.hpp"
#include "cli/draft_command.hpp"
#include "cli/exit_code.hpp"
#include "cli/image_folder.hpp"
#include "cli/made_file.hpp"
#include "cli/model_format.hpp"
#include "cli/onnx_file.hpp"
#include "cli/recall_command.hpp"
#include "cli/reference_file.hpp"
#include "cli/release_check.hpp"
#include "cli/release_document.hpp"
#include "cli/release_files.hpp"
#include "cli/release_name.hpp"
#include "cli/release_parts.hpp"
#include "cli/release_patch_command.hpp"
#include "cli/runner_process.hpp"
#include "cli/sign_command.hpp"
#include "cli/validation_flags.hpp"
#include "cli/variant_flag.hpp"
#include "common/base/file.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/selector.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// What was made for a release: gone with the command.
class MadeFiles {
 public:
  MadeFiles() = default;
  MadeFiles(const MadeFiles&) = delete;
  MadeFiles& operator=(const MadeFiles&) = delete;
  ~MadeFiles() {
    std::error_code failed;
    if (!folder_.empty()) fs::remove_all(folder_, failed);
  }
  Result<fs::path> write(const fs::path& name, const std::string& content) {
    std::string pattern = (fs::temp_directory_path() / "argosy-XXXXXX").string();
    if (folder_.empty()) {
      if (::mkdtemp(pattern.data()) == nullptr) return errno_error("cannot make " + pattern, errno);
      folder_ = pattern;
    }
    const fs::path folder = folder_ / std::to_string(count_++);
    std::error_code failed;
    if (!fs::create_directory(folder, failed)) return errno_error("cannot make " + folder.string(), failed.value());
    ARGOSY_CHECK(write_file_atomically(folder / name, content));
    return folder / name;
  }

 private:
  fs::path folder_;
  int count_ = 0;
};

struct PublishFlags {
  std::string release;  // model@version
  std::vector<std::string> variants;
  std::vector<std::string> parts;  // [VARIANT:][NAME=]FILE
  std::vector<std::string> compact_reports;
  std::vector<std::string> key_sets;
  ValidationFlags validation;
  std::string metric_program, reference, per_minute, notes, document, signature, runner;
  bool no_check = false, dry_run = false, draft = false;
  double check_seconds = 4;
};

// JSON of a file that is put into the release as it is.
Result<json> json_file(const std::string& file) {
  ARGOSY_TRY(const std::string text, read_file(file, 1 << 20));
  auto document = parse_json(text);
  if (!document) return std::move(document).error().within(file);
  return document;
}

// Those that are said to lie beside this variant.
Result<std::vector<PartFile>> parts_of(const PublishFlags& flags, const std::string& variant) {
  std::vector<PartFile> parts;
  for (const std::string& text : flags.parts) {
    ARGOSY_TRY(NamedPart named, parse_part(text));
    if (named.variant.empty() || named.variant == variant) parts.push_back(std::move(named.part));
  }
  return parts;
}

// A folder of pictures becomes arrays: devices have no need to know what a JPEG is.
Result<fs::path> dataset_file(const Context& context, const fs::path& dataset, MadeFiles& made) {
  std::error_code failed;
  if (!fs::is_directory(dataset, failed)) return dataset;
  ARGOSY_TRY(const std::string arrays, npz_of_pictures(dataset));
  print_note(context.output, "The pictures of " + dataset.string() + " become a data set of " +
                                 human_bytes(static_cast<double>(arrays.size())));
  return made.write("pictures.npz", arrays);
}

Result<json> publish_variant(const PublishFlags& flags, const std::string& text, ReleaseFiles& files) {
  ARGOSY_TRY(const VariantFlag flag, parse_variant_flag(text, [](const fs::path& path) {
               std::error_code failed;
               return fs::is_regular_file(path, failed);
             }));
  json variant{{"name", flag.name}, {"priority", 0}};
  ARGOSY_TRY(variant["selector"], parse_json(wire::encode(flag.selector)));
  ARGOSY_TRY(variant["format"], format_of(flag.file));
  ARGOSY_TRY(auto given, parts_of(flags, flag.name));
  ARGOSY_TRY(const auto parts, parts_beside(flag.file, text_in(variant, "format"), std::move(given)));
  ARGOSY_TRY(variant["digest"], files.add(flag.file));
  ARGOSY_TRY(json added, upload_parts(parts, [&](const fs::path& file) { return files.add(file); }));
  if (!added.empty()) variant["parts"] = std::move(added);
  return variant;
}

// "30:120", "30:" or ":120".
Result<json> promised_rate(const std::string& text) {
  const auto colon = text.find(':');
  json rate = json::object();
  const auto take = [&rate](const char* key, const std::string& part) {
    if (part.empty()) return true;
    char* end = nullptr;
    const double value = std::strtod(part.c_str(), &end);
    rate[key] = value;
    return *end == '\0' && value >= 0;
  };
  const bool is_good = colon != std::string::npos && text.size() > 1 && take("least", text.substr(0, colon)) &&
                       take("most", text.substr(colon + 1));
  if (!is_good)
    return make_error(Errc::invalid_argument,
                      "--per-minute \"" + text + "\" is no rate: write LEAST:MOST inferences, one may be left out");
  return rate;
}

// A part of a variant that there is not would be left out without a word.
Result<void> check_variant_is_named(const std::string& part, const std::vector<std::string>& variants) {
  ARGOSY_TRY(const NamedPart named, parse_part(part));
  const bool is_there = named.variant.empty() || std::any_of(variants.begin(), variants.end(), [&](const auto& text) {
                          return text.substr(0, text.find_first_of("=,")) == named.variant;
                        });
  if (is_there) return {};
  return make_error(Errc::invalid_argument, "--part \"" + part + "\" is beside a variant '" + named.variant +
                                                "', and no --variant has that name");
}

Result<json> release_from_flags(const Context& context, const PublishFlags& flags, ReleaseFiles& files,
                                MadeFiles& made) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(flags.release));
  if (flags.variants.empty())
    return make_error(Errc::invalid_argument, "a release needs a file: --variant [NAME=]FILE, or --from DOCUMENT");
  json document{{"model", name.model}, {"version", name.version}, {"notes", flags.notes}, {"variants", json::array()}};
  for (const std::string& text : flags.parts) ARGOSY_CHECK(check_variant_is_named(text, flags.variants));
  for (const std::string& text : flags.variants) {
    ARGOSY_TRY(json variant, publish_variant(flags, text, files));
    document["variants"].push_back(std::move(variant));
  }
  ARGOSY_TRY(json validation, validation_of(flags.validation));
  if (!validation.is_null()) {
    ARGOSY_TRY(const fs::path dataset, dataset_file(context, flags.validation.dataset, made));
    ARGOSY_TRY(validation["dataset"], files.add(dataset));
    document["validation"] = std::move(validation);
  }
  if (!flags.reference.empty()) {
    ARGOSY_TRY(document["reference"], read_reference(flags.reference));
  }
  if (!flags.per_minute.empty()) {
    ARGOSY_TRY(document["contract"]["per_minute"], promised_rate(flags.per_minute));
  }
  return document;
}

// Puts what `release compact` reported beside the variant that it made.
Result<void> attach_compact_report(json& document, const std::string& file) {
  ARGOSY_TRY(const json report, json_file(file));
  const std::string digest = text_in(report, "result_digest");
  if (digest.empty()) return make_error(Errc::malformed_json, file + " is not a report of `argosy release compact`");
  for (json& variant : document["variants"])
    if (text_in(variant, "digest") == digest) {
      variant["compact"] = report;
      return {};
    }
  return make_error(Errc::invalid_argument,
                    file + " reports on another file (" + digest + "): publish the one that it was written with");
}

Result<void> ensure_model(const ApiClient& api, const std::string& model) {
  const auto made = api.post("/models", {{"name", model}});
  if (made || made.error().code == Errc::conflict) return {};
  return made.error();
}

// What stands in a document in capitals is as good as in small letters.
void lower_formats(json& document) {
  for (json& variant : document["variants"]) {
    if (!member(variant, "format").is_string()) continue;
    const auto format = format_of("model." + text_in(variant, "format"));
    if (format) variant["format"] = *format;
  }
}

// Errc::incompatible and its kin when no device could take the release; nothing is published then.
Result<json> try_out(const Context& context, const PublishFlags& flags, const json& document,
                     const ReleaseFiles& files) {
  if (flags.no_check) {
    print_note(context.output,
               "Nothing was tried, as --no-check asks: neither whether the models load nor what they score");
    return json::array();
  }
  ReleaseTrial trial;
  auto runner = find_runner(flags.runner);
  if (!runner && !flags.runner.empty()) return std::move(runner).error();
  if (runner) trial.runner = *runner;
  if (!flags.metric_program.empty()) trial.metric_program = fs::absolute(flags.metric_program);
  if (flags.check_seconds > 0) trial.time = std::chrono::milliseconds(std::llround(1000 * flags.check_seconds));
  auto findings = check_release(document, files, trial);
  if (!findings) return std::move(findings).error().within("nothing was published");
  for (const std::string& sentence : findings->said) print_note(context.output, sentence);
  return std::move(findings->variants);
}

void note_unsigned_validation(const Context& context, const json& document) {
  const auto said = parse_json(text_in(member(document, "signature"), "statement"));
  const bool is_signed = said && member(*said, "validation").is_object();
  if (is_signed || !member(document, "validation").is_object()) return;
  print_note(context.output,
             "The signature does not bind the data set and the limits: sign with --dataset and its limits, or "
             "--validation, so that devices do");
}

Result<int> publish(const Context& context, const PublishFlags& flags) {
  ReleaseFiles files;
  MadeFiles made_files;
  const auto add = [&](const fs::path& file) { return files.add(file); };
  ARGOSY_TRY(json document, flags.document.empty() ? release_from_flags(context, flags, files, made_files)
                                                   : read_release_document(flags.document, add));
  lower_formats(document);
  for (const std::string& file : flags.compact_reports) ARGOSY_CHECK(attach_compact_report(document, file));
  if (!flags.signature.empty()) {
    ARGOSY_TRY(document["signature"], load_signature(flags.signature, flags.key_sets));
    note_unsigned_validation(context, document);
  }
  ARGOSY_TRY(const json tried, try_out(context, flags, document, files));
  if (flags.dry_run) {
    document["tried"] = tried;
    if (context.output.json) print_json(document);
    print_note(context.output, "Nothing was published, as --dry-run asks");
    return exit_ok;
  }
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_CHECK(files.upload(api, context.output));
  const std::string model = cell(document, "/model");
  document.erase("model");
  ARGOSY_CHECK(ensure_model(api, model));
  const std::string version = cell(document, "/version"), path = "/models/" + net::percent_encode(model);
  ARGOSY_TRY(json made, flags.draft ? api.put(path + "/drafts/" + net::percent_encode(version), document)
                                    : api.post(path + "/releases", document));
  made["tried"] = tried;
  if (context.output.json) print_json(made);
  const std::string what =
      model + "@" + version + " with " + std::to_string(list_in(document, "variants").size()) + " variant(s)";
  print_note(context.output, flags.draft ? "Kept a draft of " + what +
                                               ": the same command mends it, and `argosy release "
                                               "finish " +
                                               model + "@" + version + "` publishes it"
                                         : "Published " + what);
  return exit_ok;
}

Result<int> pack_model(const Context& context, const std::string& model, const std::string& packed) {
  ARGOSY_TRY(const std::string whole, packed_onnx(model));
  ARGOSY_TRY(MadeFile file, MadeFile::create(packed, {model}));
  ARGOSY_CHECK(file.write(as_bytes(whole)));
  ARGOSY_CHECK(file.keep());
  print_note(context.output,
             "Packed " + model + " into " + packed + ", " + human_bytes(static_cast<double>(whole.size())));
  return exit_ok;
}

Result<int> replace_signature(const Context& context, const PublishFlags& flags) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(flags.release));
  ARGOSY_TRY(const json signature, load_signature(flags.signature, flags.key_sets));
  ARGOSY_TRY(const ApiClient api, context.api());
  const std::string path = "/models/" + name.model + "/releases/" + net::percent_encode(name.version) + "/signature";
  ARGOSY_TRY(const json release, api.put(path, signature));
  if (context.output.json) print_json(release);
  print_note(context.output, flags.release + " has a new signature; `argosy rollout retry` has devices look again");
  return exit_ok;
}

Result<json> releases_of(const ApiClient& api, const std::string& model) {
  return api.list("/models/" + net::percent_encode(model) + "/releases", "", 1000);
}

Result<json> releases_of_all(const ApiClient& api) {
  ARGOSY_TRY(const json models, api.list("/models", "", 10'000));
  json all = json::array();
  for (const json& model : models) {
    ARGOSY_TRY(const json releases, releases_of(api, text_in(model, "name")));
    for (const json& release : releases) all.push_back(release);
  }
  return all;
}

Result<int> list_releases(const Context& context, const std::string& model) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, model.empty() ? releases_of_all(api) : releases_of(api, model));
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  Row header{"VERSION", "VARIANTS", "METRIC", "THRESHOLD", "SIGNED", "WITHDRAWN", "PUBLISHED", "NOTES"};
  if (model.empty()) header.insert(header.begin(), "MODEL");
  std::vector<Row> rows;
  for (const json& release : items) {
    std::string variants;
    for (const json& variant : list_in(release, "variants"))
      variants += (variants.empty() ? "" : ", ") + cell(variant, "/name") + " " +
                  human_bytes(number_in(variant, "size").value_or(0));
    rows.push_back({cell(release, "/version"), variants, cell(release, "/validation/metric"),
                    cell(release, "/validation/threshold"), member(release, "signature").is_null() ? "-" : "yes",
                    member(release, "withdrawn").is_null() ? "-" : "yes", cell(release, "/created_at"),
                    cell(release, "/notes")});
    if (model.empty()) rows.back().insert(rows.back().begin(), cell(release, "/model"));
  }
  print_table(header, rows);
  return exit_ok;
}

// "onnx, opset 13"
std::string spoken_format(const json& variant) {
  std::string text = cell(variant, "/format");
  const std::string opset = cell(variant, "/onnx/opset");
  return opset == "-" ? text : text.append(", opset ").append(opset);
}

// Each variant's model, and what lies beside it.
std::vector<Row> files_of(const json& release) {
  std::vector<Row> rows;
  const auto add = [&](const json& variant, const json& file, const std::string& name, const std::string& format) {
    rows.push_back({cell(variant, "/name"), name, format, human_bytes(number_in(file, "size").value_or(0)),
                    cell(file, "/digest")});
  };
  for (const json& variant : list_in(release, "variants")) {
    add(variant, variant, "model." + cell(variant, "/format"), spoken_format(variant));
    for (const json& part : list_in(variant, "parts")) add(variant, part, cell(part, "/name"), "-");
  }
  return rows;
}

std::string spoken_validation(const json& validation) {
  if (!validation.is_object()) return "none: the models are only loaded";
  std::string text = cell(validation, "/metric") + (text_in(validation, "direction") == "lower" ? " <= " : " >= ") +
                     cell(validation, "/threshold");
  for (const char* key : {"max_loss", "max_latency_ms", "max_latency_ratio"})
    if (const auto value = number_in(validation, key))
      text += std::string(", ") + key + " " + cell(validation, std::string("/") + key);
  const std::string dataset = cell(validation, "/dataset/digest");
  return dataset == "-" ? text + ", without a data set" : text + ", on " + dataset;
}

// "brightness 0.1 to 0.9, 30 to 120 a minute"
std::string spoken_contract(const json& contract) {
  const auto range = [](const json& bounds) { return cell(bounds, "/least") + " to " + cell(bounds, "/most"); };
  std::string text;
  for (const json& feature : list_in(contract, "features"))
    text += (text.empty() ? "" : ", ") + cell(feature, "/name") + " " + range(feature);
  if (const json& rate = member(contract, "per_minute"); rate.is_object())
    text += (text.empty() ? "" : ", ") + range(rate) + " a minute";
  return text;
}

void print_release(const json& release, bool is_draft) {
  const auto line = [](const char* name, const std::string& text) { std::printf("%-12s%s\n", name, text.c_str()); };
  line("release", cell(release, "/model") + "@" + cell(release, "/version") + (is_draft ? " (a draft)" : ""));
  if (is_draft)
    line("mended", cell(release, "/updated_at") + " by " + cell(release, "/updated_by"));
  else
    line("published", cell(release, "/published_at") + " by " + cell(release, "/created_by"));
  line("validation", spoken_validation(member(release, "validation")));
  const std::string contract = spoken_contract(member(release, "contract"));
  if (!contract.empty()) line("inputs", contract);
  line("signed", member(release, "signature").is_null() ? "no" : "yes");
  if (!member(release, "withdrawn").is_null()) line("withdrawn", cell(release, "/withdrawn/reason"));
  if (!text_in(release, "notes").empty()) line("notes", text_in(release, "notes"));
  std::printf("\n");
  print_table({"VARIANT", "FILE", "FORMAT", "SIZE", "DIGEST"}, files_of(release));
}

Result<int> show_release(const Context& context, const std::string& text, bool is_draft) {
  ARGOSY_TRY(const ReleaseName name, parse_release_name(text));
  ARGOSY_TRY(const ApiClient api, context.api());
  const char* kind = is_draft ? "/drafts/" : "/releases/";
  ARGOSY_TRY(const json release, api.get("/models/" + name.model + kind + net::percent_encode(name.version)));
  if (context.output.json)
    print_json(release);
  else
    print_release(release, is_draft);
  return exit_ok;
}

}  // namespace

void add_release_commands(CLI::App& root, Context& context) {
  auto* release = root.add_subcommand("release", "Model versions")->require_subcommand(1);

  auto* publishing = release->add_subcommand("publish", "Upload model files and publish them as one release");
  auto flags = std::make_shared<PublishFlags>();
  publishing->add_option("release", flags->release, "MODEL@VERSION, for example digits@1.1");
  publishing->add_option("--from", flags->document,
                         "JSON document of the release, with file paths in place of digests");
  publishing->add_option(
      "--variant", flags->variants,
      "[NAME=]FILE[,CONDITION...]: a variant and the devices that it suits: KEY=VALUE of architecture, accelerator, "
      "runtime, precision, hardware_class, part, cpu or min_memory_mb, and ranges of versions and numbers such as "
      "jetpack>=5.1,<6, tensorrt~8.5, opset>=17 or memory_mb>=2000; may be repeated");
  publishing->add_option(
      "--part", flags->parts,
      "[VARIANT:][NAME=]FILE: a file that lies beside the model on devices, such as labels or a tokenizer, beside each "
      "variant or one of them; may be repeated. External data that an ONNX model names come by themselves");
  add_validation_options(*publishing, flags->validation);
  publishing->add_option(
      "--metric-program", flags->metric_program,
      "Of a metric exec-NAME: the program that devices have under [validation.metrics], to try it here");
  publishing->add_option("--runner", flags->runner,
                         "argosy-runner, which tries the models before they are published; else the one beside this "
                         "program or in PATH");
  publishing->add_flag("--draft", flags->draft,
                       "Keep it on the server as a draft, which can be mended and reaches no device until `release "
                       "finish` publishes it");
  publishing->add_flag("--dry-run", flags->dry_run, "Try everything and publish nothing");
  publishing->add_flag("--no-check", flags->no_check, "Publish without trying anything");
  publishing
      ->add_option(
          "--check-seconds", flags->check_seconds,
          "How long to try the variants, all of them together; where that is too short for the data set, on as "
          "many samples as it allows, drawn at random. 4, and 0 for all samples, however long that takes")
      ->check(CLI::Range(0.0, 86'400.0));
  publishing->add_option(
      "--reference", flags->reference,
      "What drift and the input contract are judged by: a sample of the features as .csv with a line "
      "of names, .npz with an array for each or .npy with a column for each; or .json with counts");
  publishing->add_option("--per-minute", flags->per_minute,
                         "LEAST:MOST inferences a minute that the input contract promises; one may be left out");
  publishing->add_option("--notes", flags->notes, "What is new");
  publishing->add_option("--compact", flags->compact_reports,
                         "Report that `release compact` wrote, for the variant that it made; may be repeated");
  publishing->add_option("--signature", flags->signature,
                         "model.sig that `argosy sign` wrote, with argosy-release.json beside it");
  publishing->add_option("--key-set", flags->key_sets,
                         "What `argosy key rotate` wrote, for devices that do not know the key yet; in order");
  publishing->callback([&context, flags] { context.chosen = [&context, flags] { return publish(context, *flags); }; });

  auto* pack = release->add_subcommand("pack", "Put an ONNX model and its weights beside it into one file");
  auto model = std::make_shared<std::string>(), packed = std::make_shared<std::string>();
  pack->add_option("model", *model, "Model, with the files that it names in its folder")->required();
  pack->add_option("-o,--output", *packed, "File to write; - for standard output")->required();
  pack->callback([&context, model, packed] {
    context.chosen = [&context, model, packed] { return pack_model(context, *model, *packed); };
  });

  add_compact_command(*release, context);

  auto* signature = release->add_subcommand("signature", "Give a published release another signature");
  auto again = std::make_shared<PublishFlags>();
  signature->add_option("release", again->release, "MODEL@VERSION")->required();
  signature->add_option("signature", again->signature, "model.sig, with argosy-release.json beside it")->required();
  signature->add_option("--key-set", again->key_sets, "As for publish");
  signature->callback(
      [&context, again] { context.chosen = [&context, again] { return replace_signature(context, *again); }; });

  auto name = std::make_shared<std::string>();
  auto* list = release->add_subcommand("list", "Releases of a model, or of all");
  list->add_option("model", *name, "Name of the model");
  list->callback([&context, name] { context.chosen = [&context, name] { return list_releases(context, *name); }; });

  auto* show = release->add_subcommand("show", "One release, with all its files");
  auto is_draft = std::make_shared<bool>(false);
  show->add_option("release", *name, "MODEL@VERSION")->required();
  show->add_flag("--draft", *is_draft, "The draft of that version");
  show->callback([&context, name, is_draft] {
    context.chosen = [&context, name, is_draft] { return show_release(context, *name, *is_draft); };
  });

  add_draft_commands(*release, context);
  add_recall_commands(*release, context);
  add_release_patch_commands(*release, context);
}

}  // namespace argosy::cli
