#include "cli/patch_command.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/exit_code.hpp"
#include "cli/made_file.hpp"
#include "cli/work_progress.hpp"
#include "common/delta/patch_apply.hpp"
#include "common/delta/patch_explain.hpp"
#include "common/delta/patch_info.hpp"
#include "common/delta/patch_make.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

std::string human_size(std::uint64_t bytes) {
  return std::to_string(bytes) + " bytes (" + human_bytes(static_cast<double>(bytes)) + ")";
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%",
                whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

json describe(const FileDigest& file) {
  return {{"sha256", file.digest.to_hex()}, {"size", file.size_bytes}};
}

json describe(const MakeReport& report) {
  json trials = json::array();
  for (const auto& trial : report.trials)
    trials.push_back({{"codec", name_of(trial.codec)},
                      {"size", trial.failure.empty() ? json(trial.bytes) : json()},
                      {"seconds", trial.seconds},
                      {"failure", trial.failure.empty() ? json() : json(trial.failure)}});
  json document{{"old", describe(report.old_file)}, {"new", describe(report.new_file)}, {"trials", trials}};
  document["codec"] = report.codec ? json(name_of(*report.codec)) : json();
  document["patch"] = report.codec ? describe(report.patch) : json();
  document["declined"] = report.codec ? json() : json(report.declined);
  return document;
}

void print_trials(const MakeReport& report) {
  std::vector<Row> rows;
  for (const auto& trial : report.trials) {
    const bool made = trial.failure.empty();
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.2f", trial.seconds);
    rows.push_back({std::string(name_of(trial.codec)), made ? std::to_string(trial.bytes) : "-",
                    made ? percent_of(trial.bytes, report.new_file.size_bytes) : "-", seconds,
                    report.codec == trial.codec ? "kept"
                    : made                      ? ""
                                                : trial.failure});
  }
  print_table({"CODEC", "BYTES", "OF FULL", "SECONDS", ""}, rows);
}

std::vector<std::string> codec_choices() {
  std::vector<std::string> choices{"best"};
  for (const CodecFacts& facts : patch_codecs) choices.emplace_back(facts.name);
  return choices;
}

Result<MakeRequest> make_request(const PatchFlags& flags) {
  MakeRequest request;
  request.limits.max_memory_bytes = flags.max_memory_mib << 20;
  if (flags.codec == "best") return request;
  ARGOSY_TRY(const PatchCodec codec, parse_patch_codec(flags.codec));
  request.candidates = {codec};
  request.largest_ratio = 1e9;  // asked for by name: made, even if it saves nothing
  return request;
}

// The files that a command reads. One of them may come by standard input.
struct GivenFiles {
  GivenFile first, second;
};

Result<GivenFiles> open_both(std::string_view first_is, const std::string& first, std::string_view second_is,
                             const std::string& second) {
  if (first == standard_stream && second == standard_stream)
    return make_error(Errc::invalid_argument, std::string(first_is) + " and " + std::string(second_is) +
                                                  " cannot both come by standard input: give one of them as a file");
  ARGOSY_TRY(auto one, GivenFile::open(first_is, first, default_max_result_bytes));
  ARGOSY_TRY(auto other, GivenFile::open(second_is, second, default_max_result_bytes));
  return GivenFiles{std::move(one), std::move(other)};
}

Result<MadeFile> create(const OutputOptions& output, const std::string& path, const std::vector<std::string>& inputs) {
  ARGOSY_TRY(auto made, MadeFile::create(path, inputs));
  if (made.is_standard_output() && output.json)
    return make_error(Errc::invalid_argument,
                      "both --json and - want standard output: name a file, or leave out --json");
  return made;
}

Result<std::optional<FileDigest>> expectation(const std::string& sha256, std::uint64_t size) {
  if (sha256.empty()) return std::optional<FileDigest>();
  ARGOSY_TRY(const Digest digest, Digest::parse(sha256));
  return std::optional(FileDigest{digest, size});
}

// Whether a result of another file than the right one would be told from it.
bool is_proven(const PatchFlags& flags, PatchCodec codec) {
  const CodecFacts& facts = facts_of(codec);
  return !facts.needs_base || facts.names_base || !flags.base_sha256.empty() || !flags.result_sha256.empty();
}

// The digests of the flags stand for files whose sizes the files at hand tell.
Result<ApplyRequest> apply_request(const PatchFlags& flags, const GivenFiles& given) {
  ApplyRequest request;
  request.old_path = given.first.path();
  request.patch_path = given.second.path();
  ARGOSY_TRY(const PatchInfo info, inspect_patch(request.patch_path));
  ARGOSY_TRY(request.expected_new, expectation(flags.result_sha256, info.new_bytes));
  std::error_code unreadable;  // then opening the file says why
  const auto old_size = std::filesystem::file_size(request.old_path, unreadable);
  ARGOSY_TRY(request.expected_old, expectation(flags.base_sha256, unreadable ? 0 : old_size));
  return request;
}

// A name from a model file is bytes from outside.
std::string printable(const std::string& name) {
  std::string text = name.empty() ? "(what is not a tensor)" : name;
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string shape_of(const TensorCost& tensor) {
  std::string text;
  for (const std::int64_t dimension : tensor.shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text.empty() ? "-" : text;
}

// What most of the tensor's bytes came by.
std::string mode_of(const TensorCost& tensor) {
  const std::pair<std::uint64_t, const char*> ways[] = {{tensor.copied, "same"},
                                                        {tensor.by_difference, "difference"},
                                                        {tensor.by_steps, "steps"},
                                                        {tensor.by_itself, "by itself"},
                                                        {tensor.plain, "plain"}};
  return std::max_element(std::begin(ways), std::end(ways), [](auto a, auto b) { return a.first < b.first; })->second;
}

json describe(const PatchExplanation& explanation) {
  json tensors = json::array();
  for (const TensorCost& each : explanation.tensors)
    tensors.push_back({{"name", printable(each.name)},
                       {"type", each.type},
                       {"shape", each.shape},
                       {"bytes", each.bytes},
                       {"mode", mode_of(each)},
                       {"copied", each.copied},
                       {"by_difference", each.by_difference},
                       {"by_steps", each.by_steps},
                       {"by_itself", each.by_itself},
                       {"plain", each.plain},
                       {"cost", std::llround(each.cost_bytes)},
                       {"ratio", each.bytes == 0 ? 0 : each.cost_bytes / static_cast<double>(each.bytes)}});
  return {{"tensors", tensors}, {"tables", std::llround(explanation.tables_bytes)}};
}

void print_explanation(const PatchExplanation& explanation) {
  std::vector<Row> rows;
  for (const TensorCost& each : explanation.tensors) {
    if (each.bytes == 0) continue;
    rows.push_back({printable(each.name), each.type.empty() ? "-" : each.type, shape_of(each), mode_of(each),
                    std::to_string(each.bytes), std::to_string(std::llround(each.cost_bytes)),
                    percent_of(static_cast<std::uint64_t>(std::llround(each.cost_bytes)), each.bytes)});
  }
  rows.push_back(
      {"(header and tables)", "-", "-", "-", "-", std::to_string(std::llround(explanation.tables_bytes)), "-"});
  std::printf("\n");
  print_table({"TENSOR", "TYPE", "SHAPE", "MODE", "BYTES", "COST", "RATIO"}, rows);
}

json describe(const ApplyReport& report) {
  return {{"codec", name_of(report.codec)}, {"patch_size", report.patch_bytes}, {"result", describe(report.result)}};
}

}  // namespace

Result<int> patch_make(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(MakeRequest request, make_request(flags));
  ARGOSY_TRY(const GivenFiles given, open_both("the old file", flags.old_path, "the new file", flags.new_path));
  ARGOSY_TRY(MadeFile made, create(output, flags.patch_path, {flags.old_path, flags.new_path}));
  request.old_path = given.first.path();
  request.new_path = given.second.path();
  request.patch_path = made.part();
  MakeReport report;
  {
    WorkProgress progress(output, "making " + flags.patch_path);
    ARGOSY_TRY(report, make_patch(request, progress.callback()));
  }
  if (report.codec) ARGOSY_CHECK(made.keep());
  if (output.json) {
    print_json(describe(report));
  } else if (!made.is_standard_output()) {
    print_trials(report);
  }
  if (!report.codec) {
    print_note(output, "argosy: no patch was made: " + report.declined);
    return exit_failed;
  }
  const CodecFacts& facts = facts_of(*report.codec);
  if (facts.needs_base && !facts.names_base)
    print_note(output, "argosy: a " + std::string(facts.name) +
                           " patch does not say which file it is for; apply it with --base-sha256 " +
                           report.old_file.digest.to_hex());
  return exit_ok;
}

Result<int> patch_apply(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(const GivenFiles given, open_both("the old file", flags.old_path, "the patch", flags.patch_path));
  ARGOSY_TRY(const ApplyRequest request, apply_request(flags, given));
  ARGOSY_TRY(MadeFile made, create(output, flags.new_path, {flags.old_path, flags.patch_path}));
  const PatchSink sink = [&made](ByteView data) { return made.write(data); };
  ApplyReport report;
  {
    WorkProgress progress(output, "making " + flags.new_path);
    ARGOSY_TRY(report, apply_patch(request, sink, progress.callback()));
  }
  ARGOSY_CHECK(made.keep());
  const bool proven = is_proven(flags, report.codec);
  if (output.json) {
    json document = describe(report);
    document["proven"] = proven;
    print_json(document);
  } else if (!made.is_standard_output()) {
    std::printf("%s  %s\n", report.result.digest.to_hex().c_str(), flags.new_path.c_str());
  }
  if (!proven)
    print_note(output, "argosy: warning: nothing proves this result: a " + std::string(name_of(report.codec)) +
                           " patch does not say which file it is for, and of any other it makes a wrong one; give "
                           "--base-sha256 or --result-sha256");
  return exit_ok;
}

Result<int> patch_info(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(const GivenFile patch, GivenFile::open("the patch", flags.patch_path, default_max_result_bytes));
  ARGOSY_TRY(const PatchInfo info, inspect_patch(patch.path()));
  std::optional<PatchExplanation> explanation;
  if (!flags.old_path.empty()) {
    ARGOSY_TRY(const GivenFiles given, open_both("the old file", flags.old_path, "the new file", flags.new_path));
    ARGOSY_TRY(explanation, explain_patch(patch.path(), given.first.path(), given.second.path()));
  }
  if (output.json) {
    json document{{"codec", name_of(info.codec)}, {"size", info.patch_bytes}, {"new_size", info.new_bytes}};
    if (info.codec == PatchCodec::bsdiff)
      document["streams"] = {
          {"control", info.control_bytes}, {"difference", info.difference_bytes}, {"extra", info.extra_bytes}};
    if (info.old_file) document["old"] = describe(*info.old_file);
    if (info.new_file) document["new"] = describe(*info.new_file);
    if (explanation) document["explanation"] = describe(*explanation);
    print_json(document);
    return exit_ok;
  }
  std::printf("codec     %s\npatch     %s, %s of the result\nresult    %s\n", std::string(name_of(info.codec)).c_str(),
              human_size(info.patch_bytes).c_str(), percent_of(info.patch_bytes, info.new_bytes).c_str(),
              human_size(info.new_bytes).c_str());
  if (info.codec == PatchCodec::bsdiff)
    std::printf("streams   control %s, difference %s, extra %s bytes\n", std::to_string(info.control_bytes).c_str(),
                std::to_string(info.difference_bytes).c_str(), std::to_string(info.extra_bytes).c_str());
  if (info.old_file && info.new_file)
    std::printf("from      %s\nto        %s\n", info.old_file->digest.to_hex().c_str(),
                info.new_file->digest.to_hex().c_str());
  if (explanation) print_explanation(*explanation);
  return exit_ok;
}

Result<int> patch_verify(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(const GivenFiles given, open_both("the old file", flags.old_path, "the patch", flags.patch_path));
  ApplyRequest request;
  request.old_path = given.first.path();
  request.patch_path = given.second.path();
  ARGOSY_TRY(const GivenFile result, GivenFile::open("the new file", flags.new_path, default_max_result_bytes));
  ARGOSY_TRY(request.expected_new, measure_file(result.path()));
  WorkProgress progress(output, "verifying " + flags.patch_path);
  const PatchSink nowhere = [](ByteView) -> Result<void> { return {}; };
  ARGOSY_TRY(const ApplyReport report, apply_patch(request, nowhere, progress.callback()));
  if (output.json) {
    print_json(describe(report));
  } else {
    std::printf("%s turns %s into %s\n", flags.patch_path.c_str(), flags.old_path.c_str(), flags.new_path.c_str());
  }
  return exit_ok;
}

namespace {

// OLD NEW PATCH, or two of them where -o names the one that is made.
struct FileNames {
  std::vector<std::string> given;
  std::string made;
};

void put_in_place(const FileNames& names, const std::vector<std::string*>& places, std::string* made) {
  auto next = names.given.begin();
  for (std::string* place : places) {
    if (place == made && !names.made.empty()) {
      *place = names.made;
    } else if (next == names.given.end()) {
      throw CLI::ValidationError("a file is missing: give OLD NEW PATCH, or two of them and -o for the one to be made");
    } else {
      *place = *next++;
    }
  }
  if (next != names.given.end()) throw CLI::ValidationError("one file too many: " + *next);
}

using Action = Result<int> (*)(const OutputOptions&, const PatchFlags&);

struct PatchCommand {
  const char* name;
  const char* help;
  Action action;
  std::string PatchFlags::*made;  // the file that it makes; null: none
};

std::shared_ptr<PatchFlags> add_three_files(CLI::App& patch, Context& context, const PatchCommand& one) {
  auto* command = patch.add_subcommand(one.name, one.help);
  auto flags = std::make_shared<PatchFlags>();
  auto names = std::make_shared<FileNames>();
  command->add_option("files", names->given, "OLD NEW PATCH; - is standard input, or output for what is made")
      ->required()
      ->expected(one.made == nullptr ? 3 : 2, 3)
      ->option_text("OLD NEW PATCH");
  if (one.made != nullptr)
    command->add_option("-o,--output", names->made, "The file to be made, in place of its name among the three");
  command->callback([&context, flags, names, one] {
    std::string* made = one.made == nullptr ? nullptr : &((*flags).*one.made);
    put_in_place(*names, {&flags->old_path, &flags->new_path, &flags->patch_path}, made);
    context.chosen = [&context, flags, one] { return one.action(context.output, *flags); };
  });
  return flags;
}

void add_make(CLI::App& patch, Context& context) {
  const auto flags = add_three_files(
      patch, context, {"make", "Make the patch that turns OLD into NEW", patch_make, &PatchFlags::patch_path});
  auto* make = patch.get_subcommand("make");
  make->add_option("--codec", flags->codec, "best: the smallest, if it saves 5 %; or this one, whatever it saves")
      ->capture_default_str()
      ->check(CLI::IsMember(codec_choices()));
  make->add_option("--max-memory", flags->max_memory_mib, "MiB that making it may take")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20));
}

void add_apply(CLI::App& patch, Context& context) {
  const auto flags =
      add_three_files(patch, context, {"apply", "Make NEW out of OLD and PATCH", patch_apply, &PatchFlags::new_path});
  auto* apply = patch.get_subcommand("apply");
  apply->add_option("--base-sha256", flags->base_sha256, "Refuse any other OLD");
  apply->add_option("--result-sha256", flags->result_sha256, "Refuse any other result");
}

void add_info(CLI::App& patch, Context& context) {
  auto* info =
      patch.add_subcommand("info", "What PATCH says of itself; with both files, also what it does to each tensor");
  auto flags = std::make_shared<PatchFlags>();
  info->add_option("patch", flags->patch_path, "The patch file; - is standard input")->required();
  auto* old_file = info->add_option("--old", flags->old_path, "The file that it was made from");
  auto* new_file = info->add_option("--new", flags->new_path, "The file that it makes");
  old_file->needs(new_file);
  new_file->needs(old_file);
  info->callback(
      [&context, flags] { context.chosen = [&context, flags] { return patch_info(context.output, *flags); }; });
}

}  // namespace

void add_patch_commands(CLI::App& root, Context& context) {
  auto* patch = root.add_subcommand("patch", "Model patches on this machine, without a server")->require_subcommand(1);
  add_make(*patch, context);
  add_apply(*patch, context);
  add_info(*patch, context);
  add_three_files(*patch, context,
                  {"verify", "Prove that PATCH turns OLD into NEW; writes nothing", patch_verify, nullptr});
}

}  // namespace argosy::cli
