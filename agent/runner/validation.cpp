#include "agent/runner/validation.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <new>

#include "agent/runner/comparison.hpp"
#include "agent/runner/dataset.hpp"
#include "agent/runner/limits.hpp"
#include "agent/runner/metric.hpp"
#include "agent/runner/percentile.hpp"
#include "agent/runner/session.hpp"

namespace argosy::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Measured {
  double value = 0;
  std::size_t samples = 0;
  std::uint64_t correct = 0;
  std::vector<double> latencies_ms;
  std::vector<std::size_t> worst;
};

Result<Measured> measure(Session& session, const Dataset& data, const RunnerOptions& options) {
  ARGOSY_CHECK(session.prepare(data.sample_shape(), data.describe()));
  ARGOSY_TRY(auto metric, make_metric(options.metric));
  WorstSamples worst(static_cast<std::size_t>(options.top_worst));
  Measured measured{.value = 0, .samples = data.size(), .correct = 0, .latencies_ms = {}, .worst = {}};
  measured.latencies_ms.reserve(data.size());
  data.sample(0, session.input());
  for (int i = 0; i < options.warmup; ++i) ARGOSY_CHECK(session.run());
  for (std::size_t i = 0; i < data.size(); ++i) {
    data.sample(i, session.input());
    const auto start = Clock::now();
    ARGOSY_TRY(const auto scores, session.run());
    measured.latencies_ms.push_back(ms_since(start));
    const std::int64_t label = data.label(i);
    if (label < 0 || static_cast<std::size_t>(label) >= scores.size())
      return make_error(Errc::incompatible, "sample " + std::to_string(i) + " has label " + std::to_string(label) +
                                                ", and the model answers with " + std::to_string(scores.size()) +
                                                " scores");
    metric->add(scores, static_cast<std::size_t>(label));
    worst.add(i, margin(scores, static_cast<std::size_t>(label)));
  }
  measured.value = metric->value();
  measured.correct = metric->correct();
  measured.worst = worst.indices();
  return measured;
}

Json ports_json(const std::vector<Port>& ports) {
  Json list = Json::array();
  for (const Port& port : ports) list.push_back({{"name", port.name}, {"type", port.type}, {"shape", port.shape}});
  return list;
}

Json measured_json(const Measured& measured) {
  const LatencySummary latency = summarise(measured.latencies_ms);
  return {{"value", measured.value},
          {"samples", measured.samples},
          {"correct", measured.correct},
          {"latency_ms", {{"mean", latency.mean}, {"p50", latency.p50}, {"p95", latency.p95}, {"p99", latency.p99}}},
          {"worst", measured.worst}};
}

Result<void> check_model_file(const std::filesystem::path& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed) return make_error(Errc::not_found, path.string() + ": " + failed.message());
  if (size == 0) return make_error(Errc::malformed_model, path.string() + " is empty");
  return {};
}

Json failure_of(const Error& error) {
  // Whatever is wrong inside a data set has one name for those who react to it.
  return validation_failure(error.code == Errc::corrupt ? "malformed-dataset" : slug(error.code), error.message);
}

Result<Json> measure_on(const std::filesystem::path& file, Session& session, const RunnerOptions& options) {
  ARGOSY_TRY(const Dataset data, Dataset::open(file));
  ARGOSY_TRY(const Measured measured, measure(session, data, options));
  return {boost::system::in_place_value, measured_json(measured)};
}

Result<Json> measure_all(const RunnerOptions& options) {
  ARGOSY_CHECK(check_model_file(options.model));
  const auto start = Clock::now();
  ARGOSY_TRY(Session session, Session::load(options.model, options.threads));
  const double load_ms = ms_since(start);
  Json report = Json::object();
  if (options.dataset) {
    ARGOSY_TRY(report, measure_on(*options.dataset, session, options));
  }
  report["local"] = nullptr;
  if (options.local_dataset) {
    ARGOSY_TRY(report["local"], measure_on(*options.local_dataset, session, options));
  }
  report["ok"] = true;
  report["metric"] = options.metric;
  report["load_ms"] = load_ms;
  report["peak_memory_mb"] = peak_memory_mb();
  report["inputs"] = ports_json(session.inputs());
  report["outputs"] = ports_json(session.outputs());
  return {boost::system::in_place_value, std::move(report)};
}

Result<Json> compare_all(const RunnerOptions& options) {
  ARGOSY_CHECK(check_model_file(options.model));
  ARGOSY_CHECK(check_model_file(*options.compare_with));
  return compare_models(options);
}

}  // namespace

Json validation_failure(std::string_view type, std::string_view message) {
  return {{"ok", false}, {"error", {{"type", type}, {"message", message}}}};
}

Json validate(const RunnerOptions& options) noexcept {
  try {
    auto report = options.compare_with ? compare_all(options) : measure_all(options);
    return report ? *report : failure_of(report.error());
  } catch (const std::bad_alloc&) {
    return validation_failure("out-of-memory", "the model needs more than " + std::to_string(options.max_memory_mb) +
                                                   " MB: raise max_memory_mb or make the model smaller");
  } catch (const std::exception& exception) {
    return validation_failure("internal", exception.what());
  }
}

int run_argosy_runner(int argc, const char* const* argv) {
  const std::span<const char* const> arguments{argv + 1, static_cast<std::size_t>(argc - 1)};
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--help") {
    std::fputs(runner_usage, stdout);
    return 0;
  }
  const auto options = parse_runner_options(arguments);
  if (!options) {
    std::fprintf(stderr, "argosy-runner: %s\n%s", options.error().message.c_str(), runner_usage);
    return 2;
  }
  const auto limited = limit_this_process(options->max_memory_mb, options->cpu_seconds);
  const Json report = limited ? validate(*options) : failure_of(limited.error());
  const std::string text = report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return report["ok"].get<bool>() ? 0 : 1;
}

}  // namespace argosy::agent
