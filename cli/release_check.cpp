#include "cli/release_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/runner_process.hpp"
#include "common/base/mapped_file.hpp"
#include "common/json/json_look.hpp"
#include "common/wire/metric_rule.hpp"
#include "common/wire/model_file.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double default_memory_mb = 1024, default_timeout_s = 300;  // of docs/protocol.md

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string whole_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", value);
  return text;
}

std::optional<std::pair<double, double>> interval_of(const json& report) {
  const json& bounds = list_in(report, "interval");
  if (bounds.size() != 2 || !bounds[0].is_number() || !bounds[1].is_number()) return std::nullopt;
  return std::pair(bounds[0].get<double>(), bounds[1].get<double>());
}

struct Variant {
  std::string name;
  fs::path file;
};

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// The time for all runs, shared among those still to come: what one leaves over goes to the others.
class SharedTime {
 public:
  explicit SharedTime(std::optional<Milliseconds> all)
      : end_(all ? std::optional(Clock::now() + *all) : std::nullopt) {}
  bool is_bounded() const { return end_.has_value(); }
  bool is_over() const { return end_ && Clock::now() >= *end_; }
  void add_passes(std::size_t passes) { passes_ += static_cast<std::int64_t>(passes); }
  // For a run that takes so many passes over the data set.
  Milliseconds take(std::int64_t passes) {
    const auto left = std::chrono::duration_cast<Milliseconds>(*end_ - Clock::now());
    const Milliseconds share = left * passes / std::max(passes_, passes);
    passes_ -= passes;
    return std::max(share, Milliseconds(1));
  }

 private:
  std::optional<Clock::time_point> end_;
  std::int64_t passes_ = 0;
};
constexpr int passes_of_a_comparison = 2;

// Of the engine; nothing where the model does not say.
using Needs = std::optional<wire::OnnxReach>;
json needs_json(const Needs& needs) {
  if (!needs) return {{"opset", nullptr}, {"ir_version", nullptr}};
  return {{"opset", needs->opset}, {"ir_version", needs->ir}};
}
std::string spoken(const Needs& needs) {
  if (!needs) return "no opset that it names";
  return "opset " + std::to_string(needs->opset) + ", IR version " + std::to_string(needs->ir);
}

struct Extent {
  double tried = 0, in_set = 0;
  bool is_whole() const { return tried >= in_set; }
};
Extent extent_of(const json& report) {
  const double tried = number_in(report, "samples").value_or(0);
  return {tried, number_in(report, "samples_in_set").value_or(tried)};
}
// "130 of 400 samples"
std::string spoken(const Extent& extent) {
  return whole_number(extent.tried) + " of " + whole_number(extent.in_set) + " samples";
}

class Trial {
 public:
  Trial(const json& document, const ReleaseFiles& files, const ReleaseTrial& how)
      : document_(document), validation_(member(document, "validation")), files_(files), how_(how), time_(how.time) {}

  Result<ReleaseFindings> run() {
    ARGOSY_CHECK(check_dataset_is_here());
    const std::vector<Variant> variants = variants_here();
    if (how_.runner.empty()) {
      for (const Variant& variant : variants) ARGOSY_CHECK(look_at(variant));
      return std::move(findings_);
    }
    if (dataset_ != nullptr && !variants.empty())
      time_.add_passes(variants.size() + passes_of_a_comparison * (variants.size() - 1));
    for (const Variant& variant : variants) ARGOSY_CHECK(measure(variant));
    for (std::size_t i = 1; i < variants.size(); ++i) ARGOSY_CHECK(compare(variants[0], variants[i]));
    if (!tried_all_) say("--check-seconds 0 tries all samples before it publishes, as devices do");
    return std::move(findings_);
  }

 private:
  void say(std::string sentence) { findings_.said.push_back(std::move(sentence)); }

  void not_tried(const std::string& variant, const std::string& reason) {
    say("Not tried here: " + variant + ", " + reason);
  }

  // Those that an engine of this machine could run.
  std::vector<Variant> variants_here() {
    std::vector<Variant> here;
    for (const json& variant : list_in(document_, "variants")) {
      const std::string name = text_in(variant, "name"), format = text_in(variant, "format");
      const fs::path* file = files_.find(text_in(variant, "digest"));
      if (file == nullptr)
        not_tried(name, "whose file is on the server alone");
      else if (format != "onnx")
        not_tried(name, "for models of the format " + format + " are run by programs of devices");
      else
        here.push_back({name, *file});
    }
    return here;
  }

