#include "agent/runner/validation.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <new>
#include <vector>

#include "agent/runner/comparison.hpp"
#include "agent/runner/dataset.hpp"
#include "agent/runner/grading.hpp"
#include "agent/runner/limits.hpp"
#include "agent/runner/program.hpp"
#include "agent/runner/reach.hpp"
#include "agent/runner/sampling.hpp"
#include "agent/runner/session.hpp"

namespace argosy::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Result<void> answer_all(Session& session, const Dataset& data, const SamplingBound& bound, int warmup,
                        const TakeAnswer& take) {
  ARGOSY_CHECK(session.prepare(session.source_of(data)));
  Sampling sampling(data.size(), bound);
  auto samples = sampling.next(session.batch());
  session.fill(samples);
  for (int i = 0; i < warmup && !bound.deadline.is_past(); ++i) ARGOSY_CHECK(session.run());
  for (; !samples.empty(); samples = sampling.next(session.batch())) {
    session.fill(samples);
    const auto start = Clock::now();
    ARGOSY_CHECK(session.run());
    const double latency_ms = ms_since(start);
    ARGOSY_TRY(const auto answers, session.answers());
    for (std::size_t i = 0; i < samples.size(); ++i) ARGOSY_CHECK(take(samples[i], answers[i], latency_ms));
  }
  return {};
}

