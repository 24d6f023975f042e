// What a data set says of itself where names and shapes do not say it: which array goes to which input, and how
// answers are to be read. JSON, in the data set's member argosy.json or in an array `argosy` that holds it as a text.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::agent {

enum class BoxLayout : std::uint8_t { xyxy, xywh, cxcywh, yxyx };

struct DetectionSettings {
  // The model's outputs. Without `scores` the rows of `boxes` hold them too: four numbers, then scores.
  std::string boxes, scores, classes, count;
  BoxLayout layout = BoxLayout::xyxy;
  bool is_transposed = false;           // [4 + C, Q] in place of [Q, 4 + C]
  bool has_objectness = false;          // a fifth number, by which the scores of the classes are multiplied
  bool has_class_column = false;        // rows are box, score, class
  std::optional<double> width, height;  // by which relative boxes of the model are multiplied
  std::optional<double> nms_iou;        // overlapping boxes of one class are dropped; absent: the model has done it
  double min_score = 0;
  // Arrays of the data set: [N, M, 4], [N, M] with -1 where there is no object, [N, M].
  std::string true_boxes = "boxes", true_classes = "classes", crowd = "crowd";
  BoxLayout true_layout = BoxLayout::xyxy;
};

struct DatasetSettings {
  std::map<std::string, std::string> inputs;  // the model's input to an array
  std::string truth;                          // an array; empty: found by its name
  std::string output;                         // of the model, which is held against the truth; empty: chosen
  std::vector<std::string> classes;           // names in the order of the scores
  std::optional<double> threshold;            // of one score for two classes; absent: 0.5
  std::optional<int> class_axis;              // 0 or -1 of an answer, where both could be
  std::optional<std::int64_t> ignore;         // a label that is not counted
  std::string scores = "logits";              // for perplexity: logits, probabilities or log_probabilities
  std::optional<std::int64_t> blank;          // of CTC, for word error rates: repeats and blanks are dropped
  std::vector<std::string> vocabulary;        // texts of tokens
  bool is_euclidean = false;                  // distance of embeddings; else cosine
  DetectionSettings detection;
};

// Errc::corrupt names the key and what is allowed.
Result<DatasetSettings> parse_dataset_settings(std::string_view text);

}  // namespace argosy::agent