  Result<void> check_dataset_is_here() {
    const std::string digest = text_in(validation_, "dataset");
    if (digest.empty()) return {};
    dataset_ = files_.find(digest);
    if (dataset_ == nullptr) say("The data set is on the server alone: models are only loaded here");
    return {};
  }

  // Without an engine: whether it is a model at all.
  Result<void> look_at(const Variant& variant) {
    ARGOSY_TRY(const auto needs, needs_of(variant));
    findings_.variants.push_back(needs_json(needs));
    findings_.variants.back()["name"] = variant.name;
    not_tried(variant.name,
              "for argosy-runner is neither beside this program nor in PATH (--runner names it): neither whether it "
              "loads nor what it scores. It is an ONNX model of " +
                  spoken(needs));
    return {};
  }

  static Result<Needs> needs_of(const Variant& variant) {
    ARGOSY_TRY(const MappedFile file, MappedFile::open(variant.file));
    auto needs = wire::check_model_file("onnx", file.bytes());
    if (!needs) return std::move(needs).error().within("variant " + variant.name + ": " + variant.file.string());
    return needs;
  }

  using Arguments = std::vector<std::string>;

  Arguments arguments(const Variant& variant, int passes) {
    Arguments list{"--model", variant.file.string(), "--box", "any"};  // the publisher's own model
    if (dataset_ != nullptr) {
      list.insert(list.end(), {"--dataset", dataset_->string()});
      if (time_.is_bounded()) list.insert(list.end(), {"--budget-ms", std::to_string(time_.take(passes).count())});
    }
    const double memory_mb = number_in(validation_, "max_memory_mb").value_or(default_memory_mb);
    const double seconds = number_in(validation_, "timeout_s").value_or(default_timeout_s);
    list.insert(list.end(),
                {"--max-memory-mb", whole_number(std::max(32.0, memory_mb)), "--cpu-seconds", whole_number(seconds)});
    return list;
  }

  Arguments arguments_to_measure(const Variant& variant) {
    Arguments list = arguments(variant, 1);
    if (dataset_ == nullptr) return list;
    list.insert(list.end(), {"--metric", text_in(validation_, "metric", "accuracy")});
    if (how_.metric_program) list.insert(list.end(), {"--metric-program", how_.metric_program->string()});
    return list;
  }

  Result<void> measure(const Variant& variant) {
    const std::string who = "variant " + variant.name + " (" + variant.file.filename().string() + ")";
    const auto start = Clock::now();
    auto report = run_runner(how_.runner, arguments_to_measure(variant));
    const std::chrono::duration<double> took = Clock::now() - start;
    if (!report) return std::move(report).error().within(who);
    const double unusable = number_in(*report, "unusable").value_or(0);
    if (unusable > 0) {
      std::string message = who + ": the model answers " + whole_number(unusable) + " of " +
                            whole_number(number_in(*report, "samples").value_or(0)) +
                            " samples with what is no number, and devices refuse such a model";
      for (const json& note : list_in(*report, "notes")) message += "; " + note.get<std::string>();
      return make_error(Errc::incompatible, std::move(message));
    }
    ARGOSY_TRY(const Needs needs, needs_of(variant));
    json found = *report;
    found.update(needs_json(needs));
    for (const char* key : {"ok", "worst", "calibration", "local", "box", "network", "correct"}) found.erase(key);
    found["name"] = variant.name;
    tried_all_ = tried_all_ && extent_of(found).is_whole();
    say(summary(variant.name, found, needs, took.count()));
    for (const std::string& doubt : doubts_about(*report, validation_)) say("Warning: " + variant.name + ": " + doubt);
    findings_.variants.push_back(std::move(found));
    return {};
  }

