#include "cli/compact_command.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <unistd.h>

#include "cli/compact_validation.hpp"
#include "cli/exit_code.hpp"
#include "cli/made_file.hpp"
#include "cli/runner_process.hpp"
#include "cli/work_progress.hpp"
#include "common/base/file.hpp"
#include "common/base/mapped_file.hpp"
#include "common/compact/step_choice.hpp"
#include "common/delta/patch_make.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double most_of_exact_patch = 0.9;

// One number of bits, tried.
struct Setting {
  int bits = 0;
  Verdict verdict;
  std::uint64_t patch_bytes = 0;
};

fs::path out_path(const CompactFlags& flags) {
  if (!flags.out.empty()) return flags.out;
  const fs::path exact = flags.exact;
  return exact.parent_path() / (exact.stem().string() + ".compact" + exact.extension().string());
}

Result<MadeFile> create(const CompactFlags& flags, const fs::path& path) {
  return MadeFile::create(path, {flags.base, flags.exact, flags.dataset});
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * share);
  return text;
}

std::string number(const std::optional<double>& value) {
  char text[32] = "-";
  if (value) std::snprintf(text, sizeof text, "%.4g", *value);
  return text;
}

// All that a run needs, opened once.
class CompactRun {
 public:
  CompactRun(const OutputOptions& output, const CompactFlags& flags, MappedFile base, MappedFile exact,
             Validation validation, MadeFile made)
      : output_(output),
        flags_(flags),
        base_(std::move(base)),
        exact_(std::move(exact)),
        validation_(std::move(validation)),
        made_(std::move(made)) {}

  Result<int> run() {
    ARGOSY_TRY(exact_patch_bytes_, patch_bytes(flags_.exact, "exact patch"));
    const bool automatic = flags_.bits == "auto";
    const int first = automatic ? least_bits : std::stoi(flags_.bits), last = automatic ? most_bits : first;
    for (int bits = first; bits <= last; ++bits) {
      ARGOSY_TRY(const Setting setting, try_bits(bits));
      settings_.push_back(setting);
      say(setting);
      if (!setting.verdict.accepted) continue;
      if (automatic && !is_worth_it(setting)) return not_worth_it(setting);
      return finish(automatic);
    }
    return none_accepted();
  }

 private:
  Result<std::uint64_t> patch_bytes(const fs::path& file, const std::string& label) {
    const fs::path patch = made_.part().string() + ".patch";
    MakeRequest request;
    request.old_path = flags_.base;
    request.new_path = file;
    request.patch_path = patch;
    request.candidates = {PatchCodec::tensor};
    request.largest_ratio = 1e9;  // its size is asked for, whatever it is
    WorkProgress progress(output_, label);
    const auto made = make_patch(request, progress.callback());
    ::unlink(patch.c_str());
    if (!made) return std::move(made).error();
    return made->patch.size_bytes;
  }

  Result<Setting> try_bits(int bits) {
    const std::string name = std::to_string(bits) + " bits";
    Setting setting{.bits = bits, .verdict = {}, .patch_bytes = 0};
    CompactModel model;
    {
      WorkProgress progress(output_, name);
      ARGOSY_TRY(model, make_compact(base_.bytes(), exact_.bytes(), bits, progress.callback()));
    }
    ARGOSY_CHECK(write_file_atomically(made_.part(), as_text(model.file)));
    result_digest_ = sha256(model.file);
    if (!validation_.runner.empty()) print_note(output_, name + ": trying it against " + flags_.exact);
    ARGOSY_TRY(setting.verdict, judge(validation_, made_.part(), model));
    ARGOSY_TRY(setting.patch_bytes, patch_bytes(made_.part(), name + " patch"));
    return setting;
  }

  void say(const Setting& setting) const {
    const Verdict& verdict = setting.verdict;
    const std::string found = verdict.agreement ? percent(*verdict.agreement) + " equal predictions"
                                                : "weights off by " + percent(verdict.weight_error) + ", which is " +
                                                      percent(verdict.change_error) + " of the change";
    print_note(output_, std::to_string(setting.bits) + " bits: patch " + share_of_file(setting.patch_bytes) + ", " +
                            found + (verdict.accepted ? "" : ": not enough"));
    if (verdict.agreement && verdict.predictions == 1)
      print_note(output_, "argosy: the exact model answers every sample alike: give it a --dataset that tells more");
  }

