#include "cli/patch_command.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/exit_code.hpp"
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
  MakeRequest request{.old_path = flags.old_path,
                      .new_path = flags.new_path,
                      .patch_path = flags.patch_path,
                      .limits = {.max_memory_bytes = flags.max_memory_mib << 20}};
  if (flags.codec == "best") return request;
  ARGOSY_TRY(const PatchCodec codec, parse_patch_codec(flags.codec));
  request.candidates = {codec};
  request.largest_ratio = 1e9;  // asked for by name: made, even if it saves nothing
  return request;
}

Result<std::optional<FileDigest>> expectation(const std::string& sha256, std::uint64_t size) {
  if (sha256.empty()) return std::optional<FileDigest>();
  ARGOSY_TRY(const Digest digest, Digest::parse(sha256));
  return std::optional(FileDigest{digest, size});
}

// The digests of the flags stand for files whose sizes the files at hand tell.
Result<ApplyRequest> apply_request(const PatchFlags& flags) {
  ApplyRequest request;
  request.old_path = flags.old_path;
  request.patch_path = flags.patch_path;
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
  ARGOSY_TRY(const MakeRequest request, make_request(flags));
  WorkProgress progress(output, "making " + flags.patch_path);
  ARGOSY_TRY(const MakeReport report, make_patch(request, progress.callback()));
  if (output.json) {
    print_json(describe(report));
  } else {
    print_trials(report);
  }
  if (report.codec) return exit_ok;
  print_note(output, "argosy: no patch was made: " + report.declined);
  return exit_failed;
}

Result<int> patch_apply(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(const ApplyRequest request, apply_request(flags));
  WorkProgress progress(output, "making " + flags.new_path);
  ARGOSY_TRY(const ApplyReport report, apply_patch_to_file(request, flags.new_path, progress.callback()));
  if (output.json) {
    print_json(describe(report));
  } else {
    std::printf("%s  %s\n", report.result.digest.to_hex().c_str(), flags.new_path.c_str());
  }
  return exit_ok;
}

Result<int> patch_info(const OutputOptions& output, const PatchFlags& flags) {
  ARGOSY_TRY(const PatchInfo info, inspect_patch(std::filesystem::path(flags.patch_path)));
  std::optional<PatchExplanation> explanation;
  if (!flags.old_path.empty()) {
    ARGOSY_TRY(explanation, explain_patch(flags.patch_path, flags.old_path, flags.new_path));
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
  ApplyRequest request;
  request.old_path = flags.old_path;
  request.patch_path = flags.patch_path;
  ARGOSY_TRY(request.expected_new, measure_file(flags.new_path));
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

void add_patch_commands(CLI::App& root, Context& context) {
  auto* patch = root.add_subcommand("patch", "Model patches on this machine, without a server")->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, auto action, bool with_files) {
    auto* command = patch->add_subcommand(name, help);
    auto flags = std::make_shared<PatchFlags>();
    if (with_files) {
      command->add_option("old", flags->old_path, "The old file")->required();
      command->add_option("new", flags->new_path, "The new file")->required();
    }
    command->add_option("patch", flags->patch_path, "The patch file")->required();
    command->callback([&context, flags, action] {
      context.chosen = [&context, flags, action] { return action(context.output, *flags); };
    });
    return std::pair(command, flags);
  };

  const auto [make, make_flags] = add("make", "Make the patch that turns OLD into NEW", patch_make, true);
  make->add_option("--codec", make_flags->codec, "best: the smallest, if it saves 5 %; or this one, whatever it saves")
      ->capture_default_str()
      ->check(CLI::IsMember(codec_choices()));
  make->add_option("--max-memory", make_flags->max_memory_mib, "MiB that making it may take")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20));
  const auto [apply, apply_flags] = add("apply", "Make NEW out of OLD and PATCH", patch_apply, true);
  apply->add_option("--base-sha256", apply_flags->base_sha256, "Refuse any other OLD");
  apply->add_option("--result-sha256", apply_flags->result_sha256, "Refuse any other result");
  const auto [info, info_flags] =
      add("info", "What PATCH says of itself; with both files, also what it does to each tensor", patch_info, false);
  auto* old_file = info->add_option("--old", info_flags->old_path, "The file that it was made from");
  auto* new_file = info->add_option("--new", info_flags->new_path, "The file that it makes");
  old_file->needs(new_file);
  new_file->needs(old_file);
  add("verify", "Prove that PATCH turns OLD into NEW; writes nothing", patch_verify, true);
}

}  // namespace argosy::cli
