#include "cli/release_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/onnx_file.hpp"
#include "cli/runner_process.hpp"
#include "common/base/mapped_file.hpp"
#include "common/json/json_look.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double longest_comparison_s = 2;
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

class Trial {
 public:
  Trial(const json& document, const ReleaseFiles& files, const ReleaseTrial& how)
      : document_(document), validation_(member(document, "validation")), files_(files), how_(how) {}

  Result<ReleaseFindings> run() {
    ARGOSY_CHECK(check_dataset_is_here());
    std::vector<Variant> tried;
    for (const json& variant : list_in(document_, "variants")) {
      const std::string name = text_in(variant, "name"), format = text_in(variant, "format");
      const fs::path* file = files_.find(text_in(variant, "digest"));
      if (file == nullptr) {
        say("Not tried here: " + name + ", whose file is on the server alone");
      } else if (format != "onnx") {
        say("Not tried here: " + name + ", for models of the format " + format + " are run by programs of devices");
      } else if (how_.runner.empty()) {
        ARGOSY_CHECK(look_at({name, *file}));
      } else {
        ARGOSY_CHECK(measure({name, *file}));
        tried.push_back({name, *file});
      }
    }
    for (std::size_t i = 1; i < tried.size(); ++i) ARGOSY_CHECK(compare(tried[0], tried[i]));
    return std::move(findings_);
  }

 private:
  void say(std::string sentence) { findings_.said.push_back(std::move(sentence)); }

  Result<void> check_dataset_is_here() {
    const std::string digest = text_in(validation_, "dataset");
    if (digest.empty()) return {};
    dataset_ = files_.find(digest);
    if (dataset_ == nullptr) say("The data set is on the server alone: models are only loaded here");
    return {};
  }

  // Without an engine: whether it is a model at all.
  Result<void> look_at(const Variant& variant) {
    ARGOSY_TRY(const MappedFile bytes, MappedFile::open(variant.file));
    const auto facts = onnx_facts(bytes.bytes());
    if (!facts)
      return make_error(Errc::malformed_model, "variant " + variant.name + ": " + variant.file.string() +
                                                   " is no ONNX model, or one that was cut short");
    findings_.variants.push_back({{"name", variant.name}, {"opset", facts->opset}, {"ir_version", facts->ir_version}});
    say("Not tried here: " + variant.name +
        ", for argosy-runner is neither beside this program nor in PATH (--runner "
        "names it): neither whether it loads nor what it scores. It is an ONNX model of opset " +
        std::to_string(facts->opset) + ", IR version " + std::to_string(facts->ir_version));
    return {};
  }

  std::vector<std::string> arguments(const Variant& variant) const {
    std::vector<std::string> list{"--model", variant.file.string(), "--box", "any"};  // the publisher's own model
    const auto add = [&](const char* flag, const std::string& value) {
      list.emplace_back(flag);
      list.push_back(value);
    };
    if (dataset_ != nullptr) {
      add("--dataset", dataset_->string());
      add("--metric", text_in(validation_, "metric", "accuracy"));
      if (how_.metric_program) add("--metric-program", how_.metric_program->string());
    }
    add("--max-memory-mb",
        whole_number(std::max(32.0, number_in(validation_, "max_memory_mb").value_or(default_memory_mb))));
    add("--cpu-seconds", whole_number(number_in(validation_, "timeout_s").value_or(default_timeout_s)));
    return list;
  }

