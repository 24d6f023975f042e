// Text files compiled into the program by argosy_embed (cmake/ArgosyEmbed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace argosy {

struct EmbeddedFile {
  std::string_view name;  // without folder
  std::string_view content;
};

}  // namespace argosy