  std::string share_of_file(std::uint64_t bytes) const {
    return percent(static_cast<double>(bytes) / static_cast<double>(exact_.bytes().size())) + " of the file";
  }

  bool is_worth_it(const Setting& setting) const {
    return static_cast<double>(setting.patch_bytes) <= most_of_exact_patch * static_cast<double>(exact_patch_bytes_);
  }
  Error not_worth_it(const Setting& setting) const {
    return make_error(Errc::incompatible, std::to_string(setting.bits) +
                                              " bits keep the tolerance and save less than a "
                                              "tenth of the exact patch, which has " +
                                              share_of_file(exact_patch_bytes_) + ": publish " + flags_.exact +
                                              " as it is");
  }
  Error none_accepted() const {
    const Setting& last = settings_.back();
    const std::string found = last.verdict.agreement ? percent(*last.verdict.agreement) + " equal predictions"
                                                     : "a weight error of " + percent(last.verdict.weight_error);
    return make_error(Errc::incompatible, "no setting keeps the tolerance (" + std::to_string(last.bits) +
                                              " bits: " + found + "): publish " + flags_.exact +
                                              " as it is; its patch has " + share_of_file(exact_patch_bytes_));
  }

  json report(bool automatic) const {
    const Setting& chosen = settings_.back();
    const auto optional = [](const std::optional<double>& value) { return value ? json(*value) : json(); };
    json settings = json::array();
    for (const Setting& each : settings_)
      settings.push_back({{"bits", each.bits},
                          {"agreement", optional(each.verdict.agreement)},
                          {"max_difference", optional(each.verdict.max_difference)},
                          {"patch_bytes", each.patch_bytes},
                          {"accepted", each.verdict.accepted}});
    return {{"base_digest", sha256(base_.bytes()).to_hex()},
            {"result_digest", result_digest_.to_hex()},
            {"exact_digest", sha256(exact_.bytes()).to_hex()},
            {"bits", chosen.bits},
            {"automatic", automatic},
            {"samples", chosen.verdict.samples},
            {"agreement", optional(chosen.verdict.agreement)},
            {"max_difference", optional(chosen.verdict.max_difference)},
            {"metric", chosen.verdict.metric},
            {"full_bytes", exact_.bytes().size()},
            {"patch_bytes", chosen.patch_bytes},
            {"exact_patch_bytes", exact_patch_bytes_},
            {"tolerance", tolerance_of(validation_)},
            {"settings", settings}};
  }

  Result<int> finish(bool automatic) {
    ARGOSY_CHECK(made_.keep());
    const json document = report(automatic);
    if (!flags_.report.empty()) ARGOSY_CHECK(write_report(document.dump(2) + "\n"));
    if (output_.json) {
      print_json(document);
    } else {
      print_settings();
      std::printf("%s  %s\n", result_digest_.to_hex().c_str(), out_path(flags_).c_str());
    }
    return exit_ok;
  }

  Result<void> write_report(const std::string& text) const {
    ARGOSY_TRY(MadeFile report, create(flags_, flags_.report));
    ARGOSY_CHECK(report.write(as_bytes(text)));
    return report.keep();
  }

  void print_settings() const {
    std::vector<Row> rows;
    for (const Setting& each : settings_) {
      const json& metric = each.verdict.metric;
      rows.push_back({std::to_string(each.bits), each.verdict.agreement ? percent(*each.verdict.agreement) : "-",
                      number(each.verdict.max_difference),
                      metric.is_object() ? number(metric["compact"].get<double>()) : "-",
                      std::to_string(each.patch_bytes), share_of_file(each.patch_bytes),
                      each.verdict.accepted ? "kept" : "not enough"});
    }
    rows.push_back(
        {"exact", "-", "-", exact_metric(), std::to_string(exact_patch_bytes_), share_of_file(exact_patch_bytes_), ""});
    print_table({"BITS", "EQUAL", "DIFFERENCE", "METRIC", "PATCH", "RATIO", ""}, rows);
  }
  std::string exact_metric() const {
    const json& metric = settings_.back().verdict.metric;
    return metric.is_object() ? number(metric["exact"].get<double>()) : "-";
  }

