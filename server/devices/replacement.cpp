#include "server/devices/replacement.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "server/devices/enrolment.hpp"

namespace argosy::server {

namespace {

constexpr std::array state_names{std::pair{ReplacementState::asking, std::string_view("asking")},
                                 std::pair{ReplacementState::accepted, std::string_view("accepted")},
                                 std::pair{ReplacementState::turned_down, std::string_view("turned_down")}};

constexpr std::size_t key_hex = 64;

std::string belongs_to_another(const DeviceId& device) {
  return "the name '" + device.value() + "' belongs to a device with another key";
}

bool makes_room(const Replacement& standing, Instant now) {
  if (now >= expires_at(standing)) return true;
  switch (standing.state) {
    case ReplacementState::asking:
      return now >= standing.last_asked_at + held_for_asker;
    case ReplacementState::turned_down:
      return now >= standing.settled_at.value_or(now) + held_for_asker;
    case ReplacementState::accepted:
      return false;
  }
  return false;
}

Result<Asking> ask_first(const EnrolmentRequest& request, const Claim& claim, int asked_by_claim) {
  const int most = std::min(claim.max_uses - claim.uses, most_asked_by_claim);
  if (asked_by_claim >= most)
    return make_error(Errc::conflict, belongs_to_another(request.device) + ", and " + std::to_string(asked_by_claim) +
                                          " boards with this claim ask to take a device's place already, which is as "
                                          "many as it speaks for; settle those first: argosy device replacements");
  return Asking::first;
}

}  // namespace

std::string_view to_string(ReplacementState state) {
  for (const auto& [value, name] : state_names)
    if (value == state) return name;
  return "asking";
}

Result<ReplacementState> parse_replacement_state(std::string_view text) {
  for (const auto& [value, name] : state_names)
    if (name == text) return value;
  return make_error(Errc::invalid_argument, "no state of a replacement is called '" + shortened(text) + "'");
}

Instant expires_at(const Replacement& replacement) {
  switch (replacement.state) {
    case ReplacementState::asking:
      return replacement.last_asked_at + replacement_life;
    case ReplacementState::accepted:
      return replacement.settled_at.value_or(replacement.last_asked_at) + replacement_life;
    case ReplacementState::turned_down:
      return replacement.settled_at.value_or(replacement.last_asked_at) + turned_down_life;
  }
  return replacement.last_asked_at;
}

Result<Asking> decide_asking(const std::optional<Replacement>& standing, const EnrolmentRequest& request,
                             std::string_view key_sha256, const Claim& claim, int asked_by_claim, Instant now) {
  if (!standing || now >= expires_at(*standing)) return ask_first(request, claim, asked_by_claim);
  if (standing->key_sha256 != key_sha256) {
    if (makes_room(*standing, now)) return ask_first(request, claim, asked_by_claim);
    return make_error(Errc::conflict, belongs_to_another(request.device) +
                                          ", and another board asks to take its place; settle that first: argosy "
                                          "device show " +
                                          request.device.value());
  }
  switch (standing->state) {
    case ReplacementState::asking:
      return Asking::again;
    case ReplacementState::accepted:
      return Asking::let_in;
    case ReplacementState::turned_down:
      break;
  }
  return make_error(Errc::conflict, belongs_to_another(request.device) +
                                        ", and an operator has turned this board down; give it another name, or revoke "
                                        "that device first");
}

std::string wait_for_operator(const DeviceId& device) {
  return belongs_to_another(device) +
         ". Its operators are told that this board asks to take its place: argosy device replace " + device.value() +
         " lets it in, and it asks again by itself; if it is another device, give it another name";
}

Result<ReplacementChoice> parse_replacement_choice(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  ReplacementChoice choice;
  body.required_text("key", key_hex, choice.key_sha256).required("take", choice.take);
  ARGOSY_CHECK(body.finish());
  return choice;
}

Result<void> check_choice(const std::optional<Replacement>& standing, const ReplacementChoice& choice,
                          const DeviceId& device, Instant now) {
  const std::string place = "the place of '" + shortened(device.value()) + "'";
  if (!standing || now >= expires_at(*standing)) return make_error(Errc::conflict, "no board asks to take " + place);
  if (standing->key_sha256 != choice.key_sha256)
    return make_error(Errc::conflict, "another board asks to take " + place + " by now; look at it again");
  return {};
}

}  // namespace argosy::server
