#include "agent/runner/grading.hpp"

namespace argosy::agent {

Result<Grading> Grading::make(const Dataset& data, const std::string& metric, int keep_worst,
                              const std::optional<std::filesystem::path>& program) {
  ARGOSY_TRY(GraderPtr grader, make_grader(data, metric, program));
  Grading grading(std::move(grader), *wire::metric_rule(metric), static_cast<std::size_t>(keep_worst));
  grading.latencies_ms_.reserve(data.size());
  return grading;
}

Result<void> Grading::add(const Answer& answer, double latency_ms) {
  const std::size_t index = answered();
  ARGOSY_TRY(const Mark mark, grader_->add(index, answer));
  if (!mark.is_usable) ++unusable_;
  if (!mark.is_usable || rule_.against != wire::MetricRule::Against::nothing) worst_.add(index, mark.margin);
  latencies_ms_.push_back(latency_ms);
  return {};
}

Result<Measured> Grading::finish() {
  ARGOSY_CHECK(grader_->finish());
  const CalibrationCounts* calibration = grader_->calibration();
  return Measured{.value = grader_->value(),
                  .interval = grader_->interval(),
                  .samples = answered(),
                  .correct = grader_->correct(),
                  .unusable = unusable_,
                  .latency_ms = summarise(latencies_ms_),
                  .worst = worst_.indices(),
                  .calibration = calibration == nullptr ? std::nullopt : std::optional(*calibration),
                  .notes = grader_->notes()};
}

}  // namespace argosy::agent
