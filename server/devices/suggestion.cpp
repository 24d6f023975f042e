#include "server/devices/suggestion.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::string_view class_word = "hardware_class";
constexpr std::string_view labels_word = "labels";
constexpr std::string_view declined_word = "declined_class";
constexpr std::string_view because_word = "because";

std::optional<std::string> label_in(const Labels& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::nullopt : std::optional(found->second);
}

void set(Labels& labels, const std::string& key, const std::optional<std::string>& value) {
  if (value)
    labels.insert_or_assign(key, *value);
  else
    labels.erase(key);
}

std::set<std::string, std::less<>> keys_of(const Labels& one, const Labels& other) {
  std::set<std::string, std::less<>> keys;
  for (const Labels* labels : {&one, &other})
    for (const auto& [key, value] : *labels) keys.insert(key);
  return keys;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, end);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) words.push_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

Settlement compare(const Declaration& settled, const Declaration& file, const Declaration& held) {
  Settlement result{{}, settled};
  if (file.hardware_class == held.hardware_class) result.settled.hardware_class = file.hardware_class;
  if (file.hardware_class != result.settled.hardware_class) result.suggestion.hardware_class = file.hardware_class;
  for (const std::string& key : keys_of(settled.labels, file.labels)) {
    const auto now = label_in(file.labels, key);
    if (now == label_in(held.labels, key)) set(result.settled.labels, key, now);
    if (now != label_in(result.settled.labels, key)) result.suggestion.labels.emplace(key, now);
  }
  return result;
}

Result<Declaration> apply(const Suggestion& suggestion, Declaration to) {
  if (suggestion.hardware_class) to.hardware_class = *suggestion.hardware_class;
  ARGOSY_TRY(to.labels, apply_patch(std::move(to.labels), suggestion.labels));
  return to;
}

Result<Declaration> settle(const Suggestion& suggestion, Declaration settled) {
  if (suggestion.because.empty()) return apply(suggestion, std::move(settled));
  settled.declined_class = suggestion.hardware_class.value_or("");
  ARGOSY_TRY(settled.labels, apply_patch(std::move(settled.labels), suggestion.labels));
  return settled;
}

Suggestion with_class_of(const BoardPeers& peers, Suggestion suggestion, const Declaration& settled,
                         const Declaration& held) {
  if (suggestion.hardware_class && suggestion.because.empty()) return suggestion;
  suggestion.hardware_class.reset();
  suggestion.because.clear();
  const bool agree = peers.devices >= least_peers && peers.first_class == peers.last_class;
  if (!agree || peers.first_class == held.hardware_class || peers.first_class == settled.declined_class)
    return suggestion;
  suggestion.hardware_class = peers.first_class;
  suggestion.because = "all other devices with the board " + shortened(peers.board) +
                       " and the same accelerators, at least " + std::to_string(least_peers) + ", are of it";
  return suggestion;
}

Suggestion beside(Suggestion of_file, const Suggestion& before, const Declaration& held) {
  if (of_file.hardware_class || before.because.empty() || before.hardware_class == held.hardware_class) return of_file;
  of_file.hardware_class = before.hardware_class;
  of_file.because = before.because;
  return of_file;
}

Result<SuggestionRule> SuggestionRule::parse(std::string_view text) {
  SuggestionRule rule;
  const std::string label = std::string(labels_word) + ".";
  for (const std::string_view word : words_of(text)) {
    if (word == class_word)
      rule.takes_class_ = true;
    else if (word == labels_word)
      rule.takes_labels_ = true;
    else if (word.starts_with(label) && is_name(word.substr(label.size())))
      rule.keys_.emplace(word.substr(label.size()));
    else
      return make_error(
          Errc::invalid_argument,
          "'" + shortened(word) + "' is nothing that a device suggests: say hardware_class, labels, or labels.KEY");
  }
  return rule;
}

Suggestion SuggestionRule::taken(const Suggestion& suggestion) const {
  Suggestion taken;
  if (takes_class_ && suggestion.because.empty()) taken.hardware_class = suggestion.hardware_class;
  for (const auto& [key, value] : suggestion.labels)
    if (takes_labels_ || keys_.contains(key)) taken.labels.emplace(key, value);
  return taken;
}

Suggestion without(Suggestion suggestion, const Suggestion& taken) {
  if (taken.hardware_class) suggestion.hardware_class.reset();
  for (const auto& [key, value] : taken.labels) suggestion.labels.erase(key);
  return suggestion;
}

std::string describe(const Suggestion& suggestion) {
  std::string text;
  const auto add = [&text](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  if (suggestion.hardware_class)
    add("hardware class " + *suggestion.hardware_class +
        (suggestion.because.empty() ? "" : " (" + suggestion.because + ")"));
  for (const auto& [key, value] : suggestion.labels)
    add(value ? "label " + key + " " + shortened(*value) : "no label " + key);
  return text;
}

std::string encode(const Declaration& declaration) {
  Json json = {{class_word, declaration.hardware_class}, {labels_word, declaration.labels}};
  if (!declaration.declined_class.empty()) json[std::string(declined_word)] = declaration.declined_class;
  return json.dump();
}

std::optional<Declaration> decode_declaration(std::string_view json) {
  auto read = parse_json(json);
  if (!read || !read->is_object()) return std::nullopt;
  return Declaration{text_in(*read, class_word), decode_labels(member(*read, labels_word).dump()),
                     text_in(*read, declined_word)};
}

std::string encode(const Suggestion& suggestion) {
  Json labels = Json::object();
  for (const auto& [key, value] : suggestion.labels) labels[key] = value ? Json(*value) : Json(nullptr);
  Json json = {{labels_word, std::move(labels)}};
  if (suggestion.hardware_class) json[std::string(class_word)] = *suggestion.hardware_class;
  if (!suggestion.because.empty()) json[std::string(because_word)] = suggestion.because;
  return json.dump();
}

std::optional<Suggestion> decode_suggestion(std::string_view json) {
  auto read = parse_json(json);
  if (!read || !read->is_object()) return std::nullopt;
  Suggestion suggestion;
  if (const std::string name = text_in(*read, class_word); !name.empty()) suggestion.hardware_class = name;
  suggestion.because = text_in(*read, because_word);
  const Json labels = member(*read, labels_word);
  if (labels.is_object())
    for (const auto& [key, value] : labels.items())
      suggestion.labels.emplace(key, value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt);
  return suggestion;
}

}  // namespace argosy::server
