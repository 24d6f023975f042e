#include "server/models/patch.hpp"

#include <array>
#include <utility>

namespace argosy::server {

namespace {

constexpr std::array<std::pair<PatchState, std::string_view>, 5> state_names = {{
    {PatchState::pending, "pending"},
    {PatchState::making, "making"},
    {PatchState::ready, "ready"},
    {PatchState::declined, "declined"},
    {PatchState::failed, "failed"},
}};

}  // namespace

std::string_view to_string(PatchState state) {
  for (const auto& [value, name] : state_names)
    if (value == state) return name;
  return "failed";
}

Result<PatchState> parse_patch_state(std::string_view text) {
  for (const auto& [value, name] : state_names)
    if (name == text) return value;
  return make_error(Errc::corrupt, "no state of a patch is called '" + std::string(text) + "'");
}

}  // namespace argosy::server
