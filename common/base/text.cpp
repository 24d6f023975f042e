#include "common/base/text.hpp"

#include <cstdint>
#include <cstdio>

namespace argosy {

namespace {

// How many bytes the character at the front takes; 0 when it is not UTF-8.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || length > text.size()) return 0;
  std::uint32_t point = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80) return 0;
    point = (point << 6) | (next & 0x3fU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return overlong || surrogate || point > 0x10ffff ? 0 : length;
}

// ASCII's control characters, and those that terminals obey as well: U+0080 to U+009F.
bool is_control(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return lead < 0x20 || lead == 0x7f;
  return lead == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = character_length(bytes);
    if (length == 0 || bytes.front() == '\0') return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string shortened(std::string_view foreign, std::size_t limit) {
  std::string shown;
  std::string_view rest = foreign;
  while (!rest.empty()) {
    const std::size_t length = character_length(rest);
    const std::string_view character = rest.substr(0, length == 0 ? 1 : length);
    if (foreign.size() - rest.size() + character.size() > limit) return shown + "...";
    if (length == 0 || is_control(character)) {
      for (const char c : character) {
        char code[5];
        std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        shown += code;
      }
    } else {
      shown += character;
    }
    rest.remove_prefix(character.size());
  }
  return shown;
}

}  // namespace argosy
