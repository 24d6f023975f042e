// MODEL@VERSION, as commands take it. Pure.
#pragma once

#include <string>

#include "common/base/error.hpp"
#include "common/base/id.hpp"

namespace argosy::cli {

struct ReleaseName {
  std::string model, version;
};

inline Result<ReleaseName> parse_release_name(const std::string& text) {
  const auto at = text.find('@');
  if (at == std::string::npos || !is_name(text.substr(0, at)) || !is_version(text.substr(at + 1)))
    return make_error(Errc::invalid_argument,
                      "\"" + text + "\" is not a release; write MODEL@VERSION, for example digits@1.1");
  return ReleaseName{text.substr(0, at), text.substr(at + 1)};
}

}  // namespace argosy::cli
