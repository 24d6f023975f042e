// The methods of HTTP that there are routes for.
#pragma once

#include <cstdint>
#include <string_view>

namespace argosy::server {

enum class Method : std::uint8_t { get, head, post, put, patch, del };
std::string_view to_string(Method method);  // "GET"

}  // namespace argosy::server
