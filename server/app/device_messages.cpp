#include "server/app/device_messages.hpp"

#include "common/wire/state.hpp"
#include "server/access/permission.hpp"
#include "server/app/device_topic.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

void DeviceMessages::take(std::vector<MqttMessage> messages) {
  const Instant now = wall_clock_now();
  for (MqttMessage& message : messages) {
    const auto taken = take_one(message, now);
    if (taken) continue;
    ++counters_.refused;
    errors_.report(Error(taken.error()).within(message.topic));
  }
}

Result<void> DeviceMessages::take_one(MqttMessage& message, Instant now) {
  const auto topic = parse_up_topic(message.topic);
  if (!topic) return make_error(Errc::invalid_argument, "no topic of a device");
  if (message.payload.empty()) return {};  // a retained state was cleared
  switch (topic->kind) {
    case UpKind::state:
      parts_.states.take(std::string(topic->device), std::move(message.payload), message.retained, now);
      return {};
    case UpKind::telemetry:
      return parts_.telemetry.take(topic->device, std::move(message.payload));
    case UpKind::event:
      return take_will(topic->device, message.payload, now);
  }
  return {};
}

Result<void> DeviceMessages::take_will(std::string_view device, std::string_view document, Instant now) {
  const MessageId id{std::string(device), MessageKind::event, sha256(as_bytes(document))};
  const Admittance admission = parts_.quarantine.admit(id, now).admission;
  if (admission == Admittance::refuse || admission == Admittance::wait) return {};
  const auto in_hand = parts_.quarantine.hold({id});
  auto will = wire::decode_last_will(document);
  if (will && will->device != device) will = make_error(Errc::forbidden, "a will in the name of another device");
  if (!will) {
    parts_.quarantine.refuse(id, will.error(), now);
    return will.error();
  }
  parts_.presence.take_will(*will, now);
  parts_.quarantine.accept(id, now);
  return {};
}

void DeviceMessages::take_refusals(const std::vector<MqttRefusals>& refusals) {
  const Instant now = wall_clock_now();
  for (const MqttRefusals& one : refusals) {
    const MessageId id{one.sender, MessageKind::rate, {}};
    const bool large = one.too_large > 0;
    const std::string_view reason =
        large ? "a message larger than its kind may be: 256 KiB a state, 1 MiB a telemetry batch" : too_much;
    parts_.quarantine.refuse(id, reason, now, static_cast<std::int64_t>(one.too_large + one.over_budget));
  }
}

std::optional<MqttTopicRule> DeviceMessages::rule_of(std::string_view topic) {
  const auto parsed = parse_up_topic(topic);
  if (!parsed) return std::nullopt;
  return MqttTopicRule{parsed->device, size_limit(parsed->kind)};
}

namespace {

Task<Result<Response>> post_state(StateIntake& states, Request& request) {
  ARGOSY_CO_CHECK(co_await states.take_now(request.principal.name, std::move(request.body), request.now));
  co_return Response::no_content();
}

}  // namespace

void add_device_state_routes(Router& router, StateIntake& states) {
  router.add({.method = Method::post,
              .path = "/device/v1/state",
              .permission = Permission::act_as_device,
              .handler = [&states](Request& request) { return post_state(states, request); },
              .body_limit = size_limit(UpKind::state)});
}

}  // namespace argosy::server
