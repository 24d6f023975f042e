#include "agent/runner/dataset_settings.hpp"

#include "common/json/json_reader.hpp"

namespace argosy::agent {
namespace {

constexpr std::size_t max_settings_bytes = 4 << 20;  // a vocabulary is the longest of it
constexpr std::size_t max_names = 1 << 17;

// Longer than the lists that a reader takes by itself.
void read_names(JsonReader& from, const char* key, std::vector<std::string>& names) {
  nlohmann::json list;
  from.optional(key, list);
  if (list.is_null()) return;
  const bool is_list = list.is_array() && list.size() <= max_names;
  from.check(key, is_list, "must be a list of at most 131072 texts or whole numbers");
  if (!is_list) return;
  for (const nlohmann::json& name : list) {
    from.check(key, name.is_string() || name.is_number_integer(), "must hold texts or whole numbers");
    names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
}

void read_layout(JsonReader& from, const char* key, BoxLayout& layout) {
  std::string text;
  from.optional(key, text);
  if (text.empty()) return;
  static constexpr std::pair<std::string_view, BoxLayout> layouts[] = {
      {"xyxy", BoxLayout::xyxy}, {"xywh", BoxLayout::xywh}, {"cxcywh", BoxLayout::cxcywh}, {"yxyx", BoxLayout::yxyx}};
  bool is_known = false;
  for (const auto& [name, value] : layouts) {
    if (name != text) continue;
    layout = value;
    is_known = true;
  }
  from.check(key, is_known, "must be xyxy, xywh, cxcywh or yxyx");
}

void read_detection(JsonReader& from, DetectionSettings& to) {
  from.optional("boxes", to.boxes).optional("scores", to.scores).optional("classes", to.classes);
  from.optional("count", to.count).optional("transposed", to.is_transposed);
  from.optional("objectness", to.has_objectness).optional("class_column", to.has_class_column);
  from.optional("width", to.width, 1e-6, 1e9).optional("height", to.height, 1e-6, 1e9);
  from.optional("nms_iou", to.nms_iou, 0, 1).optional("min_score", to.min_score, 0, 1e9);
  from.optional("true_boxes", to.true_boxes).optional("true_classes", to.true_classes).optional("crowd", to.crowd);
  read_layout(from, "layout", to.layout);
  read_layout(from, "true_layout", to.true_layout);
  from.check("width", to.width.has_value() == to.height.has_value(), "goes with height");
}

}  // namespace

Result<DatasetSettings> parse_dataset_settings(std::string_view text) {
  const auto read = [&]() -> Result<DatasetSettings> {
    DatasetSettings settings;
    ARGOSY_TRY(JsonReader in, JsonReader::parse(text, {.bytes = max_settings_bytes}));
    std::string distance;
    in.optional("inputs", settings.inputs).optional("truth", settings.truth).optional("output", settings.output);
    read_names(in, "classes", settings.classes);
    read_names(in, "vocabulary", settings.vocabulary);
    in.optional("threshold", settings.threshold, -1e30, 1e30).optional("class_axis", settings.class_axis, -1, 0);
    in.optional("ignore", settings.ignore, -(1LL << 53), 1LL << 53).optional("blank", settings.blank, 0, 1 << 30);
    in.optional("scores", settings.scores).optional("distance", distance);
    in.check(
        "scores",
        settings.scores == "logits" || settings.scores == "probabilities" || settings.scores == "log_probabilities",
        "must be logits, probabilities or log_probabilities");
    in.check("distance", distance.empty() || distance == "cosine" || distance == "euclidean",
             "must be cosine or euclidean");
    settings.is_euclidean = distance == "euclidean";
    in.optional_object("detection", [&](JsonReader& detection) { read_detection(detection, settings.detection); });
    ARGOSY_CHECK(in.finish());
    return settings;
  };
  auto settings = read();
  if (settings) return settings;
  return make_error(Errc::corrupt, "its argosy.json: " + settings.error().message);
}

}  // namespace argosy::agent
