#include "agent/runner/comparison.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "agent/runner/agreement.hpp"
#include "agent/runner/dataset.hpp"
#include "agent/runner/grader.hpp"
#include "agent/runner/session.hpp"
#include "common/base/random.hpp"

namespace argosy::agent {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t free_dimension = 64;  // what a dimension of any size becomes in generated samples
constexpr float furthest_normal = 3;         // generated values are clipped there

// Where samples come from: an array of one row that is filled anew for each.
struct Samples {
  std::size_t count = 0;
  std::vector<std::int64_t> shape;  // of one
  NpzEntry array;
  std::shared_ptr<std::vector<std::uint8_t>> bytes;
  std::function<void(std::span<float>)> fill;
};

Result<std::vector<std::int64_t>> shape_of(const Session& session) {
  if (session.inputs().size() != 1)
    return make_error(Errc::incompatible, "the model has " + std::to_string(session.inputs().size()) +
                                              " inputs, and samples are generated for one: name a data set");
  if (session.inputs()[0].shape.empty())
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
  const std::string& type = session.inputs()[0].type;
  const float middle = type == "uint8" ? 128 : 0, spread = type == "uint8" || type == "int8" ? 40 : 1;
  samples.fill = [rng = Rng(static_cast<std::uint64_t>(options.seed)), middle, spread,
                  shape = samples.shape](std::span<float> out) mutable {
    std::ranges::fill(out, 0.0F);
    add_normal_field(rng, shape, out);
    for (float& value : out) value = middle + spread * std::clamp(value, -furthest_normal, furthest_normal);
  };
  std::size_t values = 1;
  for (const std::int64_t size : samples.shape) values *= static_cast<std::size_t>(size);
  samples.bytes = std::make_shared<std::vector<std::uint8_t>>(values * sizeof(float));
  samples.array = {"generated samples", {.type = NpyType::float32, .shape = samples.shape, .data = *samples.bytes}};
  samples.array.array.shape.insert(samples.array.array.shape.begin(), 1);
  return samples;
}

// The first of a model's answers that can be compared: numbers, or a class by its name.
const Output* comparable(const Answer& answer) {
  for (const Output& output : answer)
    if (!output.values.empty()) return &output;
  return nullptr;
}

using TakeBoth = std::function<Result<void>(std::size_t, const Answer&, const Answer&)>;

Result<void> add_to(Agreement& agreement, const Answer& exact, const Answer& other) {
  const Output *one = comparable(exact), *two = comparable(other);
  if (one == nullptr || two == nullptr)
    return make_error(Errc::incompatible, "the models answer with no numbers, which alone are compared");
  if (one->values.size() != two->values.size())
    return make_error(Errc::incompatible, "the models answer with " + std::to_string(one->values.size()) + " and " +
                                              std::to_string(two->values.size()) + " scores");
  agreement.add(one->values, two->values);
  return {};
}

Result<void> compare_generated(Session& exact, Session& other, Samples& samples, Agreement& agreement) {
  const SampleSource source{[&](const Port&) { return &samples.array; }, "generated samples", 1};
  ARGOSY_CHECK(exact.prepare(source));
  ARGOSY_CHECK(other.prepare(source));
  std::vector<float> values(samples.bytes->size() / sizeof(float));
  constexpr std::size_t the_row[] = {0};
  for (std::size_t i = 0; i < samples.count; ++i) {
    samples.fill(values);
    std::memcpy(samples.bytes->data(), values.data(), samples.bytes->size());
    for (Session* session : {&exact, &other}) {
      session->fill(the_row);
      ARGOSY_CHECK(session->run());
    }
    ARGOSY_TRY(const auto one, exact.answers());
    ARGOSY_TRY(const auto two, other.answers());
    ARGOSY_CHECK(add_to(agreement, one[0], two[0]));
  }
  return {};
}

// As many at once as the model takes.
Result<std::vector<Answer>> answers_to(std::span<const std::size_t> samples, Session& session) {
  std::vector<Answer> all;
  while (!samples.empty()) {
    const auto batch = samples.first(std::min(samples.size(), session.batch()));
    session.fill(batch);
    ARGOSY_CHECK(session.run());
    ARGOSY_TRY(const auto answers, session.answers());
    all.insert(all.end(), answers.begin(), answers.end());
    samples = samples.subspan(batch.size());
  }
  return all;
}

Result<void> compare_on(const Dataset& data, const SamplingBound& bound, Session& exact, Session& other,
                        const TakeBoth& take) {
  ARGOSY_CHECK(exact.prepare(exact.source_of(data)));
  ARGOSY_CHECK(other.prepare(other.source_of(data)));
  Sampling sampling(data.size(), bound);
  const std::size_t at_once = std::max(exact.batch(), other.batch());
  for (auto samples = sampling.next(at_once); !samples.empty(); samples = sampling.next(at_once)) {
    ARGOSY_TRY(const auto ones, answers_to(samples, exact));
    ARGOSY_TRY(const auto twos, answers_to(samples, other));
    for (std::size_t i = 0; i < samples.size(); ++i) ARGOSY_CHECK(take(samples[i], ones[i], twos[i]));
  }
  return {};
}

Json report_of(const Agreement& agreement, const std::vector<std::int64_t>& sample_shape) {
  const double difference = agreement.max_difference();
  return {{"ok", true},
          {"samples", agreement.samples()},
          {"agreement", agreement.share()},
          {"max_difference", std::isfinite(difference) ? Json(difference) : Json()},
          {"largest_score", agreement.largest_score()},
          {"predictions", agreement.distinct_predictions()},
          {"metric", nullptr},
          {"seed", nullptr},
          {"sample_shape", sample_shape}};
}

}  // namespace

Result<Json> compare_models(const RunnerOptions& options) {
  const SamplingBound bound = sampling_bound(options, Deadline::Clock::now());
  ARGOSY_TRY(Session exact, Session::load(options.model, options.threads));
  ARGOSY_TRY(Session other, Session::load(*options.compare_with, options.threads));
  Agreement agreement;
  if (!options.dataset) {
    ARGOSY_TRY(Samples samples, generated(exact, options));
    ARGOSY_CHECK(compare_generated(exact, other, samples, agreement));
    Json report = report_of(agreement, samples.shape);
    report["seed"] = options.seed;
    return {boost::system::in_place_value, std::move(report)};
  }
  ARGOSY_TRY(const Dataset data, Dataset::open(*options.dataset));
  ARGOSY_TRY(const GraderPtr of_exact, make_grader(data, options.metric, options.metric_program));
  ARGOSY_TRY(const GraderPtr of_other, make_grader(data, options.metric, options.metric_program));
  const TakeBoth take = [&](std::size_t i, const Answer& one, const Answer& two) -> Result<void> {
    ARGOSY_CHECK(add_to(agreement, one, two));
    ARGOSY_CHECK(of_exact->add(i, one));
    ARGOSY_CHECK(of_other->add(i, two));
    return {};
  };
  ARGOSY_CHECK(compare_on(data, bound, exact, other, take));
  ARGOSY_CHECK(of_exact->finish(bound.deadline));
  ARGOSY_CHECK(of_other->finish(bound.deadline));
  std::vector<std::int64_t> sample_shape;
  if (const NpzEntry* x = data.samples()) sample_shape.assign(x->array.shape.begin() + 1, x->array.shape.end());
  Json report = report_of(agreement, sample_shape);
  if (of_exact->value())
    report["metric"] = {
        {"name", options.metric}, {"value", *of_exact->value()}, {"other", of_other->value().value_or(0)}};
  return {boost::system::in_place_value, std::move(report)};
}

}  // namespace argosy::agent
