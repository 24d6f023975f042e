// The fuzz target of the device filter, in libFuzzer's form: text from a stranger ends in a tree or in an error with a
// column, and no byte of it becomes SQL.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/devices/filter_sql.hpp"

using namespace argosy;
using namespace argosy::server;

namespace {

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

Device some_device() {
  Device device;
  device.id = DeviceId{"cam-7"};
  device.hardware_class = "cpu";
  device.labels = {{"site", "berlin"}};
  device.models.emplace_back();
  device.models[0].model = "digits";
  device.models[0].version = "1.0";
  return device;
}

// The same tree with every value and key replaced by something harmless of the same field.
FilterNode tamed(FilterNode node) {
  // Presence is one of four, and nothing is not the same as something: both choose among texts that are fixed.
  const bool chooses = node.comparison.field == FilterField::presence || node.comparison.value.empty();
  if (has_order(node.comparison))
    node.comparison.value = "7";
  else if (!chooses)
    node.comparison.value = node.comparison.field == FilterField::presence ? "online" : "x";
  const bool is_free = node.comparison.field != FilterField::capability;  // which the text names
  if (is_free && !node.comparison.key.empty()) node.comparison.key = "k";
  for (FilterNode& child : node.children) child = tamed(std::move(child));
  return node;
}

void check_error(const Error& error, std::size_t size) {
  require(error.code == Errc::filter_syntax, "an error of syntax");
  require(error.message.starts_with("column "), "an error with a column");
  const unsigned long column = std::strtoul(error.message.c_str() + 7, nullptr, 10);
  require(column >= 1 && column <= std::max(size, std::size_t{max_filter_bytes}) + 1, "a column inside the text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto filter = parse_filter(text);
  if (!filter) {
    check_error(filter.error(), size);
    return 0;
  }
  const SqlCondition condition = to_sql(*filter);
  for (std::size_t i = 0; i < condition.parameters.size(); ++i)
    require(condition.text.find('$' + std::to_string(i + 1) + "::text") != std::string::npos, "every parameter in use");
  if (!filter->root) return 0;
  require(to_sql(Filter{tamed(*filter->root)}).text == condition.text, "SQL that does not depend on the values");
  FilterNode negation;
  negation.kind = FilterNode::Kind::negation;
  negation.children.push_back(*filter->root);
  require(matches(*filter, some_device()) != matches(Filter{negation}, some_device()), "NOT is the opposite");
  return 0;
}
