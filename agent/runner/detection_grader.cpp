// Reads boxes, scores and classes out of a model's answer, in the layouts that people export, and holds them against
// the objects of the data set.
#include <algorithm>
#include <cmath>

#include "agent/runner/detection.hpp"
#include "agent/runner/grader.hpp"
#include "common/base/text.hpp"

namespace argosy::agent {
namespace {

constexpr std::size_t most_candidates = 30'000;  // a sample, the best of them; each may be compared with each other
constexpr std::size_t most_detections = 20'000'000;
constexpr std::size_t most_classes = 4096;

BoundingBox box_of(const double* numbers, BoxLayout layout) {
  const double a = numbers[0], b = numbers[1], c = numbers[2], d = numbers[3];
  switch (layout) {
    case BoxLayout::xyxy:
      return {a, b, c, d};
    case BoxLayout::xywh:
      return {a, b, a + c, b + d};
    case BoxLayout::cxcywh:
      return {a - c / 2, b - d / 2, a + c / 2, b + d / 2};
    case BoxLayout::yxyx:
      return {b, a, d, c};
  }
  return {};
}

bool is_called_box(const Output& output) {
  return !output.values.empty() && shortened(output.name).find("box") != std::string::npos;
}
bool is_called_score(const Output& output) {
  return output.name.find("score") != std::string::npos;
}
bool is_called_class(const Output& output) {
  return output.name.find("class") != std::string::npos || output.name.find("label") != std::string::npos;
}
bool is_of_floats(const Output& output) {
  return output.type.find("float") != std::string::npos;
}

Error odd(const Output& output, const std::string& needed) {
  return make_error(Errc::incompatible, "the model's output " + describe(output) + " does not hold " + needed +
                                            ": \"detection\" in the data set's argosy.json says how to read it");
}

// Some call classes labels.
const NpyArray* true_classes_of(const Dataset& data) {
  const NpyArray* named = data.array(data.settings().detection.true_classes);
  return named != nullptr ? named : data.array("labels");
}

// Rows of numbers, wherever they lie.
struct Rows {
  const Output* output = nullptr;
  std::size_t count = 0, width = 0;
  bool is_transposed = false;
  double at(std::size_t row, std::size_t column) const {
    return output->values[is_transposed ? column * count + row : row * width + column];
  }
};

class DetectionGrader : public Grader {
 public:
  DetectionGrader(const Dataset& data, const std::string& metric)
      : settings_(&data.settings().detection),
        boxes_(data.array(settings_->true_boxes)),
        kinds_(true_classes_of(data)),
        crowd_(data.array(settings_->crowd)),
        thresholds_(metric == "map50"   ? std::vector<double>{0.5}
                    : metric == "map75" ? std::vector<double>{0.75}
                                        : coco_thresholds()) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    Mark mark;
    for (const Output& output : answer) mark.is_usable = mark.is_usable && is_finite(output);
    ARGOSY_TRY(std::vector<Detection> detections, detections_of(answer));
    kept_ += detections.size();
    if (kept_ > most_detections) return make_error(Errc::incompatible, "the model finds more than 20 million boxes");
    mark.margin = score_.add(std::move(detections), objects_of(sample));
    return mark;
  }
  Result<void> finish(const Deadline&) override {
    value_ = score_.mean_average_precision(thresholds_);
    return {};
  }
  std::optional<double> value() const override { return value_; }

 private:
  std::vector<TrueObject> objects_of(std::size_t sample) const {
    const std::size_t each = kinds_->values_per_row();
    std::vector<TrueObject> objects;
    for (std::size_t i = sample * each; i < (sample + 1) * each; ++i) {
      const std::int64_t kind = kinds_->integer_at(i);
      if (kind < 0) continue;
      const double numbers[] = {boxes_->at(4 * i), boxes_->at(4 * i + 1), boxes_->at(4 * i + 2), boxes_->at(4 * i + 3)};
      objects.push_back({box_of(numbers, settings_->true_layout), kind, crowd_ != nullptr && crowd_->at(i) != 0});
    }
    return objects;
  }

  Result<Rows> rows_of(const Output& output, std::size_t width) const {
    Rows rows{&output, 0, width, false};
    if (width == 0) {
      std::vector<std::int64_t> shape = output.shape;
      while (shape.size() > 2 && shape.front() == 1) shape.erase(shape.begin());
      if (shape.size() != 2) return odd(output, "a list of boxes");
      rows.is_transposed = settings_->is_transposed;
      rows.width = static_cast<std::size_t>(rows.is_transposed ? shape[0] : shape[1]);
    }
    if (rows.width < 4 || rows.width > most_classes || output.values.size() % rows.width != 0)
      return odd(output, width == 0 ? "rows of a box and its scores (transposed, perhaps)" : "boxes of four numbers");
    rows.count = output.values.size() / rows.width;
    return rows;
  }

  // The output of that name; without a name one that is called so, or null.
  static Result<const Output*> beside_boxes(const Answer& answer, const std::string& name,
                                            bool (*is_called)(const Output&), const Output* boxes) {
    if (!name.empty()) return find_output(answer, name, is_called, "");
    const auto found = std::find_if(answer.begin(), answer.end(), [&](const Output& output) {
      return is_called != nullptr && &output != boxes && is_called(output);
    });
    return found == answer.end() ? nullptr : &*found;
  }