Json ports_json(const std::vector<Port>& ports) {
  Json list = Json::array();
  for (const Port& port : ports) list.push_back({{"name", port.name}, {"type", port.type}, {"shape", port.shape}});
  return list;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json measured_json(const Measured& measured) {
  const LatencySummary& latency = measured.latency_ms;
  Json report{
      {"value", or_null(measured.value)},
      {"samples", measured.samples},
      {"samples_in_set", measured.samples_in_set},
      {"correct", or_null(measured.correct)},
      {"unusable", measured.unusable},
      {"latency_ms", {{"mean", latency.mean}, {"p50", latency.p50}, {"p95", latency.p95}, {"p99", latency.p99}}},
      {"worst", measured.worst},
      {"interval", measured.interval ? Json({measured.interval->lower, measured.interval->upper}) : Json()},
      {"notes", measured.notes}};
  if (measured.calibration)
    report["calibration"] = {{"answers", measured.calibration->answers}, {"right", measured.calibration->right}};
  return report;
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

// Has the samples of a data set answered; what was done to the samples comes back as sentences.
using AnswerAll = std::function<Result<std::vector<std::string>>(const Dataset& data, const TakeAnswer& take)>;

Result<Json> measure_on(const std::filesystem::path& path, const AnswerAll& answer_all, const RunnerOptions& options,
                        const Deadline& deadline) {
  ARGOSY_TRY(const Dataset data, Dataset::open(path));
  const std::vector<std::string> odd = data.notes(deadline);
  ARGOSY_TRY(Grading grading, Grading::make(data, options.metric, options.top_worst, options.metric_program));
  ARGOSY_TRY(const auto done, answer_all(data, [&](std::size_t sample, const Answer& answer, double latency_ms) {
               return grading.add(sample, answer, latency_ms);
             }));
  ARGOSY_TRY(Measured measured, grading.finish(deadline));
  for (const auto& more : {odd, done}) measured.notes.insert(measured.notes.end(), more.begin(), more.end());
  return {boost::system::in_place_value, measured_json(measured)};
}

Result<Json> measure_data_sets(const AnswerAll& answer_all, const RunnerOptions& options,
                               const Deadline& deadline = {}) {
  Json report = Json::object();
  if (options.dataset) {
    ARGOSY_TRY(report, measure_on(*options.dataset, answer_all, options, deadline));
  }
  report["local"] = nullptr;
  if (options.local_dataset) {
    ARGOSY_TRY(report["local"], measure_on(*options.local_dataset, answer_all, options, deadline));
  }
  report["ok"] = true;
  report["metric"] = options.metric;
  return {boost::system::in_place_value, std::move(report)};
}

Result<Json> measure_by_onnx_runtime(const RunnerOptions& options) {
  const auto start = Clock::now();
  const SamplingBound bound = sampling_bound(options, start);
  ARGOSY_TRY(Session session, Session::load(options.model, options.threads));
  const double load_ms = ms_since(start);
  const auto run = [&](const Dataset& data, const TakeAnswer& take) -> Result<std::vector<std::string>> {
    ARGOSY_CHECK(answer_all(session, data, bound, options.warmup, take));
    return session.notes();
  };
  ARGOSY_TRY(Json report, measure_data_sets(run, options, bound.deadline));
  report["load_ms"] = load_ms;
  report["peak_memory_mb"] = peak_memory_mb();
  report["engine"] = "ONNX Runtime " + Ort::GetVersionString();
  report["inputs"] = ports_json(session.inputs());
  report["outputs"] = ports_json(session.outputs());
  return {boost::system::in_place_value, std::move(report)};
}

Result<Json> measure_by_program(const RunnerOptions& options) {
  const ProgramJob job{*options.exec, options.model, options.format, options.threads, options.warmup};
  ProgramRun most;  // of its runs, one a data set
  const auto run = [&](const Dataset* data, const TakeAnswer& take) -> Result<void> {
    ARGOSY_TRY(const ProgramRun ended, run_program(job, data, take));
    most = {std::max(most.load_ms, ended.load_ms), std::max(most.peak_memory_mb, ended.peak_memory_mb)};
    return {};
  };
  if (!options.dataset && !options.local_dataset) ARGOSY_CHECK(run(nullptr, {}));
  const auto run_on = [&](const Dataset& data, const TakeAnswer& take) -> Result<std::vector<std::string>> {
    ARGOSY_CHECK(run(&data, take));
    return std::vector<std::string>();
  };
  ARGOSY_TRY(Json report, measure_data_sets(run_on, options));
  report["load_ms"] = most.load_ms;
  report["peak_memory_mb"] = most.peak_memory_mb;
  return {boost::system::in_place_value, std::move(report)};
}

Result<Json> measure_all(const RunnerOptions& options) {
  ARGOSY_CHECK(check_model_file(options.model));
  return options.exec ? measure_by_program(options) : measure_by_onnx_runtime(options);
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

namespace {

// Beside the system's own: the model and what its file refers to, data sets, and the program with what lies about it.
std::vector<std::filesystem::path> readable_paths(const RunnerOptions& options) {
  std::vector<std::filesystem::path> paths{std::filesystem::absolute(options.model).parent_path()};
  if (options.compare_with) paths.push_back(std::filesystem::absolute(*options.compare_with).parent_path());
  if (options.dataset) paths.push_back(*options.dataset);
  if (options.local_dataset) paths.push_back(*options.local_dataset);
  for (const auto& program : {options.exec, options.metric_program})
    if (program) paths.push_back(std::filesystem::absolute(*program).parent_path());
  return paths;
}

Json validate_in_a_box(const RunnerOptions& options) {
  const auto limited = limit_this_process(options.max_memory_mb, options.cpu_seconds);
  if (!limited) return failure_of(limited.error());
  const Confinement confinement = confine_this_process(readable_paths(options));
  const bool is_open = confinement.network == Network::open || confinement.box == Box::open;
  Json report = is_open && options.box_required
                    ? validation_failure("unavailable",
                                         "this system permits no box for a model that nobody has vouched for: a kernel "
                                         "with Landlock (5.13) and seccomp is needed, or, where the model may see and "
                                         "do all that the agent may, validation.open_box = true (--box any)")
                    : validate(options);
  report["network"] = to_string(confinement.network);
  report["box"] = to_string(confinement.box);
  return report;
}

// Line by line, for the agent.
int tell_engine() {
  std::printf("onnxruntime %s\n", Ort::GetVersionString().c_str());
  const auto reach = reach_of_engine();
  if (reach)
    std::printf("onnx %s\n", wire::json_of(*reach).dump().c_str());
  else
    std::fprintf(stderr, "argosy-runner: %s\n", reach.error().message.c_str());
  return reach ? 0 : 1;
}

}  // namespace

int run_argosy_runner(int argc, const char* const* argv) {
  const std::span<const char* const> arguments{argv + 1, static_cast<std::size_t>(argc - 1)};
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--help") {
    std::fputs(runner_usage, stdout);
    return 0;
  }
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--version") {
    std::printf("argosy-runner %s\nonnxruntime %s\n", ARGOSY_VERSION, Ort::GetVersionString().c_str());
    return 0;
  }
  if (arguments.size() == 1 && std::string_view(arguments[0]) == "--engine") return tell_engine();
  const auto options = parse_runner_options(arguments);
  if (!options) {
    std::fprintf(stderr, "argosy-runner: %s\n%s", options.error().message.c_str(), runner_usage);
    return 2;
  }
  Json report = validate_in_a_box(*options);
  const std::string text = report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return report["ok"].get<bool>() ? 0 : 1;
}

}  // namespace argosy::agent
