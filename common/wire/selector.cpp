#include "common/wire/selector.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t shown_words_bytes = 200;
constexpr std::size_t most_range_bytes = 256;
constexpr std::size_t most_selected_features = 16;
constexpr std::array<std::string_view, 4> number_names{"cores", "ir", "memory_mb", "opset"};
constexpr std::string_view word_rule = "must match [A-Za-z0-9_-]{1,64}";

struct Word {
  const char* key;
  std::optional<std::string> Selector::*member;
};
constexpr std::array words{Word{"architecture", &Selector::architecture},
                           Word{"accelerator", &Selector::accelerator},
                           Word{"runtime", &Selector::runtime},
                           Word{"precision", &Selector::precision},
                           Word{"hardware_class", &Selector::hardware_class},
                           Word{"part", &Selector::part}};

template <class Words>
std::string joined(const Words& list) {
  std::string text;
  for (const auto& word : list) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

std::string shown(const std::vector<std::string>& list) {
  return list.empty() ? "none" : shortened(joined(list), shown_words_bytes);
}

// Why the device does not offer `wanted`; empty when it does, or when nothing is wanted.
std::string missing(std::string_view what, const std::optional<std::string>& wanted,
                    const std::vector<std::string>& offered) {
  if (!wanted || std::find(offered.begin(), offered.end(), *wanted) != offered.end()) return {};
  return "needs the " + std::string(what) + " " + *wanted + ", the device offers " + shown(offered);
}

std::vector<std::string> one(const std::string& value) {
  return value.empty() ? std::vector<std::string>{} : std::vector<std::string>{value};
}

std::string out_of_range(const std::string& name, const VersionRange& range, const Capabilities& capabilities) {
  const auto told = ranged_values(capabilities, name);
  const auto suits = [&](const std::string& version) { return range.contains(version); };
  if (std::any_of(told.begin(), told.end(), suits)) return {};
  return "needs " + name + " " + range.text() +
         (told.empty() ? ", the device tells none" : ", the device has " + shown(told));
}

std::string missing_feature(const Selector& selector, const std::vector<std::string>& features) {
  for (const std::string& wanted : selector.cpu)
    if (std::find(features.begin(), features.end(), wanted) == features.end())
      return "needs a CPU with " + wanted + ", the device's has " + shown(features);
  return {};
}

// A part is told with more about it behind the word that it is known by.
std::string missing_part(const std::optional<std::string>& wanted, const std::vector<std::string>& parts) {
  const auto is_it = [&](const std::string& part) { return part.substr(0, part.find(' ')) == *wanted; };
  if (!wanted || std::any_of(parts.begin(), parts.end(), is_it)) return {};
  return "needs the part " + *wanted + ", the device found " + shown(parts);
}

Error wrong_value(std::string_view key, std::string_view value, std::string_view rule) {
  return make_error(Errc::invalid_argument,
                    std::string(key) + " is \"" + shortened(value) + "\"; it " + std::string(rule));
}

Result<void> set_memory(Selector& selector, std::string_view value) {
  std::uint64_t megabytes = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), megabytes);
  if (failed != std::errc{} || end != value.data() + value.size() || megabytes > max_min_memory_mb)
    return wrong_value("min_memory_mb", value, "must be a whole number up to " + std::to_string(max_min_memory_mb));
  selector.min_memory_mb = megabytes;
  return {};
}

Result<void> add_features(Selector& selector, std::string_view value) {
  for (std::size_t start = 0; start <= value.size();) {
    const std::size_t comma = std::min(value.find(',', start), value.size());
    const std::string_view feature = value.substr(start, comma - start);
    if (!is_cpu_feature(feature)) return wrong_value("cpu", feature, "must be one of " + joined(cpu_feature_names));
    if (std::find(selector.cpu.begin(), selector.cpu.end(), feature) == selector.cpu.end())
      selector.cpu.emplace_back(feature);
    start = comma + 1;
  }
  if (selector.cpu.size() > most_selected_features)
    return wrong_value("cpu", value, "must hold at most " + std::to_string(most_selected_features) + " features");
  return {};
}