  Result<std::vector<Detection>> detections_of(const Answer& answer) const {
    const bool by_name = std::any_of(answer.begin(), answer.end(), is_called_box);
    ARGOSY_TRY(const Output* boxes,
               find_output(answer, settings_->boxes, by_name ? is_called_box : is_of_floats, "boxes"));
    ARGOSY_TRY(const Output* scores, beside_boxes(answer, settings_->scores, is_called_score, boxes));
    ARGOSY_TRY(const Output* classes, beside_boxes(answer, settings_->classes, is_called_class, boxes));
    ARGOSY_TRY(const Output* count, beside_boxes(answer, settings_->count, nullptr, boxes));
    ARGOSY_TRY(Rows rows, rows_of(*boxes, scores == nullptr ? 0 : 4));
    if (count != nullptr && !count->values.empty())
      rows.count = std::min(rows.count, static_cast<std::size_t>(std::max(count->values[0], 0.0)));
    return read(rows, scores, classes);
  }

  Result<std::vector<Detection>> read(const Rows& rows, const Output* scores, const Output* classes) const {
    const std::size_t all = rows.output->values.size() / rows.width;
    const std::size_t scores_each = scores != nullptr && all > 0 ? scores->values.size() / all : 0;
    if (scores != nullptr &&
        (all == 0 ? !scores->values.empty() : scores->values.size() != all * scores_each || scores_each == 0))
      return odd(*scores, "a score for each of " + std::to_string(all) + " boxes");
    if (classes != nullptr && classes->values.size() != all)
      return odd(*classes, "a class for each of " + std::to_string(all) + " boxes");
    const std::size_t first_score = settings_->has_objectness ? 5 : 4;
    if (scores == nullptr && rows.width <= first_score + (settings_->has_class_column ? 1 : 0))
      return odd(*rows.output, "a box and its scores in each row");
    std::vector<Detection> found;
    for (std::size_t row = 0; row < rows.count; ++row) {
      Detection each;
      const auto take_best = [&](std::size_t number, auto score_at) {
        for (std::size_t i = 0; i < number; ++i) {
          if (i > 0 && !(score_at(i) > each.score)) continue;
          each.score = score_at(i);
          each.kind = static_cast<std::int64_t>(i);
        }
      };
      if (scores != nullptr) {
        take_best(scores_each, [&](std::size_t i) { return scores->values[row * scores_each + i]; });
      } else if (settings_->has_class_column) {
        each.score = rows.at(row, 4);
        each.kind = static_cast<std::int64_t>(rows.at(row, 5));
      } else {
        take_best(rows.width - first_score, [&](std::size_t i) { return rows.at(row, first_score + i); });
        if (settings_->has_objectness) each.score *= rows.at(row, 4);
      }
      if (classes != nullptr) each.kind = static_cast<std::int64_t>(classes->values[row]);
      if (!std::isfinite(each.score) || each.score < settings_->min_score) continue;
      const double numbers[] = {rows.at(row, 0), rows.at(row, 1), rows.at(row, 2), rows.at(row, 3)};
      each.box = box_of(numbers, settings_->layout);
      if (settings_->width) {
        each.box.left *= *settings_->width, each.box.right *= *settings_->width;
        each.box.top *= *settings_->height, each.box.bottom *= *settings_->height;
      }
      found.push_back(each);
    }
    if (found.size() > most_candidates) {
      std::stable_sort(found.begin(), found.end(),
                       [](const Detection& a, const Detection& b) { return a.score > b.score; });
      found.resize(most_candidates);
    }
    return settings_->nms_iou ? without_overlaps(std::move(found), *settings_->nms_iou) : found;
  }

  const DetectionSettings* settings_;
  const NpyArray *boxes_, *kinds_, *crowd_;
  std::vector<double> thresholds_;
  DetectionScore score_;
  std::size_t kept_ = 0;
  std::optional<double> value_;
};

}  // namespace

Result<GraderPtr> make_detection_grader(const Dataset& data, const std::string& metric) {
  const DetectionSettings& settings = data.settings().detection;
  const auto missing = [&](const std::string& name, const char* what) {
    return make_error(Errc::corrupt, "metric " + metric + " needs array '" + shortened(name) + "', " + what);
  };
  const NpyArray *boxes = data.array(settings.true_boxes), *kinds = true_classes_of(data),
                 *crowd = data.array(settings.crowd);
  constexpr const char* classes_form = "[N,M]: the class of each object, -1 where there is none";
  if (boxes == nullptr) return missing(settings.true_boxes, "[N,M,4]: the box of each object");
  if (kinds == nullptr) return missing(settings.true_classes, classes_form);
  if (is_text(kinds->type) || kinds->rows() != data.size() || kinds->shape.size() != 2)
    return missing(settings.true_classes, classes_form).within("it is " + kinds->describe());
  if (is_text(boxes->type) || boxes->count() != 4 * kinds->count() || boxes->rows() != data.size())
    return missing(settings.true_boxes, "[N,M,4] with M as that of the classes").within("it is " + boxes->describe());
  if (crowd != nullptr && crowd->count() != kinds->count())
    return missing(settings.crowd, "[N,M] as the classes").within("it is " + crowd->describe());
  return GraderPtr(std::make_unique<DetectionGrader>(data, metric));
}

}  // namespace argosy::agent
