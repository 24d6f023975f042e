#include "agent/runner/comparison.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "agent/runner/agreement.hpp"
#include "agent/runner/dataset.hpp"
#include "agent/runner/grading.hpp"
#include "agent/runner/session.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t free_dimension = 64;  // what a dimension of any size becomes in generated samples
constexpr float furthest_normal = 3;         // generated values are clipped there

// Where samples come from: fills the input of one.
struct Samples {
  std::size_t count = 0;
  std::vector<std::int64_t> shape;  // of one
  std::string description;
  std::function<void(std::size_t, std::span<float>)> fill;
};

Result<std::vector<std::int64_t>> shape_of(const Session& session) {
  if (session.inputs().empty() || session.inputs()[0].shape.empty())
    return make_error(Errc::incompatible, "the model has no input with a batch dimension: samples cannot be generated");
  std::vector<std::int64_t> shape(session.inputs()[0].shape.begin() + 1, session.inputs()[0].shape.end());
  std::replace_if(
      shape.begin(), shape.end(), [](std::int64_t size) { return size < 0; }, free_dimension);
  return shape;
}

// Normal values that resemble their neighbours over one, two, four and more places, as those of images and sounds do;
// the last two dimensions are places. `values` are zeros.
void add_normal_field(Rng& rng, std::span<const std::int64_t> shape, std::span<float> values) {
  const auto size = [&](std::size_t from_end) {
    return shape.size() < from_end ? std::size_t{1} : static_cast<std::size_t>(shape[shape.size() - from_end]);
  };
  const std::size_t columns = size(1), rows = size(2), places = rows * columns;
  const int scales = static_cast<int>(std::bit_width(std::max(rows, columns) - 1)) + 1;
  for (std::size_t field = 0; field + places <= values.size(); field += places)
    for (int scale = 0; scale < scales; ++scale) {
      const std::size_t across = ((columns - 1) >> scale) + 1, down = ((rows - 1) >> scale) + 1;
      std::vector<float> coarse(across * down);
      for (float& value : coarse) value = static_cast<float>(rng.normal() / std::sqrt(scales));
      for (std::size_t i = 0; i < places; ++i)
        values[field + i] += coarse[(i / columns >> scale) * across + (i % columns >> scale)];
    }
}

// For models that take whole numbers, around the middle of their range.
Result<Samples> generated(const Session& session, const RunnerOptions& options) {
  Samples samples;
  ARGOSY_TRY(samples.shape, shape_of(session));
  samples.count = static_cast<std::size_t>(options.generate);
  samples.description = "generated samples";
  const std::string& type = session.inputs()[0].type;
  const float middle = type == "uint8" ? 128 : 0, spread = type == "uint8" || type == "int8" ? 40 : 1;
  samples.fill = [rng = Rng(static_cast<std::uint64_t>(options.seed)), middle, spread, shape = samples.shape](
                     std::size_t, std::span<float> out) mutable {
    std::ranges::fill(out, 0.0F);
    add_normal_field(rng, shape, out);
    for (float& value : out) value = middle + spread * std::clamp(value, -furthest_normal, furthest_normal);
  };
  return samples;
}

Samples taken_from(const Dataset& data) {
  return {data.size(),
          {data.sample_shape().begin(), data.sample_shape().end()},
          data.describe(),
          [&data](std::size_t index, std::span<float> out) { data.sample(index, out); }};
}

// The metric of both models, where it is known what is right.
class Graded {
 public:
  static Result<Graded> make(const Dataset& data, const std::string& metric) {
    ARGOSY_TRY(Truths truths, Truths::make(data, metric));
    Graded graded(std::move(truths));
    ARGOSY_TRY(graded.exact_, make_metric(metric));
    ARGOSY_TRY(graded.other_, make_metric(metric));
    return graded;
  }
  Result<void> add(std::size_t sample, std::span<const float> exact, std::span<const float> other) {
    ARGOSY_TRY(const Truth truth, truths_.of(sample, exact.size()));
    exact_->add(exact, truth);
    other_->add(other, truth);
    return {};
  }
  Json report(const std::string& metric) const {
    if (!exact_->value()) return nullptr;
    return {{"name", metric}, {"value", *exact_->value()}, {"other", *other_->value()}};
  }

 private:
  explicit Graded(Truths truths) : truths_(std::move(truths)) {}
  Truths truths_;
  std::unique_ptr<Metric> exact_, other_;
};

Result<void> compare_each(
    Session& exact, Session& other, const Samples& samples, Agreement& agreement,
    const std::function<Result<void>(std::size_t, std::span<const float>, std::span<const float>)>& grade) {
  ARGOSY_CHECK(exact.prepare(samples.shape, samples.description));
  ARGOSY_CHECK(other.prepare(samples.shape, samples.description));
  for (std::size_t i = 0; i < samples.count; ++i) {
    samples.fill(i, exact.input());
    std::ranges::copy(exact.input(), other.input().begin());
    ARGOSY_TRY(const auto scores, exact.run());
    ARGOSY_TRY(const auto others, other.run());
    if (scores.size() != others.size() || scores.empty())
      return make_error(Errc::incompatible, "the models answer with " + std::to_string(scores.size()) + " and " +
                                                std::to_string(others.size()) + " scores");
    agreement.add(scores, others);
    ARGOSY_CHECK(grade(i, scores, others));
  }
  return {};
}

Json report_of(const Agreement& agreement, const Samples& samples) {
  const double difference = agreement.max_difference();
  return {{"ok", true},
          {"samples", agreement.samples()},
          {"agreement", agreement.share()},
          {"max_difference", std::isfinite(difference) ? Json(difference) : Json()},
          {"largest_score", agreement.largest_score()},
          {"predictions", agreement.distinct_predictions()},
          {"metric", nullptr},
          {"seed", nullptr},
          {"sample_shape", samples.shape}};
}

}  // namespace

Result<Json> compare_models(const RunnerOptions& options) {
  ARGOSY_TRY(Session exact, Session::load(options.model, options.threads));
  ARGOSY_TRY(Session other, Session::load(*options.compare_with, options.threads));
  Agreement agreement;
  if (!options.dataset) {
    ARGOSY_TRY(const Samples samples, generated(exact, options));
    ARGOSY_CHECK(compare_each(exact, other, samples, agreement, [](auto, auto, auto) { return Result<void>(); }));
    Json report = report_of(agreement, samples);
    report["seed"] = options.seed;
    return {boost::system::in_place_value, std::move(report)};
  }
  ARGOSY_TRY(const Dataset data, Dataset::open(*options.dataset));
  ARGOSY_TRY(Graded graded, Graded::make(data, options.metric));
  const Samples samples = taken_from(data);
  ARGOSY_CHECK(compare_each(exact, other, samples, agreement,
                            [&](std::size_t i, auto scores, auto others) { return graded.add(i, scores, others); }));
  Json report = report_of(agreement, samples);
  report["metric"] = graded.report(options.metric);
  return {boost::system::in_place_value, std::move(report)};
}

}  // namespace argosy::agent