// Another condition on the same name narrows the range.
Result<void> narrow(Selector& selector, const std::string& name, const std::string& condition) {
  const auto known = selector.ranges.find(name);
  const std::string text = known == selector.ranges.end() ? condition : known->second.text() + "," + condition;
  auto range = VersionRange::parse(text);
  if (!range) return std::move(range).error().within(name);
  selector.ranges.insert_or_assign(name, std::move(*range));
  return {};
}

Result<void> set_word(Selector& selector, std::string_view key, std::string_view value) {
  for (const Word& word : words) {
    if (word.key != key) continue;
    if (!is_name(value)) return wrong_value(key, value, word_rule);
    selector.*word.member = value;
    return {};
  }
  return make_error(Errc::invalid_argument,
                    "\"" + shortened(key) +
                        "\" is not a key of a selector; they are architecture, accelerator, runtime, precision, "
                        "hardware_class, part, min_memory_mb, cpu, and with versions or numbers " +
                        joined(version_names) + ", " + joined(number_names));
}

bool is_plain_key(std::string_view key) {
  return key == "cpu" || key == "min_memory_mb" ||
         std::any_of(words.begin(), words.end(), [&](const Word& word) { return word.key == key; });
}

// It begins with its operator.
Result<void> take(Selector& selector, const std::string& key, std::string_view condition) {
  if (is_ranged(key)) return narrow(selector, key, std::string(condition));
  const auto op = version_operator_at(condition);
  if (op && *op != VersionOperator::equal && is_plain_key(key))
    return make_error(Errc::invalid_argument, "only versions and numbers have an order: write " + shortened(key) +
                                                  "=VALUE, not \"" + shortened(condition) + "\"");
  const std::string_view value = condition.substr(op ? 1 : 0);
  if (key == "min_memory_mb") return set_memory(selector, value);
  if (key == "cpu") return add_features(selector, value);
  return set_word(selector, key, value);
}

void read_range(JsonReader& fields, std::string_view name, Selector& selector) {
  std::string text;
  fields.optional_text(name, most_range_bytes, text);
  if (text.empty()) return;
  const auto taken = narrow(selector, std::string(name), text);
  fields.check(name, taken.has_value(), taken ? "" : taken.error().message);
}

}  // namespace

bool is_ranged(std::string_view name) {
  return is_version_name(name) || std::find(number_names.begin(), number_names.end(), name) != number_names.end();
}

std::vector<std::string> ranged_values(const Capabilities& capabilities, std::string_view name) {
  const Inventory& inventory = capabilities.inventory;
  const auto number = [](std::optional<std::uint64_t> value) {
    return value ? std::vector{std::to_string(*value)} : std::vector<std::string>{};
  };
  if (name == "memory_mb")
    return number(capabilities.memory_mb > 0 ? std::optional(capabilities.memory_mb) : std::nullopt);
  if (name == "cores") return number(inventory.cores);
  if (name == "opset") return number(inventory.onnx ? std::optional(inventory.onnx->opset) : std::nullopt);
  if (name == "ir") return number(inventory.onnx ? std::optional(inventory.onnx->ir) : std::nullopt);
  std::vector<std::string> versions;
  if (const auto found = inventory.versions.find(std::string(name)); found != inventory.versions.end())
    versions.push_back(found->second);
  for (const std::string& runtime : capabilities.runtime_versions)
    if (runtime.starts_with(std::string(name) + " ")) versions.push_back(runtime.substr(name.size() + 1));
  return versions;
}

