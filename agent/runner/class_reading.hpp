// Brings a model's answer and what is right to scores of classes and a label, place by place: a place is the sample, or
// a token or pixel of it. Knows one score for two classes, a class without scores, probabilities by name (ZipMap), and
// labels as integers, whole floats, texts or one-hot rows. One thread; the data set outlives it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/runner/answer.hpp"
#include "agent/runner/dataset.hpp"

namespace argosy::agent {

class ClassReading {
 public:
  struct Place {
    std::span<const double> scores;
    std::size_t label = 0;
    bool is_one_score = false;  // scores[1] is what the model said
    bool has_scores = true;     // false: the model named a class
  };
  using TakePlace = std::function<void(const Place&)>;

  // `raw`: one score stays as it is, for metrics that rank; else it becomes two that the threshold parts.
  static Result<ClassReading> make(const Dataset& data, const std::string& metric, bool needs_scores, bool raw);

  // Errc::incompatible when the shapes do not fit, or a label is none of the model's classes.
  Result<void> read(std::size_t sample, const Output& output, const TakePlace& take);
  bool needs_scores() const { return needs_scores_; }
  std::vector<std::string> notes() const;

 private:
  explicit ClassReading(const Dataset& data) : data_(&data), y_(&data.truths()->array) {}
  struct Form {
    std::size_t places = 1, classes = 1;
    std::size_t place_step = 0, class_step = 1;  // in the output's values
    bool is_one_hot = false, is_one_score = false, is_named = false;
  };
  Result<Form> form_of(const Output& output) const;
  bool is_one_hot() const;
  Result<void> take_classes(const Output& output);
  std::optional<std::size_t> label_at(std::size_t sample, std::size_t place, const Form& form, std::size_t classes);
  Result<void> read_named(std::size_t sample, const Output& output, const Form& form, const TakePlace& take);
  Result<void> read_scores(std::size_t sample, const Output& output, const Form& form, const TakePlace& take);
  Result<void> read_one_score(std::size_t sample, const Output& output, const Form& form, const TakePlace& take);
  std::size_t number_of(const std::string& name);  // of a class that a model or a label names
  bool counts_from_one(std::size_t classes) const;
  void saw(std::size_t label);

  const Dataset* data_;
  const NpyArray* y_;
  bool needs_scores_ = false, raw_ = false;
  mutable std::optional<bool> one_hot_;
  std::vector<std::int64_t> row_;               // y's shape without its first dimension and dimensions of one
  std::map<std::string, std::size_t> numbers_;  // of named classes
  bool names_are_complete_ = false;             // the model or the settings name all of them
  std::vector<double> scores_;
  std::optional<std::size_t> first_label_;
  std::size_t samples_ = 0, labels_ = 0;
  bool labels_differ_ = false;
};

}  // namespace argosy::agent
