#include "server/app/toml_file.hpp"

#include <sstream>

#include <toml++/toml.h>

namespace argosy::server {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

Result<void> flatten(const toml::table& table, const std::string& prefix, const std::string& name, Entries& out) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      ARGOSY_CHECK(flatten(*inner, path + ".", name, out));
    } else if (const auto* text = node.as_string()) {
      out.emplace_back(path, text->get());
    } else if (node.is_boolean() || node.is_integer() || node.is_floating_point()) {
      std::ostringstream plain;
      plain << toml::node_view<const toml::node>(node);
      out.emplace_back(path, plain.str());
    } else if (const auto* list = node.as_array(); list != nullptr && list->is_homogeneous<std::string>()) {
      std::string joined;
      for (const auto& entry : *list) joined += (joined.empty() ? "" : ",") + entry.ref<std::string>();
      out.emplace_back(path, joined);
    } else {
      return make_error(Errc::invalid_argument,
                        name + ": '" + path + "' must be text, a list of texts, a number or true or false");
    }
  }
  return {};
}

}  // namespace

Result<Entries> parse_toml(const std::string& text, const std::string& name) {
  try {
    const toml::table table = toml::parse(text, name);
    Entries entries;
    ARGOSY_CHECK(flatten(table, "", name, entries));
    return entries;
  } catch (const toml::parse_error& error) {
    return make_error(Errc::invalid_argument, name + ", line " + std::to_string(error.source().begin.line) + ": " +
                                                  std::string(error.description()));
  }
}

}  // namespace argosy::server
