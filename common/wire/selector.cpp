#include "common/wire/selector.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t shown_words_bytes = 200;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : shortened(text, shown_words_bytes);
}

// Why the device does not offer `wanted`; empty when it does, or when nothing is wanted.
std::string missing(std::string_view what, const std::optional<std::string>& wanted,
                    const std::vector<std::string>& offered) {
  if (!wanted || std::find(offered.begin(), offered.end(), *wanted) != offered.end()) return {};
  return "needs the " + std::string(what) + " " + *wanted + ", the device offers " + joined(offered);
}

std::vector<std::string> one(const std::string& value) {
  return value.empty() ? std::vector<std::string>{} : std::vector<std::string>{value};
}

Result<void> set_memory(Selector& selector, const std::string& value) {
  std::uint64_t megabytes = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), megabytes);
  if (failed != std::errc{} || end != value.data() + value.size() || megabytes > max_min_memory_mb)
    return make_error(Errc::invalid_argument, "min_memory_mb is \"" + shortened(value) +
                                                  "\"; it must be a whole number up to " +
                                                  std::to_string(max_min_memory_mb));
  selector.min_memory_mb = megabytes;
  return {};
}

}  // namespace

std::string mismatch(const Selector& selector, const Capabilities& capabilities, const std::string& hardware_class) {
  const std::string reasons[] = {missing("architecture", selector.architecture, one(capabilities.architecture)),
                                 missing("accelerator", selector.accelerator, capabilities.accelerators),
                                 missing("runtime", selector.runtime, capabilities.runtimes),
                                 missing("precision", selector.precision, capabilities.precisions),
                                 missing("hardware class", selector.hardware_class, one(hardware_class))};
  for (const std::string& reason : reasons)
    if (!reason.empty()) return reason;
  if (selector.min_memory_mb && capabilities.memory_mb < *selector.min_memory_mb)
    return "needs " + std::to_string(*selector.min_memory_mb) + " MB of memory, the device has " +
           std::to_string(capabilities.memory_mb);
  return {};
}

std::string encode(const Selector& selector) {
  Json json = Json::object();
  const auto put = [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  put("architecture", selector.architecture);
  put("accelerator", selector.accelerator);
  put("runtime", selector.runtime);
  put("precision", selector.precision);
  put("hardware_class", selector.hardware_class);
  put("min_memory_mb", selector.min_memory_mb);
  return write_json(json);
}

Result<void> set_key(Selector& selector, std::string_view key, const std::string& value) {
  if (key == "min_memory_mb") return set_memory(selector, value);
  const std::pair<std::string_view, std::optional<std::string>*> words[] = {
      {"architecture", &selector.architecture},
      {"accelerator", &selector.accelerator},
      {"runtime", &selector.runtime},
      {"precision", &selector.precision},
      {"hardware_class", &selector.hardware_class}};
  for (const auto& [name, word] : words) {
    if (name != key) continue;
    if (!is_name(value))
      return make_error(Errc::invalid_argument,
                        std::string(key) + " is \"" + shortened(value) + "\"; it must match [A-Za-z0-9_-]{1,64}");
    *word = value;
    return {};
  }
  return make_error(Errc::invalid_argument, "\"" + shortened(key) +
                                                "\" is not a key of a selector; they are architecture, "
                                                "accelerator, runtime, precision, hardware_class, min_memory_mb");
}

}  // namespace argosy::wire
