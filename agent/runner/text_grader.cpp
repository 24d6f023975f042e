// Sequences: word error rates of what a model reads or hears, and the perplexity of a language model.
#include <algorithm>
#include <cmath>
#include <string>

#include "agent/runner/edit_distance.hpp"
#include "agent/runner/grader.hpp"
#include "common/base/text.hpp"

namespace argosy::agent {
namespace {

// A mean and how it scatters, of a ratio whose parts come by samples.
class RatioSpread {
 public:
  void add(double above, double below) {
    above_ += above, below_ += below, ++count_;
    above_squared_ += above * above, below_squared_ += below * below, product_ += above * below;
  }
  double ratio() const { return below_ == 0 ? 0 : above_ / below_; }
  // Standard error by linearisation: W. G. Cochran, Sampling Techniques, 1977, section 6.3.
  std::optional<double> error() const {
    if (count_ < 2 || below_ == 0) return std::nullopt;
    const double squares = above_squared_ - 2 * ratio() * product_ + ratio() * ratio() * below_squared_;
    return std::sqrt(std::max(squares, 0.0) * count_ / (count_ - 1)) / below_;
  }

 private:
  double above_ = 0, below_ = 0, count_ = 0, above_squared_ = 0, below_squared_ = 0, product_ = 0;
};

std::int64_t ignored_of(const Dataset& data, std::int64_t otherwise) {
  return data.settings().ignore.value_or(otherwise);
}

bool is_text_or_tokens(const Output& output) {
  return !output.texts.empty() || !output.values.empty();
}
bool is_of_scores(const Output& output) {
  return output.values.size() > 1 && !output.is_whole();
}

class WordErrorGrader : public Grader {
 public:
  explicit WordErrorGrader(const Dataset& data) : data_(&data), y_(&data.truths()->array) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    ARGOSY_TRY(const Output* output,
               find_output(answer, data_->settings().output, is_text_or_tokens, "texts or tokens"));
    ARGOSY_TRY(const Words said, words_said(*output));
    const Words right = words_of_truth(sample);
    const auto errors = static_cast<double>(edit_distance(said, right));
    rate_.add(errors, static_cast<double>(right.size()));
    return Mark{-errors, is_finite(*output)};
  }
  std::optional<double> value() const override { return rate_.ratio(); }
  std::optional<Interval> interval() const override {
    const auto error = rate_.error();
    if (!error) return std::nullopt;
    return Interval{std::max(0.0, rate_.ratio() - two_sided_95 * *error), rate_.ratio() + two_sided_95 * *error};
  }

 private:
  using Words = std::vector<std::string>;

  Result<Words> words_said(const Output& output) const {
    if (!output.texts.empty()) {
      std::string all;
      for (const std::string& text : output.texts) all += (all.empty() ? "" : " ") + text;
      return words_in(all);
    }
    std::vector<std::int64_t> shape = output.shape;
    while (shape.size() > 1 && shape.front() == 1) shape.erase(shape.begin());
    if (shape.size() > 2 || (shape.size() == 2 && output.is_whole()))
      return make_error(Errc::incompatible,
                        "the model's output " + describe(output) + " is neither texts, tokens nor scores of tokens");
    std::vector<std::int64_t> tokens;
    if (shape.size() == 2) {
      const auto classes = static_cast<std::ptrdiff_t>(shape[1]);
      for (auto row = output.values.begin(); row != output.values.end(); row += classes)
        tokens.push_back(std::max_element(row, row + classes) - row);
    } else {
      for (const double value : output.values) tokens.push_back(static_cast<std::int64_t>(value));
    }
    return words_of_tokens(tokens);
  }

  Words words_of_truth(std::size_t sample) const {
    const std::size_t each = y_->values_per_row();
    std::string all;
    std::vector<std::int64_t> tokens;
    for (std::size_t i = sample * each; i < (sample + 1) * each; ++i) {
      if (is_text(y_->type))
        all += (all.empty() ? "" : " ") + y_->text_at(i);
      else if (y_->integer_at(i) != ignored_of(*data_, -1))
        tokens.push_back(y_->integer_at(i));
    }
    return is_text(y_->type) ? words_in(all) : spelled(tokens);
  }