  const OutputOptions& output_;
  const CompactFlags& flags_;
  MappedFile base_, exact_;
  Validation validation_;
  MadeFile made_;
  std::uint64_t exact_patch_bytes_ = 0;
  std::vector<Setting> settings_;  // the last one is at the part file
  Digest result_digest_;
};

Result<Validation> validation_of(const OutputOptions& output, const CompactFlags& flags, ModelFormat format) {
  Validation validation{.runner = {},
                        .exact = flags.exact,
                        .dataset = flags.dataset,
                        .metric = flags.metric,
                        .samples = flags.samples,
                        .seed = flags.seed,
                        .min_agreement = flags.min_agreement,
                        .max_metric_loss = flags.max_metric_loss};
  if (flags.weights_only || format != ModelFormat::onnx) {
    print_note(output,
               "Validating by weights alone: " +
                   (flags.weights_only ? "as asked" : std::string(name_of(format)) + " files hold no graph to run"));
    return validation;
  }
  ARGOSY_TRY(validation.runner, find_runner(flags.runner));
  if (flags.dataset.empty())
    print_note(output, "Validating on " + std::to_string(flags.samples) + " generated samples, seed " +
                           std::to_string(flags.seed) + "; a --dataset of real ones says more");
  return validation;
}

}  // namespace

Result<int> release_compact(const OutputOptions& output, const CompactFlags& flags) {
  ARGOSY_TRY(MadeFile made, create(flags, out_path(flags)));
  if (!flags.report.empty()) ARGOSY_CHECK(create(flags, flags.report));  // said before the work begins
  ARGOSY_TRY(MappedFile base, MappedFile::open(flags.base));
  ARGOSY_TRY(MappedFile exact, MappedFile::open(flags.exact));
  ARGOSY_TRY(Validation validation, validation_of(output, flags, find_tensors(exact.bytes()).format));
  return CompactRun(output, flags, std::move(base), std::move(exact), std::move(validation), std::move(made)).run();
}

void add_compact_command(CLI::App& release, Context& context) {
  auto* command = release.add_subcommand(
      "compact", "Make NEW a model that BASE reaches by a small patch, and prove it against the exact one");
  auto flags = std::make_shared<CompactFlags>();
  command->add_option("--base", flags->base, "The model that devices have")->required();
  command->add_option("new", flags->exact, "The new model, as trained")->required();
  command->add_option("-o,--out", flags->out, "Where to write it; default: NEW with .compact before its extension");
  command->add_option("--bits", flags->bits, "Bits for each weight's change; auto: the fewest that keep the tolerance")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "2", "3", "4", "5", "6", "7", "8"}));
  auto* dataset = command->add_option("--dataset", flags->dataset, "Samples to validate on (.npz with arrays x and y)");
  command->add_option("--samples", flags->samples, "How many to generate when there is no --dataset")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000))
      ->excludes(dataset);
  command->add_option("--seed", flags->seed, "What they are generated from")
      ->capture_default_str()
      ->check(CLI::Range(0, 2147483647))
      ->excludes(dataset);
  command->add_option("--metric", flags->metric, "What to measure on the data set for both models")
      ->capture_default_str()
      ->check([](const std::string& metric) {
        const auto rule = wire::metric_rule(metric);
        return rule && rule->against != wire::MetricRule::Against::nothing ? "" : wire::unknown_metric(metric);
      });
  command->add_option("--min-agreement", flags->min_agreement, "Share of samples that both must predict alike")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--max-metric-loss", flags->max_metric_loss, "How much worse the metric may become")
      ->needs(dataset);
  command->add_option("--report", flags->report, "JSON to write, for `release publish --compact`");
  command->add_option("--runner", flags->runner, "argosy-runner; default: beside this program, or in PATH");
  command->add_flag("--weights-only", flags->weights_only,
                    "Do not run the models: accept weights that are off by at most 2 % of their size and 15 % of their "
                    "change, as roots of mean squares");
  command->callback(
      [&context, flags] { context.chosen = [&context, flags] { return release_compact(context.output, *flags); }; });
}

}  // namespace argosy::cli
