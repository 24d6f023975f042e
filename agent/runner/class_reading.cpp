#include "agent/runner/class_reading.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "agent/runner/grader.hpp"
#include "common/base/text.hpp"

namespace argosy::agent {
namespace {

using Shape = std::vector<std::int64_t>;

Shape without_ones(std::span<const std::int64_t> shape) {
  Shape left;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(left), [](std::int64_t size) { return size != 1; });
  return left;
}

std::size_t volume(std::span<const std::int64_t> shape) {
  return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

Error wrong_shape(std::string message) {
  return make_error(Errc::incompatible, std::move(message));
}

bool all_rows_are_alike(const NpyArray& array) {
  const std::size_t row = array.values_per_row() * array.width;
  for (std::size_t at = row; row > 0 && at + row <= array.data.size(); at += row)
    if (std::memcmp(array.data.data(), array.data.data() + at, row) != 0) return false;
  return true;
}

std::string name_of_sample(std::size_t sample) {
  return "sample " + std::to_string(sample);
}

}  // namespace

Result<ClassReading> ClassReading::make(const Dataset& data, const std::string& metric, bool needs_scores, bool raw) {
  if (data.truths() == nullptr) return does_not_fit(data, metric, "labels");
  ClassReading reading(data);
  reading.needs_scores_ = needs_scores;
  reading.raw_ = raw;
  const NpyArray& y = *reading.y_;
  reading.row_ = without_ones(std::span(y.shape).subspan(1));
  if (is_floating(y.type)) {
    for (std::size_t i = 0; i < y.count(); ++i) {
      if (y.at(i) == std::nearbyint(y.at(i))) continue;
      return does_not_fit(data, metric, "labels, which are whole numbers or texts,");
    }
  }
  for (const std::string& name : data.settings().classes) reading.numbers_.emplace(name, reading.numbers_.size());
  reading.names_are_complete_ = !data.settings().classes.empty();
  return reading;
}

// Whether every row of y's last dimension holds one 1 and else 0.
bool ClassReading::is_one_hot() const {
  if (one_hot_) return *one_hot_;
  one_hot_ = false;
  if (is_text(y_->type) || row_.empty() || row_.back() < 2) return false;
  const auto classes = static_cast<std::size_t>(row_.back());
  for (std::size_t start = 0; start + classes <= y_->count(); start += classes) {
    std::size_t ones = 0, others = 0;
    for (std::size_t i = start; i < start + classes; ++i) {
      const double value = y_->at(i);
      if (value == 1)
        ++ones;
      else if (value != 0)
        ++others;
    }
    if (ones != 1 || others != 0) return false;
  }
  one_hot_ = true;
  return true;
}

Result<ClassReading::Form> ClassReading::form_of(const Output& output) const {
  const Shape shape = without_ones(output.shape);
  const bool has_no_scores = !output.texts.empty() || output.is_whole();
  Form form;
  form.places = volume(row_);
  if (shape == row_ && has_no_scores) {
    form.is_named = true;
    form.place_step = 1;
    return form;
  }
  if (shape == row_ && is_one_hot()) {
    form.is_one_hot = true;
    form.classes = static_cast<std::size_t>(row_.back());
    form.places /= form.classes;
    form.place_step = form.classes;
    return form;
  }
  if (shape == row_ && !output.names_classes()) {
    form.is_one_score = true;
    form.place_step = 1;
    return form;
  }
  if (output.names_classes() && row_.empty()) {
    form.classes = output.values.size();
    return form;
  }
  const bool fits = shape.size() == row_.size() + 1 && output.texts.empty();
  const bool last = fits && std::equal(row_.begin(), row_.end(), shape.begin());
  const bool first = fits && std::equal(row_.begin(), row_.end(), shape.begin() + 1);
  const bool prefers_first = data_->settings().class_axis.value_or(row_.size() > 1 ? 0 : -1) == 0;
  if (last && !(first && prefers_first)) {
    form.classes = static_cast<std::size_t>(shape.back());
    form.place_step = form.classes;
    return form;
  }
  if (first) {
    form.classes = static_cast<std::size_t>(shape.front());
    form.place_step = 1;
    form.class_step = form.places;
    return form;
  }
  std::string message =
      "the model answers a sample with " + describe(output) + ", and " + data_->describe_truths() + " has ";
  message += row_.empty() ? "one label a sample" : "labels " + describe_shape(row_) + " a sample";
  if (shape.size() == 2 && row_.empty())
    message += ": for a label of each of " + std::to_string(shape[0]) + " tokens it must be [" +
               std::to_string(data_->size()) + "," + std::to_string(shape[0]) + "]";
  return wrong_shape(message);
}

Result<void> ClassReading::take_classes(const Output& output) {
  if (!output.names_classes()) return {};
  if (names_are_complete_ && numbers_.size() != output.classes.size())
    return wrong_shape("the model's output '" + output.name + "' names " + std::to_string(output.classes.size()) +
                       " classes, and the data set's argosy.json " + std::to_string(numbers_.size()));
  if (!names_are_complete_)
    for (const std::string& name : output.classes) numbers_.emplace(name, numbers_.size());
  names_are_complete_ = true;
  return {};
}

std::size_t ClassReading::number_of(const std::string& name) {
  return numbers_.emplace(name, numbers_.size()).first->second;
}

// Whether the labels are 1 to the number of classes, as some tools write them.
bool ClassReading::counts_from_one(std::size_t classes) const {
  if (is_text(y_->type)) return false;
  std::int64_t least = y_->integer_at(0), most = least;
  for (std::size_t i = 1; i < y_->count(); ++i) {
    least = std::min(least, y_->integer_at(i));
    most = std::max(most, y_->integer_at(i));
  }
  return least == 1 && most == static_cast<std::int64_t>(classes);
}

void ClassReading::saw(std::size_t label) {
  ++labels_;
  if (!first_label_) first_label_ = label;
  labels_differ_ |= label != *first_label_;
}

// Nothing for a label that is none of the classes.
std::optional<std::size_t> ClassReading::label_at(std::size_t sample, std::size_t place, const Form& form,
                                                  std::size_t classes) {
  const std::size_t row = volume(row_);
  if (form.is_one_hot) {
    const std::size_t start = sample * row + place * form.classes;
    for (std::size_t i = 0; i < form.classes; ++i)
      if (y_->at(start + i) == 1) return i;
    return std::nullopt;
  }
  const std::size_t index = sample * row + place;
  const bool by_name = is_text(y_->type) || (names_are_complete_ && data_->settings().classes.empty());
  if (by_name) {
    const auto found = numbers_.find(y_->text_at(index));
    return found == numbers_.end() || found->second >= classes ? std::nullopt : std::optional(found->second);
  }
  const std::int64_t label = y_->integer_at(index);
  return label >= 0 && static_cast<std::size_t>(label) < classes ? std::optional(static_cast<std::size_t>(label))
                                                                 : std::nullopt;
}

Result<void> ClassReading::read(std::size_t sample, const Output& output, const TakePlace& take) {
  ++samples_;
  ARGOSY_CHECK(take_classes(output));
  ARGOSY_TRY(const Form form, form_of(output));
  if (form.is_named) return read_named(sample, output, form, take);
  if (is_text(y_->type) && !form.is_one_hot && !names_are_complete_)
    return make_error(Errc::corrupt, data_->describe_truths() + " holds texts, and the model's output " +
                                         describe(output) +
                                         " has scores without names: put {\"classes\": [...]}, the names in the order "
                                         "of the scores, into the data set's argosy.json, or save labels as integers");
  return form.is_one_score ? read_one_score(sample, output, form, take) : read_scores(sample, output, form, take);
}

Result<void> ClassReading::read_named(std::size_t sample, const Output& output, const Form& form,
                                      const TakePlace& take) {
  const auto& ignore = data_->settings().ignore;
  const std::size_t row = volume(row_);
  for (std::size_t place = 0; place < form.places; ++place) {
    const std::size_t index = sample * row + place;
    if (ignore && !is_text(y_->type) && y_->integer_at(index) == *ignore) continue;
    // Text and number mean the same class where a class has no other name.
    std::string said =
        output.texts.empty() ? std::to_string(static_cast<std::int64_t>(output.values[place])) : output.texts[place];
    if (is_text(y_->type) && output.texts.empty() && names_are_complete_) {
      const auto position = static_cast<std::size_t>(output.values[place]);
      if (position < data_->settings().classes.size()) said = data_->settings().classes[position];
    }
    const std::size_t answered = number_of(said), label = number_of(y_->text_at(index));
    scores_.assign(numbers_.size(), 0);
    scores_[answered] = 1;
    saw(label);
    take({scores_, label, false, false});
  }
  return {};
}

Result<void> ClassReading::read_scores(std::size_t sample, const Output& output, const Form& form,
                                       const TakePlace& take) {
  const auto& ignore = data_->settings().ignore;
  const std::size_t row = volume(row_);
  scores_.resize(form.classes);
  for (std::size_t place = 0; place < form.places; ++place) {
    if (ignore && !form.is_one_hot && !is_text(y_->type) && y_->integer_at(sample * row + place) == *ignore) continue;
    for (std::size_t i = 0; i < form.classes; ++i) {
      const std::size_t to = output.names_classes() ? numbers_.at(output.classes[i]) : i;
      scores_[to] = output.values[place * form.place_step + i * form.class_step];
    }
    const auto label = label_at(sample, place, form, form.classes);
    if (!label)
      return wrong_shape("the label of " + name_of_sample(sample) + " is none of the model's " +
                         std::to_string(form.classes) + " classes" +
                         (counts_from_one(form.classes) ? ": labels count from 0, and these from 1" : ""));
    saw(*label);
    take({scores_, *label, false, true});
  }
  return {};
}

Result<void> ClassReading::read_one_score(std::size_t sample, const Output& output, const Form& form,
                                          const TakePlace& take) {
  const auto& settings = data_->settings();
  const std::size_t row = volume(row_);
  for (std::size_t place = 0; place < form.places; ++place) {
    if (settings.ignore && !is_text(y_->type) && y_->integer_at(sample * row + place) == *settings.ignore) continue;
    const auto label = label_at(sample, place, form, 2);
    if (!label)
      return wrong_shape("the model's output " + describe(output) +
                         " is one score, which parts the classes 0 and 1, and the label of " + name_of_sample(sample) +
                         " is neither");
    const double score = output.values[place * form.place_step];
    if (!settings.threshold && !raw_ && (score < 0 || score > 1))
      return wrong_shape("the model's output " + describe(output) +
                         " is one score that is no probability: say with {\"threshold\": 0} in the data set's "
                         "argosy.json over which score a sample is of class 1");
    const double threshold = settings.threshold.value_or(0.5);
    double first = 1 - score, second = score;
    if (raw_) {
      first = -score;
    } else if (threshold != 0.5) {
      second = 0.5 + std::atan(score - threshold) / 4;  // rises with the score, and is a half at the threshold
      first = 1 - second;
    }
    scores_.assign({first, second});
    saw(*label);
    take({scores_, *label, true, threshold == 0.5});
  }
  return {};
}

std::vector<std::string> ClassReading::notes() const {
  if (labels_ == 0 || labels_differ_ || (samples_ < data_->size() && !all_rows_are_alike(*y_))) return {};
  return {"all " + std::to_string(labels_) + " labels of " + data_->describe_truths() +
          " are of one class: they prove nothing, a model that always says that class is right every time"};
}

}  // namespace argosy::agent