  static std::string summary(const std::string& name, const json& found, const Needs& needs, double seconds) {
    std::string text = "Tried " + name + ": ";
    if (const auto value = number_in(found, "value")) {
      text += text_in(found, "metric") + " " + short_number(*value);
      if (const auto interval = interval_of(found))
        text += " (" + short_number(interval->first) + " to " + short_number(interval->second) + ")";
      text += ", ";
    }
    if (const Extent extent = extent_of(found); !extent.is_whole())
      text += "tried on " + spoken(extent) + " in " + short_number(std::round(10 * seconds) / 10) + " s, ";
    if (const auto p95 = number_in(member(found, "latency_ms"), "p95")) text += "p95 " + short_number(*p95) + " ms, ";
    return text + whole_number(number_in(found, "peak_memory_mb").value_or(0)) + " MB; " + spoken(needs) + ", by " +
           text_in(found, "engine");
  }

  Result<void> compare(const Variant& first, const Variant& other) {
    if (dataset_ == nullptr) return {};
    if (time_.is_over()) return not_compared(first, other, "no time was left for it");
    Arguments list = arguments(first, passes_of_a_comparison);
    list.insert(list.end(), {"--compare-with", other.file.string(), "--metric", "none"});
    // Where time was short, on those samples that both were tried on: they are drawn in the same order.
    Extent both = extent_of(finding_of(other));
    both.tried = std::min(both.tried, extent_of(finding_of(first)).tried);
    if (!both.is_whole()) list.insert(list.end(), {"--samples", whole_number(both.tried)});
    auto report = run_runner(how_.runner, std::move(list));
    if (!report) return not_compared(first, other, report.error().message);
    const double agreement = number_in(*report, "agreement").value_or(0);
    both.tried = number_in(*report, "samples").value_or(0);
    finding_of(other)["agreement"] = {
        {"with", first.name}, {"share", agreement}, {"samples", static_cast<std::int64_t>(both.tried)}};
    say(other.name + " agrees with " + first.name + " on " + short_number(100 * agreement) + " % of " +
        (both.is_whole() ? "the samples" : spoken(both)));
    return {};
  }

  Result<void> not_compared(const Variant& first, const Variant& other, const std::string& reason) {
    say("Variants " + first.name + " and " + other.name + " were not compared: " + reason);
    return {};
  }

  json& finding_of(const Variant& variant) {
    return *std::find_if(findings_.variants.begin(), findings_.variants.end(),
                         [&](const json& found) { return text_in(found, "name") == variant.name; });
  }

  const json& document_;
  const json& validation_;
  const ReleaseFiles& files_;
  const ReleaseTrial& how_;
  SharedTime time_;
  const fs::path* dataset_ = nullptr;
  bool tried_all_ = true;
  ReleaseFindings findings_;
};

}  // namespace

std::vector<std::string> doubts_about(const json& report, const json& validation) {
  std::vector<std::string> doubts;
  for (const json& note : list_in(report, "notes"))
    if (note.is_string()) doubts.push_back(note.get<std::string>());
  const auto value = number_in(report, "value");
  const auto threshold = number_in(validation, "threshold");
  if (!value || !threshold) return doubts;
  const std::string metric = text_in(validation, "metric", "accuracy");
  const auto rule = wire::metric_rule(metric);
  const std::string direction = text_in(validation, "direction", rule && !rule->higher_is_better ? "lower" : "higher");
  const bool is_good = direction == "lower" ? *value <= *threshold : *value >= *threshold;
  const Extent extent = extent_of(report);
  const std::string of_threshold = "the threshold " + short_number(*threshold);
  if (!is_good && extent.is_whole())
    doubts.push_back(metric + " is " + short_number(*value) + " here, and " + of_threshold +
                     ": devices will refuse it");
  if (!is_good && !extent.is_whole())
    doubts.push_back(metric + " is " + short_number(*value) + " on " + spoken(extent) + ", and " + of_threshold +
                     ": devices, which try all, are likely to refuse it");
  const auto interval = interval_of(report);
  if (interval && is_good && interval->first < *threshold && *threshold < interval->second)
    doubts.push_back(
        (extent.is_whole() ? "the data set is too small to tell " : "too few samples were tried to tell ") + metric +
        " from " + of_threshold + ": by " +
        (extent.is_whole() ? "its " + whole_number(extent.tried) + " samples" : spoken(extent)) +
        " the model's is from " + short_number(interval->first) + " to " + short_number(interval->second));
  return doubts;
}

Result<ReleaseFindings> check_release(const json& document, const ReleaseFiles& files, const ReleaseTrial& trial) {
  return Trial(document, files, trial).run();
}

}  // namespace argosy::cli
