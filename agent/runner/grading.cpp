#include "agent/runner/grading.hpp"

namespace argosy::agent {
namespace {

// Of metrics that are no mean over samples: how a value that some of them gave may differ from that of all.
std::string caution_about_some(const std::string& metric) {
  if (metric == "max_abs_difference") return metric + " is the largest of the samples that were tried";
  if (metric == "map" || metric == "map50" || metric == "map75")
    return metric + " of some of the samples is a rough figure where a class is rare";
  if (wire::metric_program(metric))
    return metric +
           " was judged by some of the samples: whether that is fair is for "
           "its program to say";
  return "";
}

}  // namespace

Result<Grading> Grading::make(const Dataset& data, const std::string& metric, int keep_worst,
                              const std::optional<std::filesystem::path>& program) {
  ARGOSY_TRY(GraderPtr grader, make_grader(data, metric, program));
  Grading grading(std::move(grader), metric, data.size(), static_cast<std::size_t>(keep_worst));
  grading.latencies_ms_.reserve(data.size());
  return grading;
}

Result<void> Grading::add(std::size_t sample, const Answer& answer, double latency_ms) {
  ARGOSY_TRY(const Mark mark, grader_->add(sample, answer));
  if (!mark.is_usable) ++unusable_;
  if (!mark.is_usable || rule_.against != wire::MetricRule::Against::nothing) worst_.add(sample, mark.margin);
  latencies_ms_.push_back(latency_ms);
  return {};
}

Result<Measured> Grading::finish(const Deadline& deadline) {
  ARGOSY_CHECK(grader_->finish(deadline));
  const CalibrationCounts* calibration = grader_->calibration();
  return Measured{.value = grader_->value(),
                  .interval = grader_->interval(),
                  .samples = answered(),
                  .samples_in_set = samples_in_set_,
                  .correct = grader_->correct(),
                  .unusable = unusable_,
                  .latency_ms = summarise(latencies_ms_),
                  .worst = worst_.indices(),
                  .calibration = calibration == nullptr ? std::nullopt : std::optional(*calibration),
                  .notes = notes()};
}

std::vector<std::string> Grading::notes() const {
  std::vector<std::string> said = grader_->notes();
  std::string caution = answered() < samples_in_set_ ? caution_about_some(metric_) : "";
  if (!caution.empty()) said.push_back(std::move(caution));
  return said;
}

}  // namespace argosy::agent
