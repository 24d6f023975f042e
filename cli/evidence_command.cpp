#include "cli/evidence_command.hpp"

#include <cstdio>
#include <memory>

#include "cli/exit_code.hpp"
#include "cli/rollout_output.hpp"
#include "common/base/file.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"
#include "common/signing/signed_evidence.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr const char* counted_parts[] = {"decisions", "looks", "actions", "devices"};

struct EvidenceFlags {
  std::string id, path, key_path;
};

Result<int> write_evidence(const Context& context, const EvidenceFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get(rollout_path(flags.id) + "/evidence"));
  const std::string file = answer.dump();
  ARGOSY_TRY(const auto read, signing::read_evidence(file));
  ARGOSY_CHECK(signing::check_evidence(read, {}));
  if (!flags.key_path.empty()) {
    ARGOSY_TRY(const json key, api.get("/evidence-key"));
    ARGOSY_CHECK(write_file_atomically(flags.key_path, text_in(key, "pem")));
  }
  if (flags.path.empty()) {
    std::printf("%s\n", file.c_str());
    return exit_ok;
  }
  ARGOSY_CHECK(write_file_atomically(flags.path, file));
  if (context.output.json)
    print_json(json{{"file", flags.path}, {"bytes", file.size()}, {"key", {{"sha256", read.key_hint}}}});
  print_note(context.output, "Wrote " + flags.path + "; check it with: argosy verify " + flags.path);
  return exit_ok;
}

json count_of(const json& document, const char* part) {
  return {{"shown", list_in(member(document, part), "items").size()},
          {"total", document.value(json::json_pointer(std::string("/") + part + "/total"), json(0))}};
}

json verified_report(const json& document, const std::string& key, bool is_trusted) {
  json report{{"verified", true},
              {"key", {{"sha256", key}, {"trusted", is_trusted}}},
              {"rollout", document.value("/rollout/id"_json_pointer, json(nullptr))},
              {"release", cell(document, "/rollout/model") + "@" + cell(document, "/rollout/version")},
              {"state", cell(document, "/rollout/state")},
              {"made", document.value("made", json::object())},
              {"parts", json::object()},
              {"claims", document.value("claims", json::array())}};
  for (const char* part : counted_parts) report["parts"][part] = count_of(document, part);
  return report;
}

void print_verified(const json& report) {
  std::printf("Verified: the evidence of rollout %s, %s, %s\n", cell(report, "/rollout").c_str(),
              cell(report, "/release").c_str(), cell(report, "/state").c_str());
  std::printf("Made:     %s by %s for %s\n", cell(report, "/made/at").c_str(), cell(report, "/made/by").c_str(),
              cell(report, "/made/asked_by").c_str());
  std::printf("Key:      %s\n\n", cell(report, "/key/sha256").c_str());
  std::vector<Row> rows;
  for (const char* part : counted_parts)
    rows.push_back({part, cell(report, std::string("/parts/") + part + "/shown"),
                    cell(report, std::string("/parts/") + part + "/total")});
  print_table({"PART", "SHOWN", "OF"}, rows);
  for (const json& claim : list_in(report, "claims")) {
    std::printf("\n%s\n  %s\n ", text_in(claim, "claim").c_str(), text_in(claim, "source").c_str());
    for (const json& part : list_in(claim, "parts")) std::printf(" %s", part.get<std::string>().c_str());
    std::printf("\n");
  }
}

}  // namespace

Result<int> verify_evidence(const OutputOptions& output, const std::string& path, const signing::TrustedKeys& keys) {
  ARGOSY_TRY(const std::string file, read_file(path, signing::max_evidence_file_bytes));
  const auto read = signing::read_evidence(file);
  if (!read) return Error(read.error()).within(path);
  const auto checked = signing::check_evidence(*read, keys);
  if (!checked) return Error(checked.error()).within(path);
  ARGOSY_TRY(const json document, parse_json(read->envelope.payload, stored_json));
  const json report = verified_report(document, read->key_hint, !keys.empty());
  if (output.json)
    print_json(report);
  else
    print_verified(report);
  if (keys.empty())
    print_note(output,
               "Nothing was changed since it was signed by the key that the file itself names. Whose key that is, only "
               "--key tells: take the server's from GET /api/v1/evidence-key, or compare the digest");
  return exit_ok;
}

void add_evidence_command(CLI::App& rollout, Context& context) {
  auto* command =
      rollout.add_subcommand("evidence", "All that is known of it, in one signed file: `argosy verify` checks it");
  auto flags = std::make_shared<EvidenceFlags>();
  command->add_option("id", flags->id, "Number of the rollout")->required();
  command->add_option("--output", flags->path, "Where the file goes; by default to stdout");
  command->add_option("--key-output", flags->key_path, "Where the server's public key goes, for `argosy verify --key`");
  command->callback(
      [&context, flags] { context.chosen = [&context, flags] { return write_evidence(context, *flags); }; });
}

}  // namespace argosy::cli
