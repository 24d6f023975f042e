// Embeddings: whether what is nearest to a sample is of its kind.
#include <algorithm>
#include <cmath>

#include "agent/runner/grader.hpp"
#include "common/stats/accuracy.hpp"

namespace argosy::agent {
namespace {

constexpr std::size_t most_samples = 20'000;  // each is compared with each other
constexpr std::size_t most_values = 64 << 20;
constexpr std::size_t fewest_asked = 50;  // whatever the deadline

bool is_embedding(const Output& output) {
  return output.values.size() > 1;
}

// The share of samples that have one of their own kind among the K nearest others. Neighbours are looked for among all:
// where some samples were not tried, it has no value. When time is up those that were asked about speak for all, as
// they come in the order in which they were drawn.
class RecallGrader : public Grader {
 public:
  RecallGrader(const Dataset& data, std::size_t places)
      : data_(&data), y_(&data.truths()->array), places_(places), is_euclidean_(data.settings().is_euclidean) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    ARGOSY_TRY(const Output* output, find_output(answer, data_->settings().output, is_embedding, "an embedding"));
    if (width_ == 0) width_ = output->values.size();
    if (output->values.size() != width_ || embeddings_.size() + width_ > most_values)
      return make_error(Errc::incompatible, "the model's output " + describe(*output) +
                                                " is no embedding of always the same length, or too long");
    double length = 0;
    for (const double value : output->values) length += value * value;
    const double divisor = is_euclidean_ || length == 0 ? 1 : std::sqrt(length);
    for (const double value : output->values) embeddings_.push_back(value / divisor);
    samples_.push_back(sample);
    return Mark{0, is_finite(*output)};
  }

  Result<void> finish(const Deadline& deadline) override {
    found_ = asked_ = 0;
    if (samples_.size() < data_->size()) return {};
    for (; asked_ < samples_.size() && (asked_ < fewest_asked || !deadline.is_past()); ++asked_)
      found_ += has_own_kind_near(asked_);
    return {};
  }
  std::optional<double> value() const override {
    if (asked_ == 0) return std::nullopt;
    return static_cast<double>(found_) / static_cast<double>(asked_);
  }
  std::optional<std::uint64_t> correct() const override {
    return asked_ == 0 ? std::nullopt : std::optional<std::uint64_t>(found_);
  }
  std::optional<Interval> interval() const override {
    if (asked_ == 0) return std::nullopt;
    const ShareBounds bounds = wilson_bounds(found_, asked_, two_sided_95);
    return Interval{bounds.lower, bounds.upper};
  }
  std::vector<std::string> notes() const override {
    const std::string metric = "recall_at_" + std::to_string(places_), all = std::to_string(data_->size());
    if (samples_.size() < data_->size())
      return {metric + " was not measured: neighbours are looked for among all samples, and " +
              std::to_string(samples_.size()) + " of " + all + " were tried"};
    if (asked_ < samples_.size())
      return {metric + " is of " + std::to_string(asked_) + " samples, with neighbours among all " + all};
    return {};
  }

 private:
  // By their places in the order in which they were tried.
  double distance(std::size_t a, std::size_t b) const {
    const double *from = &embeddings_[a * width_], *to = &embeddings_[b * width_];
    double sum = 0;
    for (std::size_t i = 0; i < width_; ++i)
      sum += is_euclidean_ ? (from[i] - to[i]) * (from[i] - to[i]) : -from[i] * to[i];
    return sum;
  }
  bool has_own_kind_near(std::size_t asked) {
    near_.clear();
    for (std::size_t other = 0; other < samples_.size(); ++other)
      if (other != asked) near_.push_back({distance(asked, other), other});
    const std::size_t looked_at = std::min(places_, near_.size());
    std::partial_sort(near_.begin(), near_.begin() + static_cast<std::ptrdiff_t>(looked_at), near_.end());
    const std::string kind = y_->text_at(samples_[asked]);
    return std::any_of(near_.begin(), near_.begin() + static_cast<std::ptrdiff_t>(looked_at),
                       [&](const auto& each) { return y_->text_at(samples_[each.second]) == kind; });
  }

  const Dataset* data_;
  const NpyArray* y_;
  std::size_t places_, width_ = 0, found_ = 0, asked_ = 0;
  bool is_euclidean_;
  std::vector<std::size_t> samples_;  // in the order in which they were tried, as the embeddings
  std::vector<double> embeddings_;
  std::vector<std::pair<double, std::size_t>> near_;
};

}  // namespace

Result<GraderPtr> make_recall_grader(const Dataset& data, std::size_t places) {
  const std::string metric = "recall_at_" + std::to_string(places);
  if (data.truths() == nullptr || data.truths()->array.count() != data.size())
    return does_not_fit(data, metric, "one label a sample");
  if (data.size() > most_samples)
    return make_error(Errc::corrupt, "metric " + metric + " compares each sample with each other: at most " +
                                         std::to_string(most_samples) + " samples, and the data set has " +
                                         std::to_string(data.size()));
  return GraderPtr(std::make_unique<RecallGrader>(data, places));
}

}  // namespace argosy::agent