  Result<void> measure(const Variant& variant) {
    const std::string who = "variant " + variant.name + " (" + variant.file.filename().string() + ")";
    auto report = run_runner(how_.runner, arguments(variant));
    if (!report) return std::move(report).error().within(who);
    const double unusable = number_in(*report, "unusable").value_or(0);
    if (unusable > 0) {
      std::string message = who + ": the model answers " + whole_number(unusable) + " of " +
                            whole_number(number_in(*report, "samples").value_or(0)) +
                            " samples with what is no number, and devices refuse such a model";
      for (const json& note : list_in(*report, "notes")) message += "; " + note.get<std::string>();
      return make_error(Errc::incompatible, std::move(message));
    }
    ARGOSY_TRY(const MappedFile bytes, MappedFile::open(variant.file));
    const OnnxFacts facts = onnx_facts(bytes.bytes()).value_or(OnnxFacts{});
    json found = *report;
    for (const char* key : {"ok", "worst", "calibration", "local", "box", "network", "correct"}) found.erase(key);
    found["name"] = variant.name;
    found["opset"] = facts.opset;
    found["ir_version"] = facts.ir_version;
    say(summary(variant.name, found, facts));
    for (const std::string& doubt : doubts_about(*report, validation_)) say("Warning: " + variant.name + ": " + doubt);
    findings_.variants.push_back(std::move(found));
    return {};
  }

  std::string summary(const std::string& name, const json& found, const OnnxFacts& facts) const {
    std::string text = "Tried " + name + ": ";
    if (const auto value = number_in(found, "value")) {
      text += text_in(found, "metric") + " " + short_number(*value);
      if (const auto interval = interval_of(found))
        text += " (" + short_number(interval->first) + " to " + short_number(interval->second) + ")";
      text += ", ";
    }
    if (const auto p95 = number_in(member(found, "latency_ms"), "p95")) text += "p95 " + short_number(*p95) + " ms, ";
    return text + whole_number(number_in(found, "peak_memory_mb").value_or(0)) + " MB; opset " +
           std::to_string(facts.opset) + ", IR version " + std::to_string(facts.ir_version) + ", by " +
           text_in(found, "engine");
  }

  Result<void> compare(const Variant& first, const Variant& other) {
    if (dataset_ == nullptr) return {};
    const double seconds = seconds_for(first.name) + seconds_for(other.name);
    if (seconds > longest_comparison_s) {
      say("Variants " + first.name + " and " + other.name + " were not compared: they take " + whole_number(seconds) +
          " s for the data set together");
      return {};
    }
    std::vector<std::string> list = arguments(first);
    list.insert(list.end(), {"--compare-with", other.file.string()});
    auto report = run_runner(how_.runner, std::move(list));
    if (!report) {
      say("Variants " + first.name + " and " + other.name + " were not compared: " + report.error().message);
      return {};
    }
    const double agreement = number_in(*report, "agreement").value_or(0);
    for (json& found : findings_.variants)
      if (text_in(found, "name") == other.name) found["agreement"] = {{"with", first.name}, {"share", agreement}};
    say(other.name + " agrees with " + first.name + " on " + short_number(100 * agreement) + " % of the samples");
    return {};
  }

  // What the variant took for all samples when it was measured.
  double seconds_for(const std::string& name) const {
    for (const json& found : findings_.variants)
      if (text_in(found, "name") == name)
        return number_in(found, "samples").value_or(0) * number_in(member(found, "latency_ms"), "mean").value_or(0) /
               1000;
    return 0;
  }

  const json& document_;
  const json& validation_;
  const ReleaseFiles& files_;
  const ReleaseTrial& how_;
  const fs::path* dataset_ = nullptr;
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
  if (!is_good)
    doubts.push_back(metric + " is " + short_number(*value) + " here, and the threshold " + short_number(*threshold) +
                     ": devices will refuse it");
  const auto interval = interval_of(report);
  if (interval && is_good && interval->first < *threshold && *threshold < interval->second)
    doubts.push_back("the data set is too small to tell " + metric + " from the threshold " + short_number(*threshold) +
                     ": by its " + whole_number(number_in(report, "samples").value_or(0)) +
                     " samples the model's is from " + short_number(interval->first) + " to " +
                     short_number(interval->second));
  return doubts;
}

Result<ReleaseFindings> check_release(const json& document, const ReleaseFiles& files, const ReleaseTrial& trial) {
  return Trial(document, files, trial).run();
}

}  // namespace argosy::cli
