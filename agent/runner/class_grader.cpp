// Metrics that hold scores of classes, or the class itself, against labels.
#include <algorithm>
#include <cmath>

#include "agent/runner/class_reading.hpp"
#include "agent/runner/grader.hpp"
#include "common/wire/metric_rule.hpp"

namespace argosy::agent {
namespace {

bool has_scores(const Output& output) {
  return output.names_classes() || (!output.values.empty() && output.type.find("float") != std::string::npos);
}
bool has_any(const Output& output) {
  return !output.values.empty() || !output.texts.empty();
}

class ClassGrader : public Grader {
 public:
  ClassGrader(const Dataset& data, ClassReading reading, std::unique_ptr<Metric> metric)
      : data_(&data), reading_(std::move(reading)), metric_(std::move(metric)) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    ARGOSY_TRY(const Output* output, output_of(answer));
    Mark mark{.margin = std::numeric_limits<double>::infinity()};
    std::size_t places = 0;
    ARGOSY_CHECK(reading_.read(sample, *output, [&](const ClassReading::Place& place) {
      ++places;
      mark.margin = std::min(mark.margin, metric_->add(place.scores, {place.label, {}, place.is_one_score}));
      // Minus infinity is a fair score of a class.
      const bool is_usable =
          std::none_of(place.scores.begin(), place.scores.end(), [](double s) { return std::isnan(s); });
      mark.is_usable = mark.is_usable && is_usable;
      if (is_usable && place.has_scores) calibrate(place);
    }));
    places_ += places;
    ++samples_;
    return mark;
  }
  std::optional<double> value() const override { return metric_->value(); }
  std::optional<std::uint64_t> correct() const override { return metric_->correct(); }
  // Tokens and pixels of one sample are alike, and scatter less than their number says.
  std::optional<Interval> interval() const override { return places_ == samples_ ? metric_->interval() : std::nullopt; }
  const CalibrationCounts* calibration() const override { return &calibration_; }
  std::vector<std::string> notes() const override { return reading_.notes(); }

 private:
  // A class that the model names is what it would say in the field; what ranks or has places needs its scores.
  Result<const Output*> output_of(const Answer& answer) const {
    const std::string& name = data_->settings().output;
    if (reading_.needs_scores()) return find_output(answer, name, has_scores, "scores of classes");
    return find_output(answer, name, has_any, "scores or a class");
  }
  void calibrate(const ClassReading::Place& place) {
    floats_.assign(place.scores.begin(), place.scores.end());
    const auto answered = std::max_element(place.scores.begin(), place.scores.end()) - place.scores.begin();
    calibration_.add(confidence_of(floats_), static_cast<std::size_t>(answered) == place.label);
  }

  const Dataset* data_;
  ClassReading reading_;
  std::unique_ptr<Metric> metric_;
  CalibrationCounts calibration_;
  std::vector<float> floats_;
  std::size_t samples_ = 0, places_ = 0;
};

}  // namespace

Result<GraderPtr> make_class_grader(const Dataset& data, const std::string& metric) {
  const auto rule = wire::metric_rule(metric);
  const bool ranks = rule->needs_scores && rule->places == 1;
  ARGOSY_TRY(ClassReading reading, ClassReading::make(data, metric, rule->needs_scores, ranks));
  ARGOSY_TRY(auto made, make_metric(metric));
  return GraderPtr(std::make_unique<ClassGrader>(data, std::move(reading), std::move(made)));
}

}  // namespace argosy::agent
