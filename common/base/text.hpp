// Text that others wrote. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace argosy {

// UTF-8 without NUL: what a text column and a JSON document can hold.
bool is_text(std::string_view bytes);

// A foreign value as a message may show it: at most `limit` bytes of it on one line, control characters and what is not
// UTF-8 as \xNN, "..." where something was cut away.
inline constexpr std::size_t shown_bytes = 40;
std::string shortened(std::string_view foreign, std::size_t limit = shown_bytes);

}  // namespace argosy