std::string mismatch(const Selector& selector, const Capabilities& capabilities, const std::string& hardware_class) {
  const Inventory& inventory = capabilities.inventory;
  const std::string reasons[] = {missing("architecture", selector.architecture, one(capabilities.architecture)),
                                 missing("accelerator", selector.accelerator, capabilities.accelerators),
                                 missing("runtime", selector.runtime, capabilities.runtimes),
                                 missing("precision", selector.precision, capabilities.precisions),
                                 missing("hardware class", selector.hardware_class, one(hardware_class)),
                                 missing_feature(selector, inventory.cpu_features),
                                 missing_part(selector.part, inventory.parts)};
  for (const std::string& reason : reasons)
    if (!reason.empty()) return reason;
  if (selector.min_memory_mb && capabilities.memory_mb < *selector.min_memory_mb)
    return "needs " + std::to_string(*selector.min_memory_mb) + " MB of memory, the device has " +
           std::to_string(capabilities.memory_mb);
  for (const auto& [name, range] : selector.ranges)
    if (std::string reason = out_of_range(name, range, capabilities); !reason.empty()) return reason;
  return {};
}

std::string mismatch(const std::optional<OnnxReach>& model, const Capabilities& capabilities) {
  const auto& engine = capabilities.inventory.onnx;
  if (!model || !engine) return {};
  const auto too_new = [](const char* what, std::uint32_t wanted, std::uint32_t most) {
    return std::string("needs the ONNX ") + what + " " + std::to_string(wanted) + ", the device's engine reads up to " +
           std::to_string(most);
  };
  if (model->opset > engine->opset) return too_new("opset", model->opset, engine->opset);
  if (model->ir > engine->ir) return too_new("IR version", model->ir, engine->ir);
  return {};
}

Selector as_far_as_told(Selector selector, const Capabilities& capabilities) {
  std::erase_if(selector.ranges, [&](const auto& range) { return ranged_values(capabilities, range.first).empty(); });
  return selector;
}

std::string encode(const Selector& selector) {
  Json json = Json::object();
  for (const Word& word : words)
    if (selector.*word.member) json[word.key] = *(selector.*word.member);
  if (selector.min_memory_mb) json["min_memory_mb"] = *selector.min_memory_mb;
  for (const auto& [name, range] : selector.ranges) json[name] = range.text();
  if (!selector.cpu.empty()) json["cpu"] = selector.cpu;
  return write_json(json);
}

void read_selector(JsonReader& fields, Selector& selector) {
  for (const Word& word : words) {
    auto& value = selector.*word.member;
    fields.optional(word.key, value).check(word.key, !value || is_name(*value), word_rule);
  }
  fields.optional("min_memory_mb", selector.min_memory_mb);
  fields.check("min_memory_mb", selector.min_memory_mb.value_or(0) <= max_min_memory_mb, "must be at most 1000000000");
  for (const auto name : version_names) read_range(fields, name, selector);
  for (const auto name : number_names) read_range(fields, name, selector);
  fields.optional("cpu", selector.cpu);
  const bool are_names = std::all_of(selector.cpu.begin(), selector.cpu.end(),
                                     [](const std::string& feature) { return is_name(feature); });
  fields.check("cpu", are_names && selector.cpu.size() <= most_selected_features,
               "must hold at most 16 names of features");
}

Result<std::string> take_condition(Selector& selector, std::string_view condition, const std::string& last) {
  const std::size_t sign = condition.find_first_of("=<>~!");
  if (sign == std::string_view::npos && last == "cpu") {
    ARGOSY_CHECK(add_features(selector, condition));
    return last;
  }
  if (sign == std::string_view::npos || (sign == 0 && last.empty()))
    return make_error(Errc::invalid_argument, "\"" + shortened(condition) +
                                                  "\" is not a condition of a selector; write KEY=VALUE, for example "
                                                  "precision=int8 or jetpack>=5.1");
  const std::string key = sign == 0 ? last : std::string(condition.substr(0, sign));
  ARGOSY_CHECK(take(selector, key, condition.substr(sign)));
  return key;
}

}  // namespace argosy::wire