  // Of CTC, first without repeats and blanks.
  Words words_of_tokens(const std::vector<std::int64_t>& tokens) const {
    const auto& blank = data_->settings().blank;
    std::vector<std::int64_t> kept;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool is_repeated = blank && i > 0 && tokens[i] == tokens[i - 1];
      if (!is_repeated && tokens[i] != ignored_of(*data_, -1) && !(blank && tokens[i] == *blank))
        kept.push_back(tokens[i]);
    }
    return spelled(kept);
  }

  // With a vocabulary tokens are parts of words, put together; without, each is a word.
  Words spelled(const std::vector<std::int64_t>& tokens) const {
    const auto& vocabulary = data_->settings().vocabulary;
    std::string all;
    Words words;
    for (const std::int64_t token : tokens) {
      if (vocabulary.empty())
        words.push_back(std::to_string(token));
      else if (token >= 0 && static_cast<std::size_t>(token) < vocabulary.size())
        all += vocabulary[static_cast<std::size_t>(token)];
    }
    return vocabulary.empty() ? words : words_in(all);
  }

  const Dataset* data_;
  const NpyArray* y_;
  RatioSpread rate_;
};

class PerplexityGrader : public Grader {
 public:
  explicit PerplexityGrader(const Dataset& data) : data_(&data), y_(&data.truths()->array) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    ARGOSY_TRY(const Output* output, find_output(answer, data_->settings().output, is_of_scores, "scores of tokens"));
    const std::size_t tokens = y_->values_per_row();
    const std::size_t vocabulary = tokens == 0 ? 0 : output->values.size() / tokens;
    if (vocabulary < 2 || output->values.size() != tokens * vocabulary || output->shape.empty() ||
        static_cast<std::size_t>(output->shape.back()) != vocabulary)
      return make_error(Errc::incompatible, "the model answers a sample with " + describe(*output) + ", and " +
                                                data_->describe_truths() + " needs scores of each of " +
                                                std::to_string(tokens) + " tokens");
    double loss = 0, counted = 0;
    for (std::size_t i = 0; i < tokens; ++i) {
      const std::int64_t token = y_->integer_at(sample * tokens + i);
      if (token == ignored_of(*data_, -100)) continue;
      if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
        return make_error(Errc::incompatible, "a token of sample " + std::to_string(sample) +
                                                  " is none of the model's " + std::to_string(vocabulary));
      loss -= log_probability({output->values.data() + i * vocabulary, vocabulary}, static_cast<std::size_t>(token));
      ++counted;
    }
    loss_.add(loss, counted);
    return Mark{-loss,
                std::none_of(output->values.begin(), output->values.end(), [](double v) { return std::isnan(v); })};
  }
  std::optional<double> value() const override { return std::exp(loss_.ratio()); }
  std::optional<Interval> interval() const override {
    const auto error = loss_.error();
    if (!error || !std::isfinite(*error)) return std::nullopt;
    return Interval{std::exp(loss_.ratio() - two_sided_95 * *error), std::exp(loss_.ratio() + two_sided_95 * *error)};
  }

 private:
  double log_probability(std::span<const double> scores, std::size_t token) const {
    const std::string& kind = data_->settings().scores;
    if (kind == "log_probabilities") return scores[token];
    if (kind == "probabilities") return std::log(scores[token]);
    const double highest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - highest);
    return scores[token] - highest - std::log(sum);
  }

  const Dataset* data_;
  const NpyArray* y_;
  RatioSpread loss_;
};

}  // namespace

Result<GraderPtr> make_word_error_grader(const Dataset& data) {
  if (data.truths() == nullptr || is_floating(data.truths()->array.type))
    return does_not_fit(data, "wer", "texts, or tokens as integers,");
  return GraderPtr(std::make_unique<WordErrorGrader>(data));
}

Result<GraderPtr> make_perplexity_grader(const Dataset& data) {
  if (data.truths() == nullptr || is_floating(data.truths()->array.type) || is_text(data.truths()->array.type))
    return does_not_fit(data, "perplexity", "the token that comes next at each place, as integers [N,T],");
  return GraderPtr(std::make_unique<PerplexityGrader>(data));
}

}  // namespace argosy::agent
